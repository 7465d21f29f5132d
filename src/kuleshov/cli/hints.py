"""Put the names of options into library sentences, and add advice by code.

Libraries name neither options nor verbs: their errors and notes say which field is wrong, or have a
code. Here that becomes what a person types.
"""

from __future__ import annotations

from collections.abc import Mapping

from kuleshov.errors import KuleshovError, UsageError
from kuleshov.notes import Note

__all__ = ["hinted", "option_named", "told"]

_OPTIONS: Mapping[str, str] = {
    "Ask.length": "--for",
    "begin": "--in",
    "end": "--out",
    "limit": "--max-size",
    "out": "-o",
    "stretch": "--max-stretch",
}
"""Options that are not called as the field that they set."""

_INDEX = "Add footage with `kuleshov index FOLDER`, and --archive where it is to lie elsewhere."
_PLACEHOLDERS = "`kuleshov render --missing placeholder`"

_ADVICE: Mapping[str, str] = {
    # errors
    "archive-empty": _INDEX,
    "archive-missing": _INDEX,
    "archive-old": "`kuleshov index` does that.",
    "ask-one": 'Write "WORDS", --like FILE or --bin NAME.',
    "bin-empty": "Fill it with `kuleshov bin NAME --add FOOTAGE`.",
    "bin-missing": "Make it with `kuleshov bin NAME --add FOOTAGE`.",
    "cluster-missing": "Ray starts one with `ray start --head`.",
    "encoder-unseen": "`kuleshov index FOLDER --encoder NAME` does that.",
    "footage-gone": "See `kuleshov relink`.",
    "footage-missing": "To mend it, find what was moved with `kuleshov relink FOLDER --project "
    f"PROJECT.otio`, or render the rest with {_PLACEHOLDERS}.",
    "footage-unreadable": f"To render the rest: {_PLACEHOLDERS}.",
    "format-unknown": "Or name the format with --format.",
    "grid-large": "That is --cell.",
    "index-again": "`kuleshov index` does that.",
    "length-unknown": "Say it with --mix-to.",
    "lens-missing": "Train one with `kuleshov see train`.",
    "nothing-clear": "`kuleshov search` shows what comes nearest, and --drift 0.5 lets the machine "
    "wander.",
    "nothing-left": "They are said with --only and --exclude.",
    "no-beat": "Cut without --music.",
    "part-outside": "The part is from --in to --out.",
    "pictures-small": "The size is --size.",
    "shots-short": "That is --shot.",
    "word-missing": "Teach it with `kuleshov word NAME --like FILE`.",
    "word-unseen": "`kuleshov word NAME --like FILE --encoder NAME` does that.",
    "training-base": "Or train from nothing with --no-base.",
    "training-begun": "Go on with --resume, or name another -o.",
    "training-none": "Leave --resume out.",
}
"""What is added to the sentence of an error with this code."""

_ALSO: Mapping[str, str] = {
    "bars-cut": "--keep-bars leaves them.",
    "encoder-unseen": "`kuleshov index FOLDER --encoder NAME` does that.",
    "film-full": "Let it be longer with --length.",
    "footage-missing": "`kuleshov relink FOLDER` finds it.",
    "licence-unknown": "Enter it with `kuleshov slate`.",
    "pictures-enlarged": "The size is --size.",
    "shots-short": "Allow shorter ones with --shot.",
    "size-guessed": "Set another with --size.",
    "size-guessed-and-more-lost": "`--size` sets another, and `--original PROJECT` takes the rest "
    "from the project as it was before.",
    "shots-too-long": "How long they may be is --shot.",
    "training-stopping": "Ctrl-C again drops it.",
}
"""What is added to a note with this code."""


def told(error: Exception) -> str:
    """Return the sentence of an error as a person at the command line is told it."""
    text = str(error)
    if not isinstance(error, KuleshovError):
        return text
    if isinstance(error, UsageError) and error.option:
        text = option_named(text, error.option)
    advice = _ADVICE.get(error.code, "")
    return f"{text} {advice}" if advice else text


def option_named(text: str, field: str) -> str:
    """Return a sentence that begins with the name of a field, with its option's name instead."""
    name = field.rpartition(".")[2]  # without the record's, which stands where several have it
    option = _OPTIONS.get(field) or f"--{name.replace('_', '-')}"
    return option + text[len(name) :] if text.startswith(name) else text


def hinted(note: Note) -> str:
    """Return the sentence of a note, with advice on the command line where there is some."""
    text = str(note)
    if note.code == "archive-waiting":
        return f"{text.removesuffix('.')} (Ctrl-C to stop)."
    advice = _ALSO.get(note.code, "")
    return f"{text} {advice}" if advice else text
