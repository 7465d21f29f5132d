"""What pictures and shots are good for: made ones here, real ones from the samples and beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import kuleshov
from kuleshov.errors import ModelError
from kuleshov.features import material
from kuleshov.features.encoder import Encoded, encoder
from kuleshov.features.material import KINDS, Judged, Material, Trait, Whole, judge, measure
from kuleshov.media.decode import Film
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.media.scale import Scaler

SIZE = (456, 256)


@pytest.fixture(scope="module")
def describe():
    """Describes pictures of one size, as an analysis would."""
    model, facet = encoder(), Material()

    def rows(pictures):
        squeezed = [p.resize((model.side, model.side), Image.Resampling.BOX) for p in pictures]
        seen = model(np.stack([np.asarray(p) for p in squeezed]))
        large = np.stack([np.asarray(p) for p in pictures])
        return facet.describe(Encoded(seen.images, seen.pooled, seen.grid, large)).astype(float)

    return rows


@pytest.fixture(scope="module")
def samples():
    """The first picture of each of the bundled films that is no fade."""
    folder = Path(kuleshov.__file__).parent / "samples" / "archive"
    found = {}
    for path in sorted(folder.glob("*.mp4")):
        with Film(path) as film:
            found[path.stem] = Image.fromarray(
                Scaler(film.video, SIZE[1], SIZE[0])(next(film.pictures()).frame)
            )
    return found


def plain(colour=(0, 0, 0)):
    return Image.new("RGB", SIZE, colour)


def written(text, size=30, ground=None, at=(0.5, 0.5), ink=(240, 240, 235)):
    picture = plain() if ground is None else ground.copy()
    draw = ImageDraw.Draw(picture)
    place = (SIZE[0] * at[0], SIZE[1] * at[1])
    font = ImageFont.load_default(size)
    draw.multiline_text(place, text, ink, font, "mm", align="center")
    return picture


def grainy(picture, strength=6):
    noise = np.random.default_rng(0).normal(0, strength, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def bars():
    picture = plain()
    draw = ImageDraw.Draw(picture)
    colours = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]
    for i, colour in enumerate(colours):
        box = [i * SIZE[0] / 7, 0, (i + 1) * SIZE[0] / 7, SIZE[1]]
        draw.rectangle(box, tuple(191 * c for c in colour))
    return picture


def countdown(number):
    picture = plain((150, 148, 140))
    draw, x, y = ImageDraw.Draw(picture), SIZE[0] / 2, SIZE[1] / 2
    draw.pieslice([x - 400, y - 400, x + 400, y + 400], -90, 40, (90, 90, 88))
    draw.line([0, y, SIZE[0], y], (20, 20, 20), 2)
    draw.line([x, 0, x, SIZE[1]], (20, 20, 20), 2)
    for r in (105, 90):
        draw.ellipse([x - r, y - r, x + r, y + r], outline=(20, 20, 20), width=3)
    return grainy(written(str(number), 120, picture, ink=(15, 15, 15)))


def kinds(rows):
    return [KINDS[int(row[:6].argmax())] for row in rows]


# ---------------------------------------------------------------- pictures


@pytest.mark.slow
def test_rows_are_shares(describe, samples):
    rows = describe([*samples.values(), bars(), plain()])
    assert rows.shape == (len(samples) + 2, len(Trait))
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert rows[:, :6].sum(axis=1) == pytest.approx(np.ones(len(rows)), abs=2e-3)


@pytest.mark.slow
def test_the_samples_are_pictures(describe, samples):
    rows = describe(list(samples.values()))
    assert kinds(rows) == ["picture"] * len(samples)


@pytest.mark.slow
def test_dark_and_foggy_pictures_are_pictures(describe, samples):
    seen = [
        changed
        for name in ("minneapolis_flight", "ocean_wave", "amsterdam_street", "night_sky")
        for changed in (
            samples[name].point(lambda v: v // 3),
            Image.blend(samples[name], plain((205, 208, 212)), 0.6),
        )
    ]
    assert kinds(describe(seen)) == ["picture"] * len(seen)


@pytest.mark.parametrize("text", ["THE END", "Part Two\nThe Journey to the Moon", "VICTOR ANDRE"])
@pytest.mark.parametrize("ground", [(0, 0, 0), (12, 40, 90), (120, 20, 20)])
def test_cards_are_titles(describe, text, ground):
    (row,) = describe([grainy(written(text, 36, plain(ground)), 3)])
    assert kinds([row]) == ["title"]
    assert row[Trait.TEXT] > 0.5


def test_subtitles_are_text_in_a_picture(describe, samples):
    for name in ("coffee_table", "animal_portraits", "drawing_hand"):
        said = "But where did you put the letter?"
        bare, row = describe([samples[name], written(said, 18, samples[name], (0.5, 0.9))])
        assert kinds([row]) == ["picture"]
        assert row[Trait.TEXT] > 0.5 > bare[Trait.TEXT]


def test_bars_are_bars(describe):
    smeared = bars().filter(ImageFilter.GaussianBlur(1.5))
    assert kinds(describe([bars(), grainy(smeared, 5)])) == ["bars"] * 2


def test_a_countdown_is_leader(describe):
    assert kinds(describe([countdown(n) for n in (8, 5, 3)])) == ["leader"] * 3


def test_nothing_is_blank(describe):
    grounds = [plain(), plain((250, 250, 250)), plain((70, 80, 160)), grainy(plain((20, 20, 20)))]
    stamped = written("01:02:33:14", 14, plain((4, 4, 4)), (0.82, 0.93))
    rows = describe([*grounds, stamped])
    assert kinds(rows) == ["blank"] * 5


@pytest.mark.slow
def test_what_is_far_out_of_focus_is_blurred(describe, samples):
    names = ("amsterdam_street", "animal_portraits", "minneapolis_flight", "coffee_table")
    sharp = describe([samples[name] for name in names])
    soft = describe([samples[name].filter(ImageFilter.GaussianBlur(15)) for name in names])
    assert kinds(soft) == ["blurred"] * len(names)
    assert (soft[:, Trait.SHARPNESS] < 0.5 * sharp[:, Trait.SHARPNESS]).all()


def test_a_bird_in_the_sky_is_not_thrown_away(describe):
    sky = plain((196, 204, 214))
    ImageDraw.Draw(sky).polygon([(225, 120), (232, 125), (240, 119), (232, 130)], (40, 40, 45))
    (row,) = describe([sky])
    assert row[Trait.BLANK] == 0


def test_measures_see_strokes_edges_and_softness():
    picture = plain()
    ImageDraw.Draw(picture).rectangle([226, 0, 230, SIZE[1]], (230, 230, 230))
    line, still = measure(np.asarray(picture)), measure(np.asarray(plain((90, 90, 90))))
    light, dark = line.cells[..., 0], line.cells[..., 1]
    assert light[:, 3].min() > 0.05
    assert light[:, [0, 1, 2, 4, 5, 6]].max() == dark.max() == 0
    assert not still.cells[..., :8].any()
    assert still.whole[Whole.EDGES] == still.whole[Whole.SPAN] == 0
    soft = measure(np.asarray(picture.filter(ImageFilter.GaussianBlur(8))))
    assert soft.whole[Whole.CRISP] < 0.5 * line.whole[Whole.CRISP]


def test_no_pictures_give_no_rows():
    empty = Encoded(
        np.zeros((0, 224, 224, 3), np.uint8),
        np.zeros((0, 1280), np.float32),
        np.zeros((0, 7, 7, 320), np.float32),
    )
    rows = Material().describe(empty)
    assert rows.shape == (0, len(Trait))
    assert rows.dtype == np.float16


def test_without_large_pictures_the_squeezed_ones_do():
    model = encoder()
    pictures = [bars(), written("A FILM BY\nNOBODY", 40)]
    squeezed = np.stack([np.asarray(p.resize((224, 224), Image.Resampling.BOX)) for p in pictures])
    assert kinds(Material().describe(model(squeezed)).astype(float)) == ["bars", "title"]


@pytest.mark.parametrize("size", [(768, 256), (256, 768), (256, 256), (341, 256)])
def test_any_shape_is_measured_alike(size):
    measured = measure(np.full((size[1], size[0], 3), 9, np.uint8))
    assert measured.cells.shape == (7, 7, 22)
    assert np.isfinite(measured.cells).all()
    assert np.isfinite(measured.whole).all()


def test_missing_weights_are_said(monkeypatch):
    monkeypatch.setattr(material, "BUNDLED", "another")
    with pytest.raises(ModelError, match="weights of material are missing"):
        Material()


def test_another_encoder_is_refused():
    seen = Encoded(
        np.zeros((1, 32, 32, 3), np.uint8),
        np.zeros((1, 48), np.float32),
        np.zeros((1, 4, 4, 3), np.float32),
    )
    with pytest.raises(ModelError, match="not from 48 numbers: use that encoder"):
        Material().describe(seen)


# ---------------------------------------------------------------- shots


def row(kind="picture", text=0.0, sure=0.96):
    values = np.full(len(Trait), (1 - sure) / 5)
    values[KINDS.index(kind)] = sure
    values[Trait.TEXT], values[Trait.SHARPNESS] = text, 0.4
    return values


def shot(*parts):
    return judge(np.stack([row(kind) for kind, count in parts for _ in range(count)]))


def test_a_shot_is_what_its_rows_are():
    for kind in KINDS:
        found = shot((kind, 5))
        assert found.kind == kind
        assert found.offered == (kind in ("picture", "title"))
        assert found.share > 0.9


def test_a_part_does_not_make_a_shot_unusable():
    assert shot(("picture", 5), ("leader", 1)).kind == "picture"
    assert shot(("picture", 2), ("blank", 4)).kind == "picture"  # a long fade
    assert shot(("picture", 1), ("blank", 9)).kind == "blank"
    assert shot(("leader", 4), ("blank", 3), ("bars", 1)).kind == "leader"


def test_a_title_may_fade():
    assert shot(("title", 3), ("blank", 4)).kind == "title"
    assert shot(("title", 2), ("picture", 5)).kind == "picture"


def test_text_in_a_quarter_of_a_shot_counts():
    seen = [row(text=0.9)] * 2 + [row()] * 6
    assert judge(np.stack(seen)).text
    assert not judge(np.stack(seen[1:])).text


def test_nothing_is_said_without_rows():
    assert judge(np.zeros((0, len(Trait)), np.float16)) == Judged("picture", False, 0.0)


# ---------------------------------------------------------------- the fit


@pytest.mark.slow
def test_a_fit_is_the_same_each_time_and_learns(monkeypatch):
    import fit_material

    monkeypatch.setattr(fit_material, "STEPS", 150)
    rng = np.random.default_rng(0)
    count = 120
    kind = np.arange(count) % 6
    pooled = rng.normal(0, 1, (count, 40)) + 3 * np.eye(40)[kind]
    letters = np.where(kind[:, None, None] == 1, 0.5, 0.0) * np.ones((1, 7, 7))
    examples = fit_material.Examples(
        pooled.astype(np.float32),
        rng.normal(0, 1, (count, 7, 7, 12)).astype(np.float32),
        (rng.normal(0, 1, (count, 7, 7, 4)) + letters[..., None]).astype(np.float32),
        rng.normal(0, 1, (count, 6)).astype(np.float32),
        letters.astype(np.float32),
        kind,
    )
    one, two = fit_material.fit(examples), fit_material.fit(examples)
    assert all(np.array_equal(one[name], two[name]) for name in one)
    parts = (examples.pooled, examples.grid, examples.cells, examples.whole)
    assert (material.infer(one, *parts)[:, :6].argmax(axis=1) == kind).mean() > 0.9


# ---------------------------------------------------------------- real films


@pytest.mark.slow
def test_the_cards_of_a_real_trailer(footage):
    """Every card is a title, and nothing else is but where one dissolves."""
    found = sorted(footage.rglob("trip_to_the_moon_trailer.mp4"))
    if not found:
        pytest.skip("the trailer is not there")
    model, facet = encoder(), Material()
    rows = []
    for batch in read(ReadRequest(found[0], per_second=1, large=256)):
        if isinstance(batch, FrameBatch):
            seen = model(batch.pictures)
            rows += [facet.describe(Encoded(seen.images, seen.pooled, seen.grid, batch.large))]
    described = np.concatenate(rows).astype(float)
    spans = ((1, 5), (9, 11), (13, 15), (20, 22), (34, 35), (38, 39), (40, 41), (49, 51), (52, 56))
    cards = {second for span in spans for second in range(*span)}
    dissolves = {8, 11, 12, 15, 19, 51}
    titles = {n for n, kind in enumerate(kinds(described)) if kind == "title"}
    assert cards <= titles
    assert titles <= cards | dissolves
    unusable = {n for n, kind in enumerate(kinds(described)) if kind not in ("picture", "title")}
    assert unusable <= {0, 5}  # black
