"""Report that an account's credential no longer works: the event `account.needs_login`, once per break.

It goes to the endpoints whose `events` name it, with a new link for the customer: an endpoint that takes every event
may be anybody's, and anyone who has the link can connect the account.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.config import Workspace
from conn_engine.errors import ConnError, CredentialError, UsageError
from conn_engine.syncs import build_event
from conn_service.connect.links import LinkStore, insert_link
from conn_service.connect.settings import ConnectSettings, build_connect_settings
from conn_service.delivery import DeliveryStore, add_deliveries, find_subscribed_endpoints
from conn_service.store import Migration, prepare_tables

__all__ = ["NEEDS_LOGIN", "BrokenLogin", "LoginMonitor", "log_failure"]

NEEDS_LOGIN: Final = "account.needs_login"
_LINK_SECONDS: Final = 3 * 86_400.0
"""As long as a delivery is tried."""
_LOG = logging.getLogger(__name__)

_metadata = sa.MetaData()
_broken = sa.Table(
    "conn_broken_login",
    _metadata,
    sa.Column("account", sa.String(100), primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("reason", sa.String(20), nullable=False),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class BrokenLogin:
    """An account that must log in again: since when, in Unix seconds, and why."""

    account: str
    since: float
    reason: str


def _is_broken(error: CredentialError) -> bool:
    """Return whether an error means that a login no longer works: not that there never was one, or that the place with
    the credentials cannot be used."""
    return error.category not in ("missing", "store")


class LoginMonitor:
    """Notes which accounts must log in again. Threads and processes may share its database."""

    def __init__(self, engine: Engine, environ: Mapping[str, str], settings: ConnectSettings | None = None) -> None:
        prepare_tables(engine, "logins", _MIGRATIONS)
        DeliveryStore(engine)  # these two prepare the tables of what is sent
        LinkStore(engine)
        self._engine = engine
        self._settings = settings or _read_settings(environ)
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert

    def note_broken(self, workspace: Workspace, account: str, error: CredentialError, now: float) -> bool:
        """Note that a login no longer works, and send the event. Return False if that is known, or if it works."""
        if not _is_broken(error):
            return False
        reason = error.category or "expired"
        with self._engine.begin() as connection:
            values = {"account": account, "since": now, "reason": reason}
            statement = self._insert(_broken).values(values).on_conflict_do_nothing()
            if connection.execute(statement).rowcount != 1:
                return False
            self._send(connection, workspace, account, reason, now)
        return True

    def note_working(self, account: str) -> bool:
        """Note that a login works. Return whether it was broken."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(_broken).where(_broken.c.account == account)).rowcount > 0

    def find_broken(self) -> list[BrokenLogin]:
        """Return the accounts that must log in again, by name."""
        with self._engine.connect() as connection:
            return [BrokenLogin(*row) for row in connection.execute(sa.select(_broken).order_by(_broken.c.account))]

    def _send(self, connection: Connection, workspace: Workspace, account: str, reason: str, now: float) -> None:
        typed = workspace.account(account)
        endpoints = find_subscribed_endpoints(workspace, NEEDS_LOGIN, account=account)
        if not endpoints:
            return
        url = None
        if self._settings is not None:
            issued = insert_link(connection, account, now=now, expires_at=now + _LINK_SECONDS)
            url = self._settings.build_link(issued.text)
        expires_at = f"{datetime.fromtimestamp(int(now + _LINK_SECONDS), UTC):%Y-%m-%dT%H:%M:%SZ}"
        data = {
            "connector": typed.connector,
            "reason": reason,
            "url": url,
            "expires_at": expires_at if url is not None else None,
        }
        event = build_event(
            sync="account", account=account, type_=NEEDS_LOGIN, key="login", data=data, version=repr(now), began=now
        )
        add_deliveries(connection, endpoints, f"login:{account}", [event], now, is_secret=url is not None)


def _read_settings(environ: Mapping[str, str]) -> ConnectSettings | None:
    """Return the address of the service for a worker of syncs, which shows no pages itself."""
    public_url = environ.get("CONN_PUBLIC_URL")
    if not public_url:
        return None
    try:
        return build_connect_settings(public_url)
    except UsageError as error:
        _LOG.error("CONN_PUBLIC_URL cannot be used, so events have no links: %s", error.message)
        return None


def log_failure(account: str, error: Exception) -> None:
    """Log that the event about an account was not stored."""
    message = error.message if isinstance(error, ConnError) else type(error).__name__
    _LOG.error('account "%s" must log in again, and the event about that was not stored: %s', account, message)
