"""Write the page itself: one HTML file that needs nothing beside it and no JavaScript.

Every text that comes from a film, a file's name or a project is escaped where it is put in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from kuleshov.features.tags import SENTENCES, WORDS, Tag, phrase
from kuleshov.notes import Note
from kuleshov.report.drawing import score
from kuleshov.report.film import FilmReport, ShotReport
from kuleshov.report.pairs import Pair
from kuleshov.report.rhymes import Rhyme
from kuleshov.report.stills import Still
from kuleshov.report.terms import terms_for
from kuleshov.report.words import cutting, lasting, summary
from kuleshov.timecode import format_time

__all__ = ["page"]

_HEADINGS = {
    "scale": "Scale",
    "faces": "Faces",
    "camera": "Camera",
    "speed": "Speed",
    "light": "Light",
    "contrast": "Contrast",
    "colour": "Colour",
    "hue": "Hues",
}
# What is not worth a word under a picture, as it is written.
_USUAL = frozenset({"no face", "no people", "medium contrast", "even light", "moderate movement"})


def page(
    title: str,
    film: FilmReport | None,
    stills: Mapping[int, Still],
    pairs: Sequence[Pair] | None = None,
    notes: Sequence[Note] = (),
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the whole page as text.

    `film` is the film, or a recut's source (None where that is missing); `stills` its pictures by
    number of the shot; `pairs` the shots of a recut; `notes` say what is lacking;
    `facts` what is said of the project.
    """
    told = [*facts, *(film.facts if film is not None else ())]
    body = [_head(title, film, pairs, told, [*notes, *(film.notes if film is not None else ())])]
    if film is not None and film.shots:
        body.append(_rhythm(film))
        body.append(_tally(film))
    if pairs is not None:
        body.append(_pairs(pairs))
    if film is not None:
        if pairs is None:
            body.append(_strip(film, stills))
        body.append(_rhymes(film, stills))
    body.append(_terms(film, pairs))
    body.append(_method(film))
    whole = "\n".join(part for part in body if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}: a reading</title>\n<style>{_style()}</style>\n</head>\n<body>\n"
        f"<main>\n{whole}\n</main>\n<footer><p>Read by Kuleshov from the pictures and the sound "
        "alone.</p></footer>\n</body>\n</html>\n"
    )


def _style() -> str:
    """Return the style sheet, which names no address: nothing is fetched."""
    return Path(__file__).with_name("page.css").read_text("utf-8")


def _head(
    title: str,
    film: FilmReport | None,
    pairs: Sequence[Pair] | None,
    facts: Iterable[tuple[str, str]],
    notes: Sequence[Note],
) -> str:
    kind = "A recut, shot by shot" if pairs is not None else "A film, shot by shot"
    lead = f'<p class="lead">{escape(summary(film))}</p>' if film is not None else ""
    listed = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in facts)
    warned = "".join(f"<li>{escape(note.text)}</li>" for note in notes)
    return (
        f'<header><p class="kind">{kind}</p><h1>{escape(title)}</h1>{lead}'
        + (f'<dl class="facts">{listed}</dl>' if listed else "")
        + (f'<ul class="notes">{warned}</ul>' if warned else "")
        + "</header>"
    )


def _rhythm(film: FilmReport) -> str:
    said = " ".join(escape(sentence) for sentence in cutting(film))
    # Rows by which to read the drawing.
    rows = ["thin lines are cuts", "a block is a shot, as high as it is long"]
    return (
        f'<section id="rhythm"><h2>Rhythm</h2><p>{said}</p>'
        f'<figure class="wide">{score(film)}<figcaption>Time runs from left to right; '
        f"{', '.join(rows)}; colours are means of the whole picture.</figcaption></figure>"
        "</section>"
    )


def _tally(film: FilmReport) -> str:
    groups = []
    for kind, heading in _HEADINGS.items():
        words = film.tally.get(kind, {})
        if not words:
            continue
        lines = "".join(
            f'<tr><th scope="row">{escape(word)}</th><td class="bar"><span style="width:'
            f'{max(1.0, min(100.0, share * 100)):.1f}%"></span></td><td class="number">'
            f"{_percent(share)}</td></tr>"
            for word, share in words.items()
        )
        groups.append(
            f'<div><h3>{heading}</h3><table><caption class="unseen">{heading}: share of the '
            f"film's time</caption>{lines}</table></div>"
        )
    if not groups:
        return ""
    return (
        '<section id="language"><h2>What it is made of</h2><p>Of its time, so much is each '
        "of these. Scale is told of shots with a face only; hues stand side by side.</p>"
        f'<div class="tally">{"".join(groups)}</div></section>'
    )


def _percent(share: float) -> str:
    return "&lt; 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def _strip(film: FilmReport, stills: Mapping[int, Still]) -> str:
    figures = "".join(
        f'<li><figure class="shot" id="shot-{shot.number}">'
        f"{_picture(stills.get(shot.number), _alt(shot))}"
        f"<figcaption>{_line(shot)}{_chips(shot.tags)}</figcaption></figure></li>"
        for shot in film.shots
    )
    return (
        '<section id="shots"><h2>Shots</h2><p>Numbered from 1, '
        "each with the time at which it begins, and its length.</p>"
        f'<ol class="strip">{figures}</ol></section>'
    )


def _line(shot: ShotReport) -> str:
    return (
        f'<span class="line"><b>{shot.number}</b> <time>{_short(shot)}</time> '
        f'<span class="length">{lasting(float(shot.span.duration))}</span></span>'
    )


def _short(shot: ShotReport) -> str:
    """Return a time without what it does not need: `0:12.4`."""
    text = format_time(shot.span.start)[:-2].removeprefix("0:")
    return text[1:] if text.startswith("0") else text


def _alt(shot: ShotReport) -> str:
    said = ", ".join(phrase(tag) for tag in _worth(shot.tags))
    return f"Shot {shot.number}: {said or 'black'}"


def _worth(tags: Iterable[Tag]) -> list[Tag]:
    return [tag for tag in tags if tag.kind != "length" and phrase(tag) not in _USUAL]


def _chips(tags: Sequence[Tag]) -> str:
    parts = []
    for tag in _worth(tags):
        value = "" if tag.value is None else f", measured {tag.value:.3g}"
        title = f"{tag.kind}: holds by {tag.share:.0%}{value}"
        parts.append(f'<li title="{escape(title)}">{escape(phrase(tag))}</li>')
    return f'<ul class="tags">{"".join(parts)}</ul>' if parts else ""


def _picture(still: Still | None, alt: str) -> str:
    if still is None:
        return f'<div class="black" role="img" aria-label="{escape(alt)}"></div>'
    return (
        f'<img src="{still.address}" width="{still.width}" height="{still.height}" '
        f'alt="{escape(alt)}" loading="lazy" decoding="async">'
    )


def _rhymes(film: FilmReport, stills: Mapping[int, Still]) -> str:
    if not film.rhymes:
        return ""
    pairs = "".join(_rhyme(film, rhyme, stills) for rhyme in film.rhymes)
    return (
        '<section id="rhymes"><h2>Rhymes</h2><p>Shots that lie apart and are most alike in '
        "subject, composition, tone, movement, faces and bodies, the closest first. A figure is "
        "the share of random pairs of pictures that are less alike.</p>"
        f'<ol class="pairs">{pairs}</ol></section>'
    )


def _rhyme(film: FilmReport, rhyme: Rhyme, stills: Mapping[int, Still]) -> str:
    shots = [film.shot(rhyme.first), film.shot(rhyme.second)]
    pictures = "".join(
        f"<figure>{_picture(stills.get(shot.number), _alt(shot))}"
        f"<figcaption>{_line(shot)}</figcaption></figure>"
        for shot in shots
    )
    apart = lasting(float(shots[1].span.start - shots[0].span.end))
    said = f"{apart} apart" + (", from one set-up" if rhyme.setup else "") + "."
    return (
        f'<li class="pair">{pictures}<div class="why">'
        f"<p>{escape(said)}{_both(rhyme.shared)}</p>{_facets(rhyme.facets.items())}</div></li>"
    )


def _both(shared: Sequence[str]) -> str:
    return f" Both: {escape(', '.join(shared))}." if shared else ""


def _facets(facets: Iterable[tuple[str, float]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="bar"><span style="width:'
        f'{max(0.0, min(1.0, value)) * 100:.0f}%"></span></td><td class="number">{value:.2f}</td>'
        "</tr>"
        for name, value in facets
    )
    caption = '<caption class="unseen">How alike, by facet</caption>'
    return f'<table class="facets">{caption}{lines}</table>' if lines else ""


def _pairs(pairs: Sequence[Pair]) -> str:
    shown = "".join(_pair(pair) for pair in pairs)
    return (
        '<section id="pairs"><h2>Shot and clip</h2><p>On the left the source, on the right the '
        "clip that answers it. A figure is the share of random pairs of pictures that are less "
        "alike; the score runs from 0, as alike as a random pair, to 1, the same picture.</p>"
        f'<ol class="pairs">{shown}</ol></section>'
    )


def _pair(pair: Pair) -> str:
    what, own = pair.tags
    name = pair.name or ("black" if "black" in pair.marks else "")
    marks = "".join(f'<li class="mark">{escape(mark)}</li>' for mark in pair.marks)
    number = "" if pair.number is None else str(pair.number)
    anchor = f' id="pair-{number}"' if number else ""
    alts = [f"Source of shot {number}", f"Shot {number}: {name}"] if number else ["Source", name]
    alts = [
        f"{alt}{': ' if words else ''}{', '.join(words)}"
        for alt, words in zip(alts, (what, own), strict=True)
    ]
    said = _both(pair.shared).strip()
    scored = "" if pair.score is None else f'<span class="score">{pair.score:.2f}</span>'
    return (
        f'<li class="pair"{anchor}>'
        f"<figure>{_picture(pair.source, alts[0])}<figcaption>"
        f'<span class="line"><b>{number}</b> <time>{escape(pair.time)}</time> '
        f'<span class="length">{escape(pair.length)}</span></span>{_named(what)}'
        f"</figcaption></figure><figure>{_picture(pair.clip, alts[1])}<figcaption>"
        f'<span class="line"><b>{escape(name)}</b> {escape(pair.place)}</span>{_named(own)}'
        f'</figcaption></figure><div class="why"><p>{scored}{said}</p>'
        + (f'<ul class="tags">{marks}</ul>' if marks else "")
        + f"{_facets(pair.facets)}</div></li>"
    )


def _named(words: Sequence[str]) -> str:
    listed = "".join(f"<li>{escape(word)}</li>" for word in words if word not in _USUAL)
    return f'<ul class="tags">{listed}</ul>' if listed else ""


def _terms(film: FilmReport | None, pairs: Sequence[Pair] | None) -> str:
    spoken: set[str] = set()
    if film is not None:
        tags = [tag for shot in film.shots for tag in shot.tags]
        spoken |= {tag.word for tag in tags}
        spoken |= {shot.transition for shot in film.shots[1:]}
        spoken |= {"average shot length"} if len(film.shots) > 1 else set()
        spoken |= {"rhyme", "set-up"} if film.rhymes else set()
    said = {word for pair in pairs or () for words in pair.tags for word in words}
    for kind, words in WORDS.items():
        spoken |= {word for word in words if phrase(Tag(kind, word, 1)) in said}
    listed = "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(text)}</dd></div>"
        for term, text in terms_for(spoken).items()
    )
    if not listed:
        return ""
    return f'<section id="terms"><h2>Words</h2><dl class="terms">{listed}</dl></section>'


def _method(film: FilmReport | None) -> str:
    if film is None:
        return ""
    kinds = {tag.kind for shot in film.shots for tag in shot.tags}
    said = [SENTENCES[kind] for kind in WORDS if kind in kinds]
    said += list(_more(film))
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    return (
        '<section id="method"><h2>How this was measured</h2><p>By machine, from the pictures: it '
        "can be wrong, and does not know what a film means.</p>"
        f"<ul>{listed}</ul></section>"
    )


def _more(film: FilmReport) -> Iterator[str]:
    if film.loudness is not None:
        yield (
            "Loudness is the level of the sound, over a twentieth of a second, from 60 decibels "
            "below full scale to full scale; it is not weighed as ears do."
        )
    yield (
        "Movement is how fast the picture moves on average, camera and all, in picture sizes a "
        "second; its curve is drawn by the root."
    )
    if film.rhymes:
        yield (
            "Rhymes are the pairs of shots with the most bits over all facets, weighed as for a "
            "recut; shots that follow each other closely do not count."
        )
