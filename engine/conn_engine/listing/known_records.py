"""The records of a listing that already came, so that none comes twice, limited to what a cursor can contain."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

__all__ = ["MOST_KNOWN", "KnownRecords"]

MOST_KNOWN = 1_000
"""The maximum number of records in a cursor. A running listing can have any number."""

_SIZE = 6
"""Bytes of a record's mark in a cursor: one record in 280 billion is mistaken for one of 1,000."""


class KnownRecords:
    """Records by their marks, which are digests of at least six bytes. `has_forgotten` is set when the listing resumes
    after more records than its cursor could contain."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()
        self._before: set[bytes] = set()  # those of an earlier run: the first bytes of their marks
        self._order: bytearray | None = bytearray()
        self.has_forgotten = False

    def restore(self, text: Any) -> bool:
        """Add the records of a cursor (None: there were too many). Return False for a value that `dump` does not
        return."""
        if text is None:
            self.has_forgotten, self._order = True, None
            return True
        try:
            marks = base64.b64decode(text, altchars=b"-_", validate=True) if isinstance(text, str) else b"?"
        except (binascii.Error, ValueError):
            return False
        if len(marks) % _SIZE or len(marks) > MOST_KNOWN * _SIZE:
            return False
        self._before |= {marks[offset : offset + _SIZE] for offset in range(0, len(marks), _SIZE)}
        self._order = bytearray(marks)
        return True

    def add(self, mark: bytes) -> bool:
        """Add a record. Return whether it is new."""
        short = mark[:_SIZE]
        if mark in self._marks or short in self._before:
            return False
        self._marks.add(mark)
        if self._order is not None:
            self._order += short
            if len(self._order) > MOST_KNOWN * _SIZE:
                self._order = None
        return True

    @property
    def position(self) -> int:
        """The number of records, in the order in which they came; meaningless if there are too many."""
        return 0 if self._order is None else len(self._order) // _SIZE

    def dump(self, without: Sequence[range] = ()) -> str | None:
        """Return the records as text for a cursor, without those at some positions (ranges in ascending order); None if
        there are too many."""
        if self._order is None:
            return None
        marks, start = bytearray(), 0
        for skipped in without:
            marks += self._order[start * _SIZE : skipped.start * _SIZE]
            start = skipped.stop
        marks += self._order[start * _SIZE :]
        return base64.urlsafe_b64encode(marks).decode()
