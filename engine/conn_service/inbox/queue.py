"""Enqueue the expansion of deliveries in the transaction that stores them, from a process that runs no workflows."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

__all__ = ["QUEUE", "WORKFLOW", "InboxQueue", "name_workflow"]

QUEUE: Final = "conn_inbox"
WORKFLOW: Final = "conn_inbox_expand"


def name_workflow(number: int, attempt: str) -> str:
    """Return the ID of the workflow of a delivery."""
    return f"inbox:{number}:{attempt}"


class InboxQueue:
    """The queue on the engine of a store. Before the first worker has prepared the store, nothing is enqueued: a worker
    finds the deliveries that wait when it starts."""

    def __init__(self, engine: Engine) -> None:
        from dbos import DBOSClient, DBOSPortableJSONSerializer

        self._engine = engine
        self._is_prepared = False
        self._client = DBOSClient(system_database_engine=engine, serializer=DBOSPortableJSONSerializer(), lazy=True)

    def enqueue(self, connection: Connection, number: int, owner: str) -> None:
        """Enqueue the first attempt of a delivery."""
        self.enqueue_all(connection, [(number, owner)])

    def enqueue_all(self, connection: Connection, deliveries: Sequence[tuple[int, str]]) -> None:
        """Enqueue the first attempt of each delivery, given as number and owner."""
        if self._check_prepared(connection):
            for number, owner in deliveries:
                self._enqueue(connection, number, owner, "0", is_replay=False)

    def retry(self, connection: Connection, number: int, owner: str, moment: float) -> None:
        """Enqueue a delivery again, at a moment in Unix seconds. Only events that were not passed on are."""
        self._enqueue(connection, number, owner, f"r{int(moment * 1000)}", is_replay=False)

    def replay(self, connection: Connection, number: int, owner: str, moment: float) -> None:
        """Enqueue a delivery again, at a moment in Unix seconds. Its events are passed on again, with the same IDs."""
        self._enqueue(connection, number, owner, f"r{int(moment * 1000)}", is_replay=True)

    def _enqueue(self, connection: Connection, number: int, owner: str, attempt: str, *, is_replay: bool) -> None:
        if not self._check_prepared(connection):
            return
        self._client.enqueue_in_transaction(
            connection,
            {
                "queue_name": QUEUE,
                "workflow_name": WORKFLOW,
                "workflow_id": name_workflow(number, attempt),
                "queue_partition_key": owner,
            },
            number,
            owner,
            attempt,
            is_replay,
        )

    def _check_prepared(self, connection: Connection) -> bool:
        if not self._is_prepared:
            schema = "dbos" if connection.dialect.name == "postgresql" else None
            self._is_prepared = sa.inspect(connection).has_table("workflow_status", schema=schema)
        return self._is_prepared
