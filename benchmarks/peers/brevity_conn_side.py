"""Conn as a library: each connector in one workspace, with an account of the same name."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.peers.brevity_course import Chapter, report
from conn_engine import Call, Workspace, connect, load_workspace


@cache
def workspace(place: str, host: str, names: tuple[str, ...]) -> Workspace:
    folder = Path(place)
    (folder / "conn.yaml").write_text(json.dumps({"version": 1, "trusted_hosts": [host]}))
    (folder / "accounts").mkdir()
    for name in names:
        (folder / "accounts" / f"{name}.yaml").write_text(f"connector: {name}\n")
    return load_workspace(folder)


def read(chapter: Chapter) -> Iterator[tuple[str, list[str]]]:
    work = chapter.work
    opened = workspace(work["place"], work["host"], tuple(api["folder"] for api in work["apis"]))
    prefix = f"CONN_{chapter.name.upper()}"
    environ = {f"{prefix}_{name.upper()}": value for name, value in work["credentials"].items()}
    state: Any = None
    with connect(opened, chapter.name, environ=environ) as connection:
        for listing, result in chapter.reads:
            method = "search" if chapter.name == "post_search" else "list"
            pages = list(connection.pages(f"{listing}.{method}", Call(state=state)))
            state = pages[-1].state
            yield result, [record["id"] for page in pages for record in page.records]
        if chapter.name == "changes":
            yield "get", [record["id"] for record in connection.records("people.get", Call(id="p7"))]
            created = connection.records("people.create", Call(body=work["new"]))
            yield "create", [record["id"] for record in created]


report(read)
