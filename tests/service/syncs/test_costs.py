"""What a page costs, counted: it does not grow with the pages before it, and hardly with its records."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sync_bench import Bench

from conn_engine.expressions import Mapping
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import OutgoingEvent, build_event
from conn_engine.syncs.events import compute_event_id
from conn_service.delivery import DeliveryStore
from conn_service.delivery.queue import add_deliveries
from conn_service.store import open_engine
from conn_service.syncs.store import SyncStore


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


@contextmanager
def count_commits(bench: Bench) -> Iterator[list[Any]]:
    commits: list[Any] = []

    def note(connection: Any) -> None:
        commits.append(connection)

    sa.event.listen(bench.store.engine, "commit", note)
    try:
        yield commits
    finally:
        sa.event.remove(bench.store.engine, "commit", note)


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
    # the run and what is known; then the run, the page, the spool, the log, what is known, and whether the place is new
    assert {len(statements) for statements in costs} == {8}


def test_a_page_within_a_step_is_one_transaction(bench: Bench) -> None:
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(900)]
    bench.contacts.size = 10
    runner = bench.runner()
    run = runner.create_run("r1", "people", "acme")
    seq = runner.advance(run.id, 0).seq
    with count_statements(bench) as statements, count_commits(bench) as commits:
        while seq < 50:
            seq = runner.advance(run.id, seq, most_pages=50 - seq).seq
    # what is known, and the six of the transaction; the run is read once per step
    assert len(commits) == 49
    assert 49 * 7 < len(statements) < 49 * 8


def test_more_records_take_no_more_statements(bench: Bench) -> None:
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(1600)]
    bench.contacts.size = 400
    assert {len(statements) for statements in advance_pages(bench, 3)} == {8}


@pytest.fixture
def server(postgres: Callable[[], str]) -> StoreLocation:
    return StoreLocation(url=sa.engine.make_url(postgres()))


def test_a_page_is_four_requests_to_a_server(
    bench: Bench, server: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(60)]
    engine, pings = open_engine(server, ping_after=600), []
    monkeypatch.setattr(engine.dialect, "do_ping", lambda _connection: pings.append(1) or True)
    local = bench.store
    bench.store = SyncStore(engine)
    costs = advance_pages(bench, 5)
    # the run and what is known; then the run, the rows of four tables, and whether the place is new
    assert {len(statements) for statements in costs} == {5} and not pings
    assert bench.store.spool.count("r1") == 15
    bench.store = local
    engine.dispose()


def test_a_connection_that_the_server_has_closed_is_replaced_after_a_pause(server: StoreLocation) -> None:
    engine, other = open_engine(server, ping_after=1e-9), open_engine(server)
    with engine.connect() as connection:
        number = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": number})
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != number
    engine.dispose()
    other.dispose()


def find_scans(bench: Bench, statements: Iterable[str]) -> list[str]:
    """What SQLite reads for statements, per table: with which columns of an index, or all rows."""
    found = []
    for statement in statements:
        if not statement.startswith(("SELECT", "UPDATE")):
            continue
        with bench.store.engine.connect() as connection:
            values = ("x",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        found += [step for *_, step in plan]
    return sorted(set(found))


def test_no_statement_of_a_page_reads_the_pages_before(bench: Bench) -> None:
    """Each condition of a query on a table is answered by an index with all of its columns."""
    bench.contacts.records = [{"id": number, "name": "N"} for number in range(60)]
    [*_, statements] = advance_pages(bench, 5)
    scans = find_scans(bench, statements)
    assert all(step.startswith("SEARCH") for step in scans), scans
    [pages] = [step for step in scans if "conn_sync_page" in step]
    assert pages.endswith("(run_id=? AND place_digest=? AND seq<?)")


def test_a_spool_is_read_from_the_place_in_it(bench: Bench) -> None:
    runner = bench.runner()
    run = runner.create_run("r1", "people", "acme")
    with count_statements(bench) as statements:
        bench.store.spool.read(run, (3, 4))
        bench.store.spool.read_unwritten(run, (3, 4), 20)
    for step in find_scans(bench, statements):
        assert "(run_id=? AND (seq,n)>(?,?) AND seq<?)" in step


def test_what_waits_for_an_endpoint_is_not_loaded(bench: Bench) -> None:
    """However many events wait for their next attempt, two statements with a limit tell that none is due."""
    deliveries = DeliveryStore(bench.store.engine)
    with bench.store.engine.begin() as connection:
        for start in range(0, 6000, 1000):
            events = [build_event_of(number) for number in range(start, start + 1000)]
            add_deliveries(connection, ["https://a.example"], "r1", events, 2000.0)
    with count_statements(bench) as statements:
        assert deliveries.find_heads("https://a.example", 1000.0, 200) == []
        assert deliveries.find_next_due("https://a.example") == 2000.0
        assert deliveries.has_untried("r1")
    assert len(statements) == 4 and all("LIMIT" in statement for statement in statements)
    assert not [step for step in find_scans(bench, statements) if step.startswith("SCAN conn_delivery")]


def test_a_head_behind_many_events_of_one_record(bench: Bench) -> None:
    deliveries = DeliveryStore(bench.store.engine)
    with bench.store.engine.begin() as connection:
        waiting = [build_event_of(1) for _ in range(2500)]
        add_deliveries(connection, ["https://a.example"], "r1", waiting[:1], 2000.0)
        add_deliveries(connection, ["https://a.example"], "r1", waiting[1:], 500.0)
        add_deliveries(connection, ["https://a.example"], "r1", [build_event_of(2)], 500.0)
    [head] = deliveries.find_heads("https://a.example", 1000.0, 200)
    assert head.key == "acme/2"
    assert [row.key for row in deliveries.find_heads("https://a.example", 3000.0, 200)] == ["acme/1"]


def build_event_of(number: int) -> OutgoingEvent:
    data = {"id": number}
    return build_event(
        sync="people", account="acme", type_="a.b", key=str(number), data=data, version="v", began=1000.0
    )


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
