"""Read and write slates of much footage at once: tables (CSV) as spreadsheets have them.

    footage,title,author,licence,url
    ocean*.mp4,,NOAA,public domain,https://www.noaa.gov
    ocean1.mp4,Surf at dawn,,,

The header is needed; its columns may stand in any order, and all but `footage` may be missing.
Footage is named as on the command line. An empty cell leaves what is known as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from kuleshov.archive.catalogue import Footage
from kuleshov.errors import UsageError
from kuleshov.footage import Slate

__all__ = ["FIELDS", "changed", "field_named", "read_table", "table_of"]

FIELDS = tuple(field.name for field in fields(Slate))
"""The fields of a slate: title, author, licence, url."""

_COLUMNS = ("footage", *FIELDS)
_SAID = 5  # faults of a table that are listed
_OTHER_SPELLINGS = {"license": "licence"}


def field_named(name: str) -> str | None:
    """Return the field of a slate by its name as somebody may write it; None for another."""
    name = name.strip().casefold()
    name = _OTHER_SPELLINGS.get(name, name)
    return name if name in FIELDS else None


def changed(slate: Slate, values: Mapping[str, str]) -> Slate:
    """Return a slate with fields set to these values; an empty one makes a field unknown.

    Raises `UsageError` where a value cannot be printed.
    """
    lines = {name: " ".join(value.split()) for name, value in values.items()}
    for name, value in lines.items():
        if not value.isprintable():
            raise UsageError(f"The {name} {value!r} cannot be printed: leave such characters out.")
    return replace(slate, **lines)


def table_of(footage: Iterable[Footage]) -> str:
    """Return a table with what is known of footage, to be filled in."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for film in footage:
        writer.writerow([str(film.path), *(getattr(film.slate, name) for name in FIELDS)])
    return out.getvalue()


def read_table(path: Path, named: Callable[[str], Sequence[Footage]]) -> dict[str, Slate]:
    """Return the slates, by checksum, that footage has after a table.

    `named` finds what a cell names.

    Later rows add to earlier ones. Raises `UsageError` with everything that is wrong in the table.
    """
    rows = _rows(path)
    slates: dict[str, Slate] = {}
    faults: list[str] = []
    for number, row in rows:
        values = {name: row[name] for name in FIELDS if row.get(name, "").strip()}
        name = row["footage"].strip()
        if not name:
            if values:
                faults.append(f"line {number} names no footage")
            continue
        try:
            for film in named(name):
                known = slates.get(film.checksum, film.slate)
                slates[film.checksum] = changed(known, values)
        except UsageError as error:
            faults.append(f"line {number}: {str(error).removesuffix('.')}")
    if faults:
        more = f"; and {len(faults) - _SAID} more" if len(faults) > _SAID else ""
        raise UsageError(f"Nothing was entered. {path}: {'; '.join(faults[:_SAID])}{more}.")
    return slates


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table with the numbers of their lines, by the name of the column."""
    text = _text(path)
    first = text.split("\n", 1)[0]
    # Spreadsheets of many countries part columns by semicolons, and call that CSV all the same.
    parted = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted, strict=True)
    try:
        header = [_column(cell) for cell in next(reader, [])]
        _check_words(path, header)
        unknown = [cell for cell in header if cell not in _COLUMNS]
        if "footage" not in header or unknown or len(set(header)) < len(header):
            said = f"has {', '.join(map(repr, unknown))}" if unknown else f"begins {first[:60]!r}"
            raise UsageError(
                f"Nothing was entered. {path} {said}: its first line must name the columns, "
                f"{','.join(_COLUMNS)}, each once."
            )
        rows = []
        for row in reader:
            if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
                raise UsageError(
                    f"Nothing was entered. {path}, line {reader.line_num}, has more cells than the "
                    "header: put quotes around a cell with a comma in it."
                )
            cells = {"footage": "", **dict(zip(header, row, strict=False))}
            _check_words(
                path, (cells[name] for name in header if name != "footage" and name in cells)
            )
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise UsageError(
            f"Nothing was entered. {path}, line {reader.line_num}, is not CSV: {error}."
        ) from error
    return rows


def _column(cell: str) -> str:
    return field_named(cell) or cell.strip().casefold()


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    # Names of files may be no text in any language; the table that was written has them as bytes.
    return data.decode("utf-8-sig", errors="surrogateescape")


def _check_words(path: Path, cells: Iterable[str]) -> None:
    try:
        for cell in cells:
            cell.encode()
    except UnicodeError as error:
        raise UsageError(
            f"Nothing was entered. {path} is not a text in UTF-8: save it as CSV in UTF-8."
        ) from error
