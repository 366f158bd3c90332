"""The sessions of the portal. The table has only the digest of a cookie, and a session ends with its token."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.http.tokens import TokenStore
from conn_service.portal.roles import PortalRole
from conn_service.store import Migration, prepare_tables

__all__ = ["IDLE_SECONDS", "SESSION_SECONDS", "PortalSession", "SessionStore"]

SESSION_SECONDS: Final = 12 * 3600.0
"""The longest time of a session: after it, the person logs in again."""
IDLE_SECONDS: Final = 2 * 3600.0
"""A session that was not used for so long ends."""
_MARK_SECONDS: Final = 60.0

_metadata = sa.MetaData()
_sessions = sa.Table(
    "conn_portal_session",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("token", sa.String(12), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A person who has logged in. `actor` is what revisions and the log name, `name` what the page shows, and `token`
    the ID of the token that was entered, "" without one. Times are in Unix seconds."""

    actor: str
    name: str
    role: PortalRole
    token: str
    created_at: float
    expires_at: float
    seen_at: float

    def is_valid(self, now: float) -> bool:
        """Return whether the session may be used at this time."""
        return now < self.expires_at and now - self.seen_at < IDLE_SECONDS


class SessionStore:
    """The sessions of a service's database. Threads may share it."""

    def __init__(self, engine: Engine, tokens: TokenStore) -> None:
        self._engine = engine
        self._tokens = tokens
        prepare_tables(engine, "portal_sessions", _MIGRATIONS)

    def create(
        self, actor: str, name: str, role: PortalRole, *, now: float, token: str = "", expires_at: float | None = None
    ) -> tuple[str, PortalSession]:
        """Store a new session, and return the value of its cookie. It ends at `expires_at` at the latest. Removes those
        that have ended."""
        value = secrets.token_urlsafe(32)
        ends = min(now + SESSION_SECONDS, expires_at if expires_at is not None else now + SESSION_SECONDS)
        session = PortalSession(actor, name, role, token, now, ends, now)
        values = {key: getattr(session, key) for key in PortalSession.__slots__}
        with self._engine.begin() as connection:
            ended = (_sessions.c.expires_at <= now) | (_sessions.c.seen_at <= now - IDLE_SECONDS)
            connection.execute(sa.delete(_sessions).where(ended))
            connection.execute(sa.insert(_sessions).values(digest=_digest(value), **values))
        return value, session

    def find(self, value: str, now: float) -> PortalSession | None:
        """Return the session of a cookie if it may be used now, else None. Notes that it was used."""
        chosen = _sessions.c.digest == _digest(value)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_sessions).where(chosen)).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        del values["digest"]
        session = PortalSession(**{**values, "role": cast("PortalRole", values["role"])})
        if not session.is_valid(now) or (session.token and self._tokens.find_by_id(session.token, now) is None):
            return None
        if now - session.seen_at >= _MARK_SECONDS:
            with self._engine.begin() as connection:
                connection.execute(sa.update(_sessions).where(chosen).values(seen_at=now))
            session = replace(session, seen_at=now)
        return session

    def end(self, value: str) -> None:
        """End the session of a cookie."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.digest == _digest(value)))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
