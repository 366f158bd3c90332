"""The log of a run: a line for each page, each wait and its reason, and each end, in the database.

A line about a page is written in the transaction of the page, so the log never has one that is not stored. It has
counts and reasons, and no values of records.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_engine.syncs.counts import describe_counts
from conn_service.store import RowInsertion
from conn_service.syncs import tables

__all__ = ["LINES", "LogKind", "LogLine", "add_line", "build_line", "describe_page", "read_all", "read_log"]

LogKind: TypeAlias = Literal["start", "open", "page", "status", "end", "retry", "drift"]
_PHASES: Mapping[str, str] = {"loop": "items of the loop: ", "write": "writing: ", "deletes": "deleted records: "}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `seq` is the number of pages that the run had stored, and `at` the time in Unix seconds."""

    number: int
    seq: int
    at: float
    kind: str
    text: str


LINES: Final = RowInsertion(tables.run_log, ("run_id", "seq", "at", "kind", "text"))
"""Inserts lines, which `build_line` returns."""


def build_line(run: tuple[str, int], kind: LogKind, text: str, now: float) -> tuple[str, int, float, str, str]:
    """Return a line as a row. `run` is the ID of the run and the number of its pages."""
    return (*run, now, kind, text)


def add_line(connection: Connection, run: tuple[str, int], kind: LogKind, text: str, now: float) -> None:
    """Write a line in the transaction of the caller. `run` is as in `build_line`."""
    LINES.execute(connection, [build_line(run, kind, text, now)])


def read_log(engine: Engine, run_id: str, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
    """Return lines behind the one with the number `after`, the oldest first."""
    columns = tables.run_log.c
    query = sa.select(columns.number, columns.seq, columns.at, columns.kind, columns.text)
    query = query.where(columns.run_id == run_id, columns.number > after).order_by(columns.number).limit(limit)
    with engine.connect() as connection:
        return [LogLine(*row) for row in connection.execute(query)]


def read_all(engine: Engine, run_id: str) -> Iterator[LogLine]:
    """Yield all lines, the oldest first."""
    last = 0
    while lines := read_log(engine, run_id, after=last):
        yield from lines
        last = lines[-1].number


def describe_page(phase: str, before: Mapping[str, int], after: Mapping[str, int], records: int) -> str:
    """Return what a page has added to the counts of a run, "" if it only ends a listing."""
    added = {name: count - before.get(name, 0) for name, count in after.items()}
    is_page = any(added.pop(name, 0) for name in ("pages", f"{phase}_pages"))
    phrases = describe_counts({**added, "records": records}, always=("records",) if is_page else ())
    return f"{_PHASES.get(phase, '')}{', '.join(phrases)}" if phrases else ""
