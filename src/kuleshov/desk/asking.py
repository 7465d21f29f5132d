"""Questions to an archive, and their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from kuleshov.errors import MatchError, UsageError
from kuleshov.features.tags import Tag
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.text.by_words import CLEAR, Named, Understood
from kuleshov.notes import Note, together

__all__ = ["Ask", "Found"]


@dataclass(frozen=True)
class Ask:
    """A question to an archive: words, an example, or a bin; exactly one of the three.

    `words` say what to look for; `like` is a picture, or a film from `begin` on for `length` s,
    that clips are to look like; `bin` means all of its shots.

    `drift` leads away from what words mean (0) to what the machine takes for it (1). `more` and
    `less` are numbers, from 1 on, of answers to the same words without these two: what is found is
    to be more like the ones, and less like the others. Nothing is remembered for that. Raises
    `UsageError` where none or several of the three are given, or one that is empty.
    """

    words: str | None = None
    like: Path | None = None
    begin: Fraction = Fraction(0)
    length: Fraction = Fraction(2)
    bin: str | None = None
    drift: float = 0.0
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # Exact whatever was given: a name as text, a whole number of seconds.
        if self.like is not None:
            object.__setattr__(self, "like", Path(self.like))
        for name in ("begin", "length"):
            object.__setattr__(self, name, Fraction(getattr(self, name)))
        given = [part for part in (self.words, self.like, self.bin) if part is not None]
        if len(given) != 1:
            raise UsageError(
                "Say what to look for, in one way: words, an example, or a bin.", code="ask-one"
            )
        if self.words is not None and not self.words.strip():
            raise UsageError("The words to look for are empty.")
        if self.length <= 0:
            raise UsageError(
                f"length must be above 0, not {float(self.length):g}.", option="Ask.length"
            )
        if not 0 <= self.drift <= 1:
            raise UsageError(f"drift lies between 0 and 1, not at {self.drift:g}.", option="drift")
        if (self.more or self.less) and (self.words is None or self.drift):
            raise UsageError("More and less like answers goes with words, and without drift.")
        if any(number < 1 for number in (*self.more, *self.less)):
            raise UsageError("Answers are counted from 1.")
        if set(self.more) & set(self.less):
            raise UsageError("An answer cannot be meant for both more and less.")
        if self.drift and self.words is None:
            raise UsageError("drift leads away from words: say some.", option="drift")

    @property
    def name(self) -> str:
        """A name for the question, as people would call it."""
        return self.words or self.bin or (self.like.stem if self.like is not None else "")


@dataclass(frozen=True)
class Found:
    """The answers to a question: clips, best first, each moment once.

    `tags` are those of the example; `understood` says what words were taken to mean; `named` are
    clips of footage that has such a name, apart from those that show it.
    """

    hits: tuple[Candidate, ...]
    notes: tuple[Note, ...] = ()
    tags: tuple[Tag, ...] = ()
    understood: Understood | None = None
    named: tuple[Named, ...] = ()

    def clear(self, drift: float = 0.0) -> Found:
        """Return only the clips that answer clearly, with a note that says so.

        Clips come before footage that only has such a name. What does not clearly show the words is
        left out, unless one wants to `drift` away from them. Raises `MatchError` where nothing
        answers.
        """
        if self.understood is None or drift:
            return self
        good = tuple(c for c in self.hits if c.score >= CLEAR)
        shown = {c.ref for c in good}
        named = (one.hit for one in self.named)
        by_name = tuple(c for c in named if c.ref not in shown)
        if not by_name and not good:
            raise MatchError(
                f"Nothing in the archive clearly shows {self.understood.wanted!r}: see what comes "
                "nearest, say it in other words, or let the machine wander from them.",
                code="nothing-clear",
            )
        # A name says nothing of how well it is seen: after all that shows it.
        named_as = CLEAR if good else 1.0
        by_name = tuple(replace(c, score=named_as) for c in by_name)
        said = []
        if good:
            show = "shows" if len(good) == 1 else "show"
            text = f"{_shots(len(good))} {show} it clearly; what does not is not used."
            said.append(Note("shots-clear", text, {"shots": len(good)}))
        if by_name:
            come = "comes" if len(by_name) == 1 else "come"
            after = f" {come} after what shows it" if good else ""
            text = f"{_shots(len(by_name))} of footage with such a name{after}."
            said.append(Note("shots-by-name", text, {"shots": len(by_name)}))
        return replace(self, hits=(*good, *by_name), notes=together(self.notes, said))

    @property
    def told(self) -> tuple[Note, ...]:
        """The notes, after one on what words were taken to mean."""
        if self.understood is None:
            return self.notes
        heard = Note("understood", f"Understood: {self.understood}.", self.understood.as_data())
        return (heard, *self.notes)


def _shots(count: int) -> str:
    return "1 shot" if count == 1 else f"{count} shots"
