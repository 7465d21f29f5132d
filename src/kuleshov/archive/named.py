"""Find what people gave names to in the catalogue: bins, and the words that they taught."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar

__all__ = ["Named"]


class Named:
    """A table of the catalogue with names, read and written through the catalogue.

    Names differ by more than case: `Trains` and `trains` are one, named as it was at first.
    """

    table: ClassVar[str]

    def __init__(
        self,
        rows: Callable[[str, tuple[object, ...]], list[sqlite3.Row]],
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
    ) -> None:
        self._rows, self._transaction = rows, transaction

    def names(self) -> list[str]:
        """Return all names, in the order of the alphabet."""
        rows = self._rows(f"SELECT name FROM {self.table}", ())
        return sorted((row["name"] for row in rows), key=lambda name: (name.casefold(), name))

    def known(self, name: str) -> str | None:
        """Return a name as it was given at first; None where there is none like it."""
        wanted = name.casefold()
        return next((known for known in self.names() if known.casefold() == wanted), None)
