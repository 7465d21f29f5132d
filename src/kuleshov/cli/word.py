"""The verb `kuleshov word`: teach the archive words by examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    encoder_option,
    json_option,
    this_job,
)
from kuleshov.timecode import parse_time

if TYPE_CHECKING:
    from kuleshov.desk.teaching import Example, TaughtWord

_AT = "\x1f"  # between an example and its time, while the call is read


class _InOrder(click.Command):
    """A command in which `--at` belongs to the example before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join each `--at` to the `--like` or `--not` that it follows."""
        return super().parse_args(ctx, _joined(ctx, args))


def _joined(ctx: click.Context, args: Sequence[str]) -> list[str]:
    joined: list[str] = []
    rest = list(args)
    example = False  # whether the last is one that has no time yet
    while rest:
        one = rest.pop(0)
        option, equals, value = one.partition("=")
        if option in ("--like", "--not"):
            if not equals and rest:
                value = rest.pop(0)
            joined += [option, value]
            example = True
        elif option == "--at":
            if not equals and rest:
                value = rest.pop(0)
            if not example or not value:
                raise click.UsageError("--at TIME belongs to the --like or --not before it.", ctx)
            joined[-1] += _AT + value
            example = False
        else:
            joined.append(one)
            example = False
    return joined


@click.command("word", cls=_InOrder)
@click.argument("name", required=False)
@click.option("--like", multiple=True, metavar="FILE", help="A picture or film that shows it.")
@click.option(
    "--at", metavar="TIME", help="Where in the film of the --like or --not before it (0 if not)."
)
@click.option("--not", "unlike", multiple=True, metavar="FILE", help="One that does not show it.")
@click.option("--bin", "bins", multiple=True, metavar="NAME", help="All shots of a bin show it.")
@click.option("--forget", is_flag=True, help="Forget the word.")
@encoder_option
@archive_option
@json_option
def command(
    name: str | None,
    like: tuple[str, ...],
    at: str | None,  # noqa: ARG001 - it was joined to its example
    unlike: tuple[str, ...],
    bins: tuple[str, ...],
    forget: bool,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Teach the archive a word by examples: "my mother" --like A.jpg --like FILM --at 0:12.

    It is understood from then on wherever words are, alone and among others ("my mother on a
    beach"), and as --only word:NAME. A handful of examples is enough, and --not for what is taken
    for it; what is seen are scenes and things as wholes, not who somebody is. Called again, it adds
    examples. How sure it is it says by leaving out one example at a time. Without NAME it lists the
    words; with NAME alone, the examples of that word.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.teaching import forget as forget_word
    from kuleshov.desk.teaching import taught, teach
    from kuleshov.errors import UsageError, meant

    if name is None and (like or unlike or bins or forget):
        raise click.UsageError('Name the word: kuleshov word "NAME" --like FILE.')
    if forget and (like or unlike or bins):
        raise click.UsageError("--forget goes with none of --like, --not and --bin.")
    job = this_job()
    with Desk(chosen_archive(root), encoder, job=job) as desk:
        if name is not None and forget:
            forget_word(desk, name, job=job)
            if as_json:
                answer_json({"forgotten": name})
            else:
                click.echo(f"The word {name} is forgotten.")
            return
        if name is not None and (like or unlike or bins):
            examples = [_example(text) for text in like]
            others = [_example(text) for text in unlike]
            word = teach(desk, name, examples, others, bins, job=job)
        elif name is not None:
            known = taught(desk, job=job)
            found = [one for one in known if one.name.casefold() == name.casefold()]
            if not found:
                close = meant(name, [one.name for one in known]) if known else "none was yet."
                raise UsageError(f"No word {name!r} was taught; {close}", code="word-missing")
            (word,) = found
        else:
            _tell_words(taught(desk, job=job), as_json)
            return
    if as_json:
        answer_json(word.as_data())
    else:
        _tell(word)


def _example(text: str) -> Example:
    from kuleshov.desk.teaching import Example

    path, _, at = text.partition(_AT)
    return Example(Path(path), parse_time(at or "0"))


def _tell_words(words: Sequence[TaughtWord], as_json: bool) -> None:
    if as_json:
        answer_json({"words": [one.as_data() for one in words]})
        return
    for one in words:
        click.echo(f"{len(one.like):>4} like  {len(one.unlike):>4} not  {_sure(one)}  {one.name}")
    if not words:
        click.echo('No word was taught: kuleshov word "NAME" --like FILE teaches one.')


def _tell(word: TaughtWord) -> None:
    click.echo(f"{word.name}: {_sure(word)}.")
    for said, examples in (("like", word.like), ("not", word.unlike)):
        for one in examples:
            click.echo(f"  {said:4}  {one}")


def _sure(word: TaughtWord) -> str:
    """Return how sure a word is, in words."""
    if word.sure is None:
        return "how sure cannot be told"
    return f"an example left out comes before {100 * word.sure:.0f} % of the archive"
