import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from edit.sources import cut, source
from edit.test_recut import EDIT, archive, films
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.credits import (
    Credit,
    as_json,
    as_text,
    credits_of,
    known_slate,
    slate_fields,
    with_cards,
    with_slates,
    without_cards,
    without_licence,
)
from kuleshov.footage import Slate
from kuleshov.notes import texts
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timecode import TimeRange
from kuleshov.timeline import (
    Card,
    Clip,
    Dissolve,
    Gap,
    Layout,
    Media,
    Sound,
    Timeline,
    Track,
)
from match.rows import film

F = Fraction
ROOT = Path("/films").absolute()
SEA = Slate("The sea", "Anna", "CC BY 4.0", "https://example.org/sea")


def clip(name: str, duration: int, slate: Slate = Slate(), checksum: str | None = None) -> Clip:
    checksum = name if checksum is None else checksum
    return Clip(
        Media(ROOT / f"{name}.mp4", checksum),
        F(10),
        duration,
        metadata={"kuleshov": {"shot": 1, **slate_fields(slate, checksum)}},
    )


@pytest.fixture
def timeline() -> Timeline:
    """sea, city, sea again and at once again, a title of the source, black; the source beside."""
    items = (
        clip("sea", 25, SEA),
        clip("city", 50),
        clip("sea", 10, SEA),
        clip("sea", 15, SEA),
        clip("trailer", 25, Slate("Trailer")),
        Gap(25),
    )
    beside = clip("trailer", 150, Slate("Trailer"))
    return Timeline(
        "Film",
        F(25),
        Layout.side_by_side(320, 180),
        (
            Track("recut", items, (Dissolve(0, 5, 0), Dissolve(1, 0, 5))),
            Track("source", (beside,), region="source"),
        ),
        Sound(beside.media),
        {"kuleshov": {"source_checksum": "trailer"}},
    )


def test_each_footage_is_listed_once_the_source_first_then_as_it_appears(timeline):
    listed = credits_of(timeline, {"recut"})
    assert [(c.path.stem, c.source, c.heard) for c in listed] == [
        ("trailer", True, True),
        ("sea", False, False),
        ("city", False, False),
    ]
    trailer, sea, city = listed
    assert trailer.seen == (TimeRange(F(4), F(5)),)
    assert sea.seen == (TimeRange(F(0), F(1)), TimeRange(F(3), F(4)))
    assert city.seen == (TimeRange(F(20, 25), F(80, 25)),)  # its dissolves too
    assert (sea.slate, city.slate) == (SEA, Slate())
    assert (sea.title, city.title) == ("The sea", "city")


def test_beside_its_remake_the_source_is_seen_throughout(timeline):
    assert credits_of(timeline)[0].seen == (TimeRange(F(0), F(6)),)


def test_what_a_project_does_not_show_is_not_credited_but_its_source_is(timeline):
    recut, beside = timeline.tracks
    items = (*recut.items[:4], Gap(50))
    listed = credits_of(replace(timeline, tracks=(replace(recut, items=items), beside)), {"recut"})
    assert (listed[0].title, listed[0].source, listed[0].seen) == ("Trailer", True, ())


def test_a_project_of_another_program_is_credited_by_its_files(timeline):
    items = (clip("a", 10, checksum=""), clip("b", 10, checksum=""), clip("a", 5, checksum=""))
    plain = Timeline(
        "x",
        F(25),
        Layout.single(64, 36),
        (Track("V1", items),),
        Sound(Media(ROOT / "music.mp4")),
    )
    listed = credits_of(plain)
    assert [(c.path.stem, len(c.seen), c.heard, c.source) for c in listed] == [
        ("a", 2, False, False),
        ("b", 1, False, False),
        ("music", 0, True, False),
    ]


def test_a_slate_speaks_only_of_its_own_footage():
    named = clip("sea", 25, SEA)
    assert known_slate(named) == SEA
    assert known_slate(replace(named, media=Media(ROOT / "other.mp4"))) == Slate()
    by_hand = {"kuleshov": {"slate": {"author": "Anna"}}}
    assert known_slate(replace(named, metadata=by_hand)) == Slate(author="Anna")
    for odd in ({"kuleshov": 1}, {"kuleshov": {"slate": "Anna"}}, {}):
        assert known_slate(replace(named, metadata=odd)) == Slate()


def test_slates_travel_through_a_project_file(timeline, tmp_path):
    write_otio(timeline, tmp_path / "film.otio")
    again = read_otio(tmp_path / "film.otio")
    assert again == timeline
    assert credits_of(again) == credits_of(timeline)


def test_slates_are_renewed_by_checksum(timeline):
    city = Slate("City", licence="CC0")
    renewed = with_slates(timeline, {"city": city, "sea": Slate()})
    assert [c.slate for c in credits_of(renewed)] == [Slate("Trailer"), Slate(), city]
    assert renewed.tracks[0].items[1].metadata["kuleshov"]["shot"] == 1
    assert with_slates(timeline, {"sea": SEA}) == timeline


def test_the_lists_say_what_is_known_and_what_is_not(timeline):
    listed = credits_of(timeline, {"recut"})
    text = as_text("Film", listed)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[2] == "Trailer (source of the cut)"
    assert "licence CC BY 4.0" in lines
    assert "used 0:00:00.000 to 0:00:01.000" in lines
    assert "its sound, throughout" in text
    assert lines.count("author not known") == 2
    (lacking,) = texts(without_licence(listed))
    assert lacking in text
    assert "2 of 3 films used: trailer.mp4, city.mp4." in lacking
    assert without_licence([Credit(Path("a"), "", SEA)]) == ()
    found = json.loads(as_json("Film", listed))
    assert found["film"] == "Film"
    assert found["credits"][1] == {
        "path": str(ROOT / "sea.mp4"),
        "checksum": "sea",
        "title": "The sea",
        "author": "Anna",
        "licence": "CC BY 4.0",
        "url": "https://example.org/sea",
        "source": False,
        "heard": False,
        "seen": [{"start_s": 0.0, "end_s": 1.0}, {"start_s": 3.0, "end_s": 4.0}],
    }


# ---------------------------------------------------------------- cards


def test_cards_follow_the_film_and_the_source_ends_in_black(timeline, tmp_path):
    film = with_cards(timeline, [("One\nAnna", 3.0), ("Two", 3.01)])
    recut, beside = film.tracks
    assert [type(item) for item in recut.items[-3:]] == [Gap, Card, Card]
    assert [item.duration for item in recut.items[-2:]] == [75, 76]
    assert isinstance(beside.items[-1], Gap)
    assert recut.duration == beside.duration == film.duration
    assert film.sound == timeline.sound
    assert credits_of(film) == credits_of(timeline)
    write_otio(film, tmp_path / "film.otio")
    assert read_otio(tmp_path / "film.otio") == film
    assert with_cards(film, [("Other", 3.0)]) == with_cards(timeline, [("Other", 3.0)])
    assert without_cards(film) == timeline
    assert with_cards(timeline, []) == timeline


def test_in_other_programs_the_sound_ends_before_the_cards(timeline, tmp_path):
    plain, after = tmp_path / "plain.otio", tmp_path / "after.otio"
    write_otio(timeline, plain)
    write_otio(with_cards(timeline, [("One", 3.0)]), after)
    lengths = []
    for path in (plain, after):
        found = json.loads(path.read_text())
        (sound,) = found["tracks"]["children"][-1]["children"]
        lengths.append(sound["source_range"]["duration"]["value"])
    assert lengths == [150, 150]


def test_cards_that_an_editor_made_longer_are_replaced_all_the_same(timeline):
    film = with_cards(timeline, [("One", 3.0)])
    recut, beside = film.tracks
    longer = replace(recut, items=(*recut.items[:-1], replace(recut.items[-1], duration=200)))
    missing = longer.duration - beside.duration
    padded = replace(beside, items=(*beside.items, Gap(missing)))
    assert without_cards(replace(film, tracks=(longer, padded))) == timeline


def test_a_card_of_ones_own_stays(timeline):
    recut, beside = timeline.tracks
    end = Track("recut", (*recut.items, Card(30, "THE END")), recut.transitions)
    film = replace(timeline, tracks=(end, replace(beside, items=(*beside.items, Gap(30)))))
    credited = with_cards(film, [("One", 3.0)])
    assert Card(30, "THE END") in credited.tracks[0].items
    assert without_cards(credited) == film


# ---------------------------------------------------------------- recut


@pytest.mark.slow
def test_a_recut_brings_the_slates_of_its_footage_along(tmp_path):
    rows = archive()
    slated = ArchiveRows(
        replace(each, footage=replace(each.footage, slate=Slate(f"Film {each.footage.id}", "Anna")))
        for each in rows.films
    )
    analysis = source(240, EDIT)
    tags = Slate("Source", "Georges", "Public domain")
    analysis = replace(analysis, probe=replace(analysis.probe, tags=tags))
    (made,) = films(analysis, slated)
    write_otio(made.timeline, tmp_path / "film.otio")
    listed = credits_of(read_otio(tmp_path / "film.otio"), {"recut"})
    assert listed[0].slate == tags
    assert listed[0].source
    assert len(listed) > 3
    for credit in listed[1:]:
        assert credit.slate == Slate(f"Film {int(credit.checksum, 16)}", "Anna")


def test_held_clips_and_kept_titles_bring_them_too():
    short = film(1, 3)
    rows = ArchiveRows([replace(short, footage=replace(short.footage, slate=SEA))])
    analysis = source(240, [cut(100), cut(220)], titles=[2])
    analysis = replace(analysis, probe=replace(analysis.probe, tags=Slate("Source")))
    (made,) = films(analysis, rows, titles="keep")
    clips = [i for i in made.timeline.track("recut").items if isinstance(i, Clip)]
    assert any(not item.speed for item in clips)
    kept = [item for item in clips if item.media.checksum == "source"]
    assert kept
    assert all(known_slate(item) == Slate("Source") for item in kept)
    assert all(known_slate(item) == SEA for item in clips if item not in kept)


def test_what_the_archive_knows_of_the_source_wins_over_its_tags():
    rows = archive()
    own = rows.films[0].footage
    held = ArchiveRows(
        [
            replace(rows.films[0], footage=replace(own, checksum="source", slate=SEA)),
            *rows.films[1:],
        ]
    )
    (made,) = films(source(240, EDIT), held)
    assert credits_of(made.timeline)[0].slate == SEA
