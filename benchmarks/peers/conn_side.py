"""Conn as a library: the connector as it is in the catalogue, in a workspace that sets the base URL."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.course import Course
from conn_engine import connect, load_workspace

course = Course()
connection = connect(load_workspace(Path(course.workspace)), "bench", environ=os.environ)


def pages() -> Iterator[list[dict[str, Any]]]:
    for page in connection.pages(course.workload.operation):
        yield page.records


course.measure(pages)
