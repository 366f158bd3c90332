"""The edits that people have not saved, for each person and account."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import Migration, prepare_tables

__all__ = ["DraftStore"]

_metadata = sa.MetaData()
_drafts = sa.Table(
    "conn_portal_draft",
    _metadata,
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


class DraftStore:
    """The drafts of a service's database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        prepare_tables(engine, "portal_drafts", _MIGRATIONS)

    def find(self, actor: str, account: str) -> str | None:
        """Return the edits that a person has remembered for an account, or None."""
        query = sa.select(_drafts.c.content).where(_drafts.c.actor == actor, _drafts.c.account == account)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def put(self, actor: str, account: str, content: str | None) -> bool:
        """Remember edits instead of earlier ones; None removes them. Return whether there were earlier ones."""
        chosen = (_drafts.c.actor == actor) & (_drafts.c.account == account)
        with self._engine.begin() as connection:
            removed = connection.execute(sa.delete(_drafts).where(chosen)).rowcount
            if content is not None:
                connection.execute(sa.insert(_drafts).values(actor=actor, account=account, content=content))
        return removed > 0
