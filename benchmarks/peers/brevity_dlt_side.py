"""dlt's rest_api source. Records are extracted by a pipeline, which keeps the state between two runs."""

import runpy
from collections.abc import Callable, Iterator
from typing import Any

import dlt

from benchmarks.peers.brevity_course import Chapter, report


def collect(ids: list[str]) -> Callable[[dict[str, Any]], bool]:
    """A filter that lets every record pass and adds its id."""

    def add(record: dict[str, Any]) -> bool:
        ids.append(record["id"])
        return True

    return add


def read(chapter: Chapter) -> Iterator[tuple[str, list[str]]]:
    pipeline = dlt.pipeline(chapter.name, pipelines_dir=str(chapter.folder / "pipelines"), destination="dummy")
    for listing, result in chapter.reads:
        ids: list[str] = []
        source = runpy.run_path(str(chapter.file))["source"].with_resources(listing)
        source.resources[listing].add_filter(collect(ids))
        pipeline.extract(source)
        yield result, ids


report(read)
