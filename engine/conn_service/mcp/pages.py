"""Pages for an agent: few records, and a cursor that continues inside a page of the vendor."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.runtime.agent_tools import MOST_RECORDS
from conn_service.http.problems import HttpProblem
from conn_service.mcp.results import MOST_CHARACTERS, format_record

__all__ = ["ListingPlace", "select_records"]


@dataclass(frozen=True, slots=True)
class ListingPlace:
    """Where a page for an agent starts: `skipped` records into the vendor's page of `size` records at `cursor`.

    A vendor may send more records than an agent asked for, or more than it should read at once. The vendor's page is
    then read again for the rest. `listing` identifies the resource and the query, which stay the same.
    """

    listing: str
    cursor: str
    skipped: int
    size: int

    @classmethod
    def read(cls, cursor: str | None, size: int, *listing: Any) -> "ListingPlace":
        """Return the place of a cursor, or the first one of a listing. Raises HttpProblem for any other cursor."""
        name = hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()[:8]
        if cursor is None:
            return cls(name, "", 0, size)
        given, *numbers = cursor.split(".", 3)
        is_read = given == name and len(numbers) == 3 and all(_is_number(number) for number in numbers[:2])
        if not is_read or int(numbers[1]) > MOST_RECORDS:
            raise HttpProblem(
                400,
                "invalid_request",
                "the cursor is not one of this listing",
                "pass next_cursor of the page before, and the same resource and query",
            )
        skipped, known = int(numbers[0]), int(numbers[1])
        return cls(name, numbers[2], skipped, known if skipped else size)

    def find_next(self, shown: int, left: int, cursor: str | None) -> "ListingPlace | None":
        """Return the next place, after `shown` records of which the vendor's page has `left` more, and then its own
        `cursor`. None at the end."""
        if left:
            return ListingPlace(self.listing, self.cursor, self.skipped + shown, self.size)
        return None if cursor is None else ListingPlace(self.listing, cursor, 0, self.size)

    def __str__(self) -> str:
        return f"{self.listing}.{self.skipped}.{self.size}.{self.cursor}"


def select_records(records: Sequence[Any], most: int) -> list[str]:
    """Return the first records as JSON texts: at most `most`, and as many as a result may have, but at least one."""
    texts: list[str] = []
    size = 0
    for record in records[:most]:
        text = format_record(record)
        size += len(text)
        if texts and size > MOST_CHARACTERS:
            break
        texts.append(text)
    return texts


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
