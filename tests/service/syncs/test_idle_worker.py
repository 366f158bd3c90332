"""A worker costs little while it waits, however many events wait for their next attempt."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import build_event
from conn_service.delivery import DeliveryStore, add_deliveries
from conn_service.store import open_engine
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.worker import SyncWorker

WAITING = 10_000
ENDPOINTS = 10
MOST_PER_SECOND = 15
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def add_waiting(location: StoreLocation) -> None:
    """Add events that are due in three days."""
    engine = open_engine(location)
    DeliveryStore(engine)
    with engine.begin() as connection:
        for endpoint in range(ENDPOINTS):
            events = [
                build_event(sync="s", account="a", type_="a.b", key=f"{n}", data={}, version=f"{n}", began=0.0)
                for n in range(endpoint * WAITING // ENDPOINTS, (endpoint + 1) * WAITING // ENDPOINTS)
            ]
            add_deliveries(connection, [f"https://e{endpoint}.example"], "r", events, time.time() + 75 * 3600)
    engine.dispose()


@pytest.mark.slow
def test_a_worker_with_many_waiting_events_sends_few_queries(tmp_path: Path) -> None:
    """The counts are those of whole seconds; the quietest one is neither a start nor the beginning of a minute."""
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    location = StoreLocation(file=tmp_path / "s.sqlite3")
    add_waiting(location)
    worker = SyncWorker(location, FolderReleases(tmp_path), environ={"CONN_NO_KEYRING": "1"}, schedules=True)
    statements: list[str] = []
    sa.event.listen(worker.store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    seconds: list[list[str]] = []
    with worker:
        worker.resume_unfinished()
        for _ in range(4):
            statements.clear()
            time.sleep(1.0)  # what is counted is how much happens in it
            seconds.append(statements[:])
    quiet = min(seconds, key=len)
    assert len(quiet) <= MOST_PER_SECOND, quiet
    assert not [text for text in quiet if "RECURSIVE" in text], "DBOS looks into a queue only if something is in it"
    assert worker.deliveries.count() == {"waiting": WAITING}
