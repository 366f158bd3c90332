"""What every side of `brevity` does alike: read its work, and print the ids of the records by API and listing.

Standard library only.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Chapter", "report"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One API: its folder with the documents, the document to run, its listings, and values of the benchmark."""

    name: str
    folder: Path
    file: Path
    listings: list[str]
    work: Mapping[str, Any]

    @property
    def reads(self) -> list[tuple[str, str]]:
        """Each listing with the name of its result. The changes are read twice."""
        again = [("people", "people, second run")] if self.name == "changes" else []
        return [*((listing, listing) for listing in self.listings), *again]


def report(read: Callable[[Chapter], Iterable[tuple[str, list[str]]]]) -> None:
    """Run every API of the work on standard input. `read` gives the name and the ids of each result."""
    work = json.load(sys.stdin)
    found = {}
    for api in work["apis"]:
        folder = Path(work["place"]) / "connectors" / api["folder"]
        os.chdir(folder)
        found[api["folder"]] = dict(read(Chapter(api["folder"], folder, folder / api["file"], api["listings"], work)))
    sys.stdout.write(f"\n{json.dumps(found)}\n")
