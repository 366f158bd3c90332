"""The counts and differences of rollouts in the database of the service. It has no values of records, only names of
fields and IDs of some records."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.releases.rollout_counts import CallCounts, FieldDifference, RolloutCounts
from conn_service.store import Migration, prepare_tables

__all__ = ["RolloutStore"]

_MOST_IDS: Final = 3
MOST_LISTED: Final = 1_000

_metadata = sa.MetaData()
_calls = sa.Table(
    "conn_rollout_call",
    _metadata,
    sa.Column("rollout", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("is_member", sa.Boolean, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in CallCounts.__slots__),
)
"""The calls of an account since a change of the rollout: its `step`."""
_differences = sa.Table(
    "conn_rollout_difference",
    _metadata,
    sa.Column("rollout", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("operation", sa.Text, primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("ids", sa.Text, nullable=False),
)


_KEYS: Final = ("rollout", "account", "operation", "field", "kind")


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)
CallKey = tuple[str, str, str, bool]
"""The rollout, its step, the account, and whether it is a member."""


class RolloutStore:
    """The numbers of the rollouts of a service. Threads and processes may share it: each adds what it has counted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[str] = set()
        prepare_tables(engine, "rollouts", _MIGRATIONS)

    def add(self, calls: Mapping[CallKey, CallCounts], differences: Mapping[str, Iterable[FieldDifference]]) -> None:
        """Add counts, and differences by rollout, in one transaction."""
        rows = [
            {"rollout": rollout, "step": step, "account": account, "is_member": is_member, **counts.to_data()}
            for (rollout, step, account, is_member), counts in sorted(calls.items())
        ]
        more = [
            {
                "rollout": rollout,
                **{name: getattr(one, name) for name in FieldDifference.__slots__},
                "ids": json.dumps(one.ids[:_MOST_IDS]),
            }
            for rollout, found in differences.items()
            for one in sorted(found, key=lambda one: (one.account, one.operation, one.field, one.kind))
        ]
        with self._engine.begin() as connection:
            self._remove_earlier(connection, {key[0] for key in calls})
            self._add(connection, _calls, rows, CallCounts.__slots__)
            stored = self._find_ids(connection, differences)
            for row in more:
                ids = stored.get(tuple(row[name] for name in _KEYS), []) + json.loads(row["ids"])
                row["ids"] = json.dumps(list(dict.fromkeys(ids))[:_MOST_IDS])
            self._add(connection, _differences, more, ("calls", "records"), replaced=("ids",))

    def count(self, rollout: str, step: str) -> RolloutCounts:
        """Return the counts of a rollout since its step began."""
        sums = [sa.func.coalesce(sa.func.sum(_calls.c[name]), 0) for name in CallCounts.__slots__]
        query = sa.select(_calls.c.is_member, *sums).where(_calls.c.rollout == rollout, _calls.c.step == step)
        with self._engine.connect() as connection:
            found = {
                row[0]: CallCounts(*map(int, row[1:])) for row in connection.execute(query.group_by(_calls.c.is_member))
            }
        return RolloutCounts(found.get(True, CallCounts()), found.get(False, CallCounts()))

    def list_differences(self, rollout: str, most: int = MOST_LISTED) -> list[FieldDifference]:
        """Return the differences of a rollout, those in most records first."""
        table = _differences
        columns = [table.c[name] for name in FieldDifference.__slots__]
        query = sa.select(*columns).where(table.c.rollout == rollout).order_by(table.c.records.desc(), *columns[:4])
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(most)).all()
        return [FieldDifference(**{**row._mapping, "ids": json.loads(row.ids)}) for row in rows]

    def _remove_earlier(self, connection: Connection, rollouts: set[str]) -> None:
        """Remove what is stored of earlier rollouts of the same channels, when a rollout is first seen."""
        new, self._known = rollouts - self._known, self._known | rollouts
        if not new:
            return
        channels = {_find_channel(rollout) for rollout in new}
        stored = connection.execute(sa.select(_calls.c.rollout).distinct()).scalars().all()
        earlier = [one for one in stored if _find_channel(one) in channels and one not in rollouts]
        for table in (_calls, _differences):
            connection.execute(sa.delete(table).where(table.c.rollout.in_(earlier)))

    def _find_ids(self, connection: Connection, rollouts: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
        """Return the IDs that are stored with each difference."""
        columns = [_differences.c[name] for name in _KEYS]
        query = sa.select(*columns, _differences.c.ids).where(_differences.c.rollout.in_(list(rollouts)))
        return {tuple(row[:-1]): json.loads(row.ids) for row in connection.execute(query)}

    def _add(
        self,
        connection: Connection,
        table: sa.Table,
        rows: list[dict[str, Any]],
        added: Iterable[str],
        replaced: Iterable[str] = (),
    ) -> None:
        if not rows:
            return
        insert: Any = (sqlite if self._engine.dialect.name == "sqlite" else postgresql).insert(table)
        sums = {name: table.c[name] + insert.excluded[name] for name in added}
        sums |= {name: insert.excluded[name] for name in replaced}
        keys = [column.name for column in table.primary_key.columns]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=sums), rows)


def _find_channel(rollout: str) -> str:
    """Return the channel of a rollout, such as `production` of `production-7`."""
    return rollout.rpartition("-")[0]
