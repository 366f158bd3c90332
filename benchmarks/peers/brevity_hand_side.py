"""The hand-written clients."""

import runpy
from collections.abc import Iterator

from benchmarks.peers.brevity_course import Chapter, report


def read(chapter: Chapter) -> Iterator[tuple[str, list[str]]]:
    client = runpy.run_path(str(chapter.file))
    for listing, result in chapter.reads:
        yield result, [record["id"] for record in client[f"list_{listing}"]()]
    if chapter.name == "changes":
        yield "get", [client["get_people"]("p7")["id"]]
        yield "create", [client["create_people"](chapter.work["new"])["id"]]


report(read)
