"""Enqueue the expansion of deliveries in the transaction that stores them, from a process that runs no workflows."""

from collections.abc import Collection, Sequence
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
        """Enqueue the first attempt of deliveries, given as number and owner. One workflow expands all that wait for
        its owner, so that one which has not begun suffices."""
        if not self._check_prepared(connection):
            return
        taken = self._find_enqueued(connection, {owner for _, owner in deliveries})
        for number, owner in deliveries:
            if owner not in taken:
                taken.add(owner)
                self._enqueue(connection, number, owner, "0")

    def start_again(self, connection: Connection, number: int, owner: str, moment: float) -> None:
        """Enqueue a delivery again, at a moment in Unix seconds, unless a workflow that has not begun expands it."""
        if self._check_prepared(connection) and not self._find_enqueued(connection, {owner}):
            self._enqueue(connection, number, owner, f"r{int(moment * 1000)}")

    def _enqueue(self, connection: Connection, number: int, owner: str, attempt: str) -> None:
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
            False,
        )

    def _find_enqueued(self, connection: Connection, owners: Collection[str]) -> set[str]:
        """Return the owners that a workflow which has not begun expands. It does not begin before this transaction
        ends, so that it finds what this one stores."""
        schema = "dbos" if connection.dialect.name == "postgresql" else None
        names: list[sa.ColumnClause[str]] = [
            sa.column(name) for name in ("queue_partition_key", "queue_name", "status")
        ]
        columns = sa.table("workflow_status", *names, schema=schema).c
        query = sa.select(columns.queue_partition_key).where(
            columns.queue_name == QUEUE, columns.status == "ENQUEUED", columns.queue_partition_key.in_(owners)
        )
        return {*connection.execute(query.with_for_update(read=True)).scalars()}

    def _check_prepared(self, connection: Connection) -> bool:
        if not self._is_prepared:
            schema = "dbos" if connection.dialect.name == "postgresql" else None
            self._is_prepared = sa.inspect(connection).has_table("workflow_status", schema=schema)
        return self._is_prepared
