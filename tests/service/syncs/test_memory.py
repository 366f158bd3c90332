"""A worker's memory does not grow with the pages of a run: what is known of them is in the database."""

import gc
from types import FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType

import pytest
from sync_bench import SYNC, Bench

from conn_engine.listing import known_records
from conn_engine.listing.pagination import loop
from conn_engine.runtime import endings
from conn_service.delivery import DeliveryStore
from conn_service.syncs.runner import SyncRunner

_LEFT_OUT = (type, ModuleType, FunctionType, ReferenceType)
HOOK = "endpoints: {{ default: {{ url: '{}/hook' }} }}\n"


def count_reachable(root: Any) -> int:
    """The number of objects that an object leads to, without code, modules, and weak references, which come and go."""
    seen = {id(root)}
    level = [root]
    while level:
        following = []
        for item in gc.get_referents(*level):
            if id(item) not in seen and not isinstance(item, _LEFT_OUT):
                seen.add(id(item))
                following.append(item)
        level = following
    return len(seen)


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine remembers of a listing is limited; here to less than a few pages."""
    monkeypatch.setattr(endings, "RECENT", 5)
    monkeypatch.setattr(loop, "MAX_KNOWN", 5)
    monkeypatch.setattr(known_records, "MOST_KNOWN", 5)


def advance_to(runner: SyncRunner, run_id: str, pages: range) -> int:
    for seq in pages:
        assert runner.advance(run_id, seq).kind == "page"
    gc.collect()
    return count_reachable(runner)


@pytest.mark.slow
@pytest.mark.parametrize("emit", ["type: stdout", "type: webhook"])
def test_nothing_grows_with_the_pages(bench: Bench, emit: str) -> None:
    conn = bench.root / "conn.yaml"
    bench.write(
        {
            "conn.yaml": conn.read_text() + HOOK.format(bench.arriving.url),
            "syncs/people.yaml": SYNC.replace("type: stdout", emit) + "deletes: { by: sweep }\n",
        }
    )
    DeliveryStore(bench.store.engine)  # as a worker does: its tables
    bench.contacts.records = [{"id": number, "name": f"N{number}"} for number in range(500)]
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    early = advance_to(runner, "r1", range(40))
    late = advance_to(runner, "r1", range(40, 160))
    assert late - early < 20, "120 pages of 3 records have left traces"


@pytest.mark.slow
def test_a_set_of_seen_records_would_be_noticed(bench: Bench) -> None:
    """The count above finds what it is for."""
    runner = bench.runner()
    before = count_reachable(runner)
    runner.forgotten = {f"record {number}" for number in range(100)}  # type: ignore[attr-defined]
    assert count_reachable(runner) >= before + 100
