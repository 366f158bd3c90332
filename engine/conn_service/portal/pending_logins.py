"""The log-ins that a browser has begun at a provider. Each is answered once, by the same browser, within minutes."""

import hashlib
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import Migration, prepare_tables

__all__ = ["LOGIN_SECONDS", "PendingLogin", "PendingLogins"]

LOGIN_SECONDS: Final = 600.0
_MOST: Final = 10_000
"""How many can be pending in total. They are not limited by address, because a proxy gives many people one."""

_metadata = sa.MetaData()
_logins = sa.Table(
    "conn_portal_login",
    _metadata,
    sa.Column("state", sa.String(64), primary_key=True),
    sa.Column("browser", sa.String(64), nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("following", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """What the answer of the provider is checked with, and the page to show then."""

    nonce: str
    verifier: str
    following: str


class PendingLogins:
    """The log-ins of a service's database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        prepare_tables(engine, "portal_logins", _MIGRATIONS)

    def add(self, state: str, browser: str, login: PendingLogin, now: float) -> None:
        """Remember a log-in by its state, for the browser with this cookie. Forgets those that are too old, and the
        oldest ones if they are too many."""
        newest = sa.select(_logins.c.expires_at).order_by(_logins.c.expires_at.desc()).offset(_MOST - 1).limit(1)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_logins).where(_logins.c.expires_at <= now))
            connection.execute(sa.delete(_logins).where(_logins.c.expires_at <= newest.scalar_subquery()))
            connection.execute(
                sa.insert(_logins).values(
                    state=_digest(state),
                    browser=_digest(browser),
                    nonce=login.nonce,
                    verifier=login.verifier,
                    following=login.following,
                    expires_at=now + LOGIN_SECONDS,
                )
            )

    def take(self, state: str, browser: str, now: float) -> PendingLogin | None:
        """Return a log-in of this browser, which nobody can take again. None for an unknown or old one."""
        found = (_logins.c.state == _digest(state)) & (_logins.c.browser == _digest(browser))
        columns = (_logins.c.nonce, _logins.c.verifier, _logins.c.following, _logins.c.expires_at)
        with self._engine.begin() as connection:
            row = connection.execute(sa.delete(_logins).where(found).returning(*columns)).one_or_none()
        return None if row is None or row.expires_at <= now else PendingLogin(row.nonce, row.verifier, row.following)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
