"""Store what arrives. One thread stores everything that waits in one transaction: a disk is synced once for each."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.runtime.webhooks import VerifiedDelivery
from conn_service.inbox import tables
from conn_service.inbox.unverified import UnverifiedRoom
from conn_service.store import is_unreachable

__all__ = ["ArrivalWriter"]

_LOG = logging.getLogger(__name__)
_MOST_AT_ONCE: Final = 100
_MOST_REFUSED: Final = 100
_LONGEST_OWNER: Final = 200
_NO_EVENTS: Final = "it has no events"
_NO_EVENTS_HINT: Final = "check `events` of `webhooks` in connector.yaml, and the content type of the delivery"
EnqueueArrivals = Callable[[Connection, Sequence[tuple[int, str]]], None]
"""Enqueues deliveries by number and owner, in the transaction that stores them."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A delivery that was verified, or the reason why it was refused. `stored` gets False if there is no room."""

    connector: str
    account: str
    now: float
    verified: VerifiedDelivery | None
    reason: str = ""
    stored: "Future[bool]" = field(default_factory=Future)


class ArrivalWriter:
    """Stores deliveries on the engine of an `InboxStore`, from any thread."""

    def __init__(self, engine: Engine, enqueue: EnqueueArrivals, room: UnverifiedRoom | None = None) -> None:
        self._engine = engine
        self._enqueue = enqueue
        self._room = room or UnverifiedRoom()
        self._waiting: SimpleQueue[_Arrival | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._lock = Lock()
        self._refused: Counter[tuple[str, str]] = Counter()
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(tables.delivery).on_conflict_do_nothing()
        self._insert = insert.returning(tables.delivery.c.number)

    def add(self, connector: str, verified: VerifiedDelivery, now: float) -> "Future[bool]":
        """Store a verified delivery, unless the vendor has delivered the same events before. The result is False if
        it is one that nothing verifies, and there is no room for it."""
        return self._put(_Arrival(connector, verified.account or "", now, verified))

    def refuse(self, connector: str, account: str | None, reason: str, now: float) -> "Future[bool]":
        """Store that a delivery was refused, without its content. Only the last hundred of an address stay, and up to
        as many more, so that nobody can fill the store."""
        return self._put(_Arrival(connector, account or "", now, None, reason))

    def close(self) -> None:
        """Store what waits, and end."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    # --- in the thread ---

    def _put(self, arrival: _Arrival) -> "Future[bool]":
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._store_all, name="conn-arrivals", daemon=True)
                self._thread.start()
        self._waiting.put(arrival)
        return arrival.stored

    def _store_all(self) -> None:
        is_open = True
        while is_open:
            batch = [*self._take_waiting()]
            is_open = None not in batch
            self._store([arrival for arrival in batch if arrival is not None])

    def _take_waiting(self) -> "Iterator[_Arrival | None]":
        """Yield what waits, and at least one."""
        yield self._waiting.get()
        for _ in range(_MOST_AT_ONCE):
            try:
                yield self._waiting.get_nowait()
            except Empty:
                return

    def _store(self, arrivals: Sequence[_Arrival]) -> None:
        if not arrivals:
            return
        try:
            with self._engine.begin() as connection:
                results = self._write(connection, arrivals)
        except Exception as error:
            if len(arrivals) > 1 and not is_unreachable(error):  # one that cannot be stored fails alone
                for arrival in arrivals:
                    self._store([arrival])
                return
            for arrival in arrivals:
                arrival.stored.set_exception(error)
            return
        for arrival, is_stored in zip(arrivals, results, strict=True):
            arrival.stored.set_result(is_stored)

    def _write(self, connection: Connection, arrivals: Sequence[_Arrival]) -> list[bool]:
        results: list[bool] = []
        added: list[tuple[int, str]] = []
        refused: list[_Arrival] = []
        for arrival in arrivals:
            if arrival.verified is None:
                refused.append(arrival)
                results.append(True)
                continue
            row = _describe_verified(arrival, arrival.verified)
            has_room = self._room.take(connection, row, arrival.now)
            results.append(has_room)
            if has_room:
                number = connection.execute(self._insert, row).scalar()
                if number is not None and row["status"] == "waiting":
                    added.append((number, str(row["owner"])))
        if added:
            self._enqueue(connection, added)
        self._write_refused(connection, refused)
        return results

    def _write_refused(self, connection: Connection, refused: Sequence[_Arrival]) -> None:
        if not refused:
            return
        connection.execute(sa.insert(tables.delivery), [_describe_refused(arrival) for arrival in refused])
        columns = tables.delivery.c
        for address, count in Counter((arrival.connector, arrival.account) for arrival in refused).items():
            self._refused[address] += count
            if self._refused[address] >= _MOST_REFUSED:
                connector, account = address
                same = (columns.connector == connector, columns.account == account, columns.status == "refused")
                last = sa.select(columns.number).where(*same).order_by(columns.number.desc()).limit(_MOST_REFUSED)
                connection.execute(sa.delete(tables.delivery).where(*same, columns.number.not_in(last)))
                del self._refused[address]


def _describe_verified(arrival: _Arrival, verified: VerifiedDelivery) -> dict[str, object]:
    has_events = bool(verified.events)
    content = json.dumps(verified.to_data(), ensure_ascii=False, separators=(",", ":"))
    return {
        **_describe(arrival, _find_owner(arrival.connector, verified)),
        "identity": _identify(arrival.connector, verified) if has_events else None,
        "verified_by": verified.verified_by,
        "content": content,
        "size": len(content),
        "status": "waiting" if has_events else "done",
        "problem": "" if has_events else _NO_EVENTS,
        "hint": "" if has_events else _NO_EVENTS_HINT,
        "done_at": None if has_events else arrival.now,
    }


def _describe_refused(arrival: _Arrival) -> dict[str, object]:
    row = {**_describe(arrival, ""), "verified_by": "", "content": "", "status": "refused"}
    return {**row, "problem": arrival.reason, "done_at": arrival.now}


def _describe(arrival: _Arrival, owner: str) -> dict[str, object]:
    return {
        "connector": arrival.connector,
        "account": arrival.account,
        "owner": owner,
        "received_at": arrival.now,
        "attempts": 0,
        "due": arrival.now,
        "problem": "",
        "hint": "",
        "events": 0,
    }


def _find_owner(connector: str, verified: VerifiedDelivery) -> str:
    """Return whose events a delivery has: the account's, or those of the value that identifies it."""
    if verified.account is not None:
        return verified.account
    routes = next((event.routes for event in verified.events if event.routes is not None), "")
    return f"{connector}={json.dumps(routes, default=str)}"[:_LONGEST_OWNER]


def _identify(connector: str, verified: VerifiedDelivery) -> str | None:
    """Return what is the same for the same events; None unless the vendor gives each of them an ID or a time."""
    events = verified.events
    if not all(event.id is not None or event.occurred_at is not None for event in events):
        return None
    data = [connector, verified.account, [event.to_data() for event in events]]
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
