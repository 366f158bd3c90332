"""What a page costs, counted: it does not grow with the pages before it, and hardly with its records."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sync_bench import Bench

from conn_engine.expressions import Mapping
from conn_engine.syncs.events import compute_event_id


@contextmanager
def count_statements(bench: Bench) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(bench.store.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(bench.store.engine, "before_cursor_execute", note)


def advance_pages(bench: Bench, pages: int) -> list[list[str]]:
    """The statements of each page after the first, which opens the listing."""
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    costs = []
    for seq in range(pages):
        with count_statements(bench) as statements:
            assert runner.advance("r1", seq).kind == "page"
        costs.append(statements)
    return costs[1:]


def test_the_statements_of_a_page(bench: Bench) -> None:
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(600)]
    bench.contacts.size = 20
    costs = advance_pages(bench, 20)
    # the run, its place, what is known; then the run, the page, the spool and what is known are written
    assert {len(statements) for statements in costs} == {7}


def test_more_records_take_no_more_statements(bench: Bench) -> None:
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(1600)]
    bench.contacts.size = 400
    assert {len(statements) for statements in advance_pages(bench, 3)} == {7}


def test_no_statement_of_a_page_reads_the_pages_before(bench: Bench) -> None:
    """Each condition of a query on a table is answered by an index with all of its columns."""
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(60)]
    [*_, statements] = advance_pages(bench, 5)
    for statement in statements:
        if not statement.startswith(("SELECT", "UPDATE")):
            continue
        with bench.store.engine.connect() as connection:
            count = statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x",) * count).all()
        for *_, step in plan:
            assert step.startswith("SEARCH"), f"{statement}\n{step}"
            if "conn_sync_page" in step:
                assert "place_digest=?" in step


def test_a_page_is_transformed_with_one_evaluation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "syncs/people.yaml"
    bench.write({text: (bench.root / text).read_text().replace("{ id: record.id, name: record.name }", "$.results")})
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(100)]
    bench.contacts.size = 50
    calls: list[Any] = []
    evaluate = Mapping.apply_one
    monkeypatch.setattr(Mapping, "apply_one", lambda *seen, **more: calls.append(seen) or evaluate(*seen, **more))
    advance_pages(bench, 2)
    assert len(calls) == 2


def test_the_id_of_an_event_stays_as_it_was() -> None:
    """Receivers recognize an event that is delivered again by its ID."""
    assert (
        compute_event_id("people", "acme", "7", {"id": 7, "name": "Ä"}, "r1") == "evt_rxifhjiwaoo56kh4lvawe4mdvni5dyq6"
    )
