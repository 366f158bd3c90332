"""One-time links for customers, and the logins that were begun behind them. The store has only digests of both.

What a login must remember between its two phases is encrypted under the state and the secret of the browser, neither
of which the store has.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import Migration, add_columns, prepare_tables

__all__ = [
    "LINK_SECONDS",
    "MOST_ATTEMPTS",
    "ConnectLink",
    "IssuedLink",
    "LinkStore",
    "LoginState",
    "compute_digest",
    "insert_link",
    "open_phase",
    "seal_phase",
]

LINK_SECONDS: Final = 24 * 3600.0
LOGIN_SECONDS: Final = 15 * 60.0
MOST_ATTEMPTS: Final = 20
_KEEP_SECONDS: Final = 30 * 86_400.0
_TEXT = re.compile(r"[A-Za-z0-9_-]{43}")
_NONCE_BYTES: Final = 12
_ID_CHARACTERS: Final = 12
_MOST_LISTED: Final = 1_000

_metadata = sa.MetaData()
_links = sa.Table(
    "conn_connect_link",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(100), nullable=False),
    sa.Column("return_url", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("used_at", sa.Float),
    sa.Column("used_by", sa.String(64)),
    sa.Column("document", sa.Text, nullable=False, server_default=""),
    sa.Column("tenant", sa.String(100), nullable=False, server_default=""),
    sa.Column("created_by", sa.String(100), nullable=False, server_default=""),
    sa.Index("conn_connect_link_by_expiry", "expires_at"),
)
_logins = sa.Table(
    "conn_connect_login",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("link", sa.String(64), nullable=False),
    sa.Column("browser", sa.String(64), nullable=False),
    sa.Column("phase", sa.LargeBinary),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("used_at", sa.Float),
    sa.Index("conn_connect_login_by_expiry", "expires_at"),
)
"""States of logins, by the digest of the state and where the vendor redirects to; and forms that were sent, which have
no phase."""


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


def _add_accounts(connection: Connection) -> None:
    """Add the accounts that links create."""
    add_columns(connection, _links)


_MIGRATIONS: tuple[Migration, ...] = (_create, _add_accounts)


@dataclass(frozen=True, slots=True)
class ConnectLink:
    """A link for an account. It is used up at success; `used_by` is the digest of the browser that did. Times are in
    Unix seconds. With `document` (JSON), the account is created then, for `tenant`; `created_by` is the token that made
    the link."""

    digest: str
    account: str
    return_url: str
    created_at: float
    expires_at: float
    attempts: int = 0
    used_at: float | None = None
    used_by: str | None = None
    document: str = ""
    tenant: str = ""
    created_by: str = ""

    @property
    def id(self) -> str:
        """What it is called in the log, and by who revokes it. Nobody can open the page with it."""
        return self.digest[:_ID_CHARACTERS]

    def find_state(self, now: float) -> Literal["open", "used", "expired"]:
        """Return whether it can be used now."""
        if self.used_at is not None:
            return "used"
        return "open" if now < self.expires_at and self.attempts < MOST_ATTEMPTS else "expired"


@dataclass(frozen=True, slots=True, repr=False)
class IssuedLink:
    """A new link. `text` is shown once: only its digest is stored."""

    link: ConnectLink
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class LoginState:
    """What is known of a state: `open` can be finished, and has its phase. `foreign` belongs to another browser."""

    state: Literal["open", "used", "expired", "foreign"]
    digest: str = ""
    link: str = ""
    phase: bytes = b""


def compute_digest(*parts: str) -> str:
    """Return the digest under which the store knows secrets. They have enough random bits for a fast function."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def seal_phase(state: str, browser: str, link: str, data: Mapping[str, Any]) -> bytes:
    """Encrypt what a login remembers until the vendor redirects with its state to the same browser."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(_derive_key(state, browser)).encrypt(nonce, json.dumps(data).encode(), link.encode())


def open_phase(state: str, browser: str, link: str, sealed: bytes) -> dict[str, Any]:
    """Decrypt what `seal_phase` encrypted. Raises ValueError for another state, browser or link."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        plain = AESGCM(_derive_key(state, browser)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], link.encode())
    except InvalidTag:
        raise ValueError("the phase belongs to another login") from None
    data: dict[str, Any] = json.loads(plain)
    return data


def _derive_key(state: str, browser: str) -> bytes:
    return hmac.digest(browser.encode(), b"conn connect login\n" + state.encode(), hashlib.sha256)


def insert_link(
    connection: Connection,
    account: str,
    *,
    now: float,
    expires_at: float,
    return_url: str = "",
    document: str = "",
    tenant: str = "",
    created_by: str = "",
) -> IssuedLink:
    """Store a new link in the transaction of the caller."""
    text = secrets.token_urlsafe(32)
    link = ConnectLink(
        compute_digest(text),
        account,
        return_url,
        now,
        expires_at,
        document=document,
        tenant=tenant,
        created_by=created_by,
    )
    connection.execute(sa.insert(_links).values(asdict(link)))
    return IssuedLink(link, text)


class LinkStore:
    """The links of a service's database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        prepare_tables(engine, "connect", _MIGRATIONS)

    # --- links ---

    def create(self, account: str, *, now: float, expires_at: float, **more: str) -> IssuedLink:
        """Store a new link; `more` is that of `insert_link`. Removes what expired long ago."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_logins).where(_logins.c.expires_at < now))
            connection.execute(sa.delete(_links).where(_links.c.expires_at < now - _KEEP_SECONDS))
            return insert_link(connection, account, now=now, expires_at=expires_at, **more)

    def find(self, text: str) -> ConnectLink | None:
        """Return the link with this text, also one that can no longer be used."""
        return self.find_by_digest(compute_digest(text)) if _TEXT.fullmatch(text) else None

    def find_by_digest(self, digest: str) -> ConnectLink | None:
        """Return the link with this digest."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_links).where(_links.c.digest == digest)).one_or_none()
        return None if row is None else ConnectLink(**row._mapping)

    def list(self, account: str = "") -> list[ConnectLink]:
        """Return the links of an account, or of all, the newest first. Those that expired long ago are gone."""
        query = sa.select(_links).order_by(_links.c.created_at.desc(), _links.c.digest).limit(_MOST_LISTED)
        query = query.where(_links.c.account == account) if account else query
        with self._engine.connect() as connection:
            return [ConnectLink(**row._mapping) for row in connection.execute(query)]

    def find_by_id(self, identifier: str) -> ConnectLink | None:
        """Return the link with this ID."""
        if not re.fullmatch(f"[0-9a-f]{{{_ID_CHARACTERS}}}", identifier):
            return None
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_links).where(_links.c.digest.startswith(identifier))).first()
        return None if row is None else ConnectLink(**row._mapping)

    def revoke(self, link: ConnectLink) -> None:
        """End a link at once, also for a login that has begun with it."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_logins).where(_logins.c.link == link.digest))
            connection.execute(sa.delete(_links).where(_links.c.digest == link.digest))

    def count_attempt(self, link: ConnectLink) -> bool:
        """Count an attempt. Return False if there were too many, or the link is used up."""
        place = (_links.c.digest == link.digest) & (_links.c.attempts < MOST_ATTEMPTS) & _links.c.used_at.is_(None)
        with self._engine.begin() as connection:
            statement = sa.update(_links).where(place).values(attempts=_links.c.attempts + 1)
            return connection.execute(statement).rowcount == 1

    def claim(self, link: ConnectLink, browser: str, now: float) -> bool:
        """Use a link up for the browser with this digest. Return False if another request was faster."""
        place = (_links.c.digest == link.digest) & _links.c.used_at.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(sa.update(_links).where(place).values(used_at=now, used_by=browser)).rowcount == 1

    def release(self, link: ConnectLink) -> None:
        """Let a link be used again: what it was claimed for failed."""
        with self._engine.begin() as connection:
            statement = sa.update(_links).where(_links.c.digest == link.digest)
            connection.execute(statement.values(used_at=None, used_by=None))

    # --- forms and states, each of which is used once ---

    def spend_form(self, link: ConnectLink, browser: str, nonce: str, now: float) -> bool:
        """Note that a form was sent. Return False if it was sent before."""
        values = {"digest": compute_digest("form", link.digest, nonce), "link": link.digest, "browser": browser}
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_logins).values(**values, expires_at=link.expires_at, used_at=now))
        except sa.exc.IntegrityError:
            return False
        return True

    def add_login(self, digest: str, link: str, browser: str, phase: bytes, now: float) -> bool:
        """Store a login that has begun. Return False if its state is in use: a vendor chose it, and not at random."""
        values = {"digest": digest, "link": link, "browser": browser, "phase": phase}
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(_logins).values(**values, expires_at=now + LOGIN_SECONDS))
        except sa.exc.IntegrityError:
            return False
        return True

    def take_login(self, digests: Sequence[str], browser: str, now: float) -> LoginState | None:
        """Return the login with one of these digests, and use its state up if it belongs to the browser. None for an
        unknown state."""
        with self._engine.begin() as connection:
            query = sa.select(_logins).where(_logins.c.digest.in_(digests))
            row = connection.execute(query.limit(1)).first()
            if row is None:
                return None
            if not hmac.compare_digest(row.browser, browser):
                return LoginState("foreign")
            if row.used_at is not None or row.phase is None:
                return LoginState("used")
            if row.expires_at <= now:
                return LoginState("expired")
            place = (_logins.c.digest == row.digest) & _logins.c.used_at.is_(None)
            taken = connection.execute(sa.update(_logins).where(place).values(used_at=now, phase=None)).rowcount
        return LoginState("open", row.digest, row.link, bytes(row.phase)) if taken else LoginState("used")
