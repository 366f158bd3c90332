"""API tokens of the service: how they look, what they allow, and the table that keeps only their digests.

A token is `conn_<ID>_<secret>_<checksum>`. The checksum tells a mistyped token without a look into the table, and lets
scanners recognise one. The secret has 256 random bits, so that its digest needs no slow function.
"""

import hashlib
import logging
import re
import secrets
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from conn_engine.errors import UsageError
from conn_service.store import Migration, add_columns, prepare_tables

__all__ = ["SCOPES", "ApiToken", "IssuedToken", "TokenRate", "TokenScope", "TokenStore", "parse_token"]

TokenScope = Literal[
    "unified:read",
    "unified:write",
    "proxy:read",
    "proxy:write",
    "mcp",
    "metrics",
    "portal:view",
    "portal:edit",
    "portal:release",
    "admin",
]
_LOG = logging.getLogger(__name__)
SCOPES: Final[tuple[TokenScope, ...]] = get_args(TokenScope)
_TOKEN = re.compile(r"conn_([a-z0-9]{12})_([A-Za-z0-9_-]{43})_([0-9a-f]{8})")
_RATE = re.compile(r"([0-9]{1,6})/([0-9]{0,6})([smh])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_MARK_SECONDS = 60.0
"""How exact `last_used` is: one write per token and minute."""

RECENT_SECONDS: Final = 5.0
"""How long a token that another process revokes is still accepted here."""
_MOST_RECENT = 10_000

_metadata = sa.MetaData()
_tokens = sa.Table(
    "conn_token",
    _metadata,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("tenant", sa.String(100), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("accounts", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float),
    sa.Column("last_used", sa.Float),
    sa.Column("revoked_at", sa.Float),
    sa.Column("rate", sa.String(40)),
)


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


def _add_rate(connection: Connection) -> None:
    add_columns(connection, _tokens)


_MIGRATIONS: tuple[Migration, ...] = (_create, _add_rate)


@dataclass(frozen=True, slots=True)
class TokenRate:
    """How many requests a token may send in any span of a number of seconds. Its text is `100/60s`."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "TokenRate":
        """Read `100/60s`, `10/s` or `5000/1h`. Raises UsageError."""
        match = _RATE.fullmatch(text.strip())
        if match is None or not int(match[1]) or match[2] == "0":
            raise UsageError(f'"{text[:40]}" is not a rate', hint="write requests per time: 100/60s, 10/s or 5000/1h")
        return cls(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])

    def __str__(self) -> str:
        return f"{self.requests}/{self.seconds}s"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a token allows. `accounts` are those it may use; empty means all of its tenant, and an empty `tenant` all
    there are. Times are in Unix seconds."""

    id: str
    name: str
    tenant: str
    scopes: frozenset[TokenScope]
    accounts: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    last_used: float | None = None
    revoked_at: float | None = None
    rate: TokenRate | None = None

    def is_valid(self, now: float) -> bool:
        """Return whether the token may be used at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, repr=False)
class IssuedToken:
    """A new token. `text` is shown once: only its digest is stored."""

    token: ApiToken
    text: str


def parse_token(text: str) -> str | None:
    """Return the ID in the text of a token, or None for any other text."""
    match = _TOKEN.fullmatch(text)
    if match is None or _compute_checksum(match[1], match[2]) != match[3]:
        return None
    return match[1]


def _compute_checksum(identifier: str, secret: str) -> str:
    return f"{zlib.crc32(f'{identifier}_{secret}'.encode()):08x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TokenStore:
    """The tokens of a service's database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recent: dict[str, tuple[float, ApiToken]] = {}
        prepare_tables(engine, "tokens", _MIGRATIONS)

    def create(
        self,
        name: str,
        scopes: Collection[TokenScope],
        *,
        now: float,
        tenant: str = "",
        accounts: Sequence[str] = (),
        expires_at: float | None = None,
        rate: TokenRate | None = None,
    ) -> IssuedToken:
        """Store a new token. Raises UsageError if it could never be used."""
        if not scopes:
            raise UsageError("a token without scopes cannot be used", hint=f"pass one of: {', '.join(SCOPES)}")
        if expires_at is not None and expires_at <= now:
            raise UsageError("the token would expire before it is used", hint="pass a later time")
        identifier = secrets.token_hex(6)
        secret = secrets.token_urlsafe(32)
        text = f"conn_{identifier}_{secret}_{_compute_checksum(identifier, secret)}"
        token = ApiToken(identifier, name, tenant, frozenset(scopes), tuple(accounts), now, expires_at, rate=rate)
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(_tokens).values(
                    id=identifier,
                    digest=_digest(text),
                    name=name,
                    tenant=tenant,
                    scopes=" ".join(sorted(scopes)),
                    accounts=" ".join(accounts),
                    created_at=now,
                    expires_at=expires_at,
                    rate=None if rate is None else str(rate),
                )
            )
        return IssuedToken(token, text)

    def find_recent(self, text: str, now: float) -> ApiToken | None:
        """Return a token that was found in the last `RECENT_SECONDS`, if it may be used now. Never waits."""
        read_at, token = self._recent.get(_digest(text), (0.0, None))
        if token is None or not 0 <= now - read_at < RECENT_SECONDS or not token.is_valid(now):
            return None
        return token

    def find(self, text: str, now: float) -> ApiToken | None:
        """Return the token with this text if it may be used now, else None. Notes that it was used."""
        if parse_token(text) is None:
            return None
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_tokens).where(_tokens.c.digest == _digest(text))).one_or_none()
        token = None if row is None else _to_token(row)
        if token is None or not token.is_valid(now):
            return None
        if token.last_used is None or now - token.last_used >= _MARK_SECONDS:
            self._mark(token, now)
        if len(self._recent) >= _MOST_RECENT:
            self._recent.clear()
        self._recent[_digest(text)] = (now, token)
        return token

    def find_by_id(self, identifier: str, now: float) -> ApiToken | None:
        """Return the token with this ID if it may be used now, else None."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_tokens).where(_tokens.c.id == identifier)).one_or_none()
        token = None if row is None else _to_token(row)
        return token if token is not None and token.is_valid(now) else None

    def _mark(self, token: ApiToken, now: float) -> None:
        """Note the use of a token. If the store cannot be written (a full disk), the token is accepted."""
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.update(_tokens).where(_tokens.c.id == token.id).values(last_used=now))
        except sa.exc.SQLAlchemyError as error:
            _LOG.warning("the last use of token %s cannot be stored (%s)", token.id, type(error).__name__)

    def list(self) -> list[ApiToken]:
        """Return all tokens, also those that can no longer be used, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_tokens).order_by(_tokens.c.created_at, _tokens.c.id))
            return [_to_token(row) for row in rows]

    def revoke(self, identifier: str, now: float) -> ApiToken:
        """End a token at once. Raises UsageError for an unknown one."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(_tokens)
                .where(_tokens.c.id == identifier, _tokens.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            row = connection.execute(sa.select(_tokens).where(_tokens.c.id == identifier)).one_or_none()
        if row is None:
            raise UsageError(
                f'there is no token "{identifier}"', hint="conn token list shows their IDs", category="unknown"
            )
        self._recent.pop(row.digest, None)
        return _to_token(row)


def _to_token(row: Row[tuple[object, ...]]) -> ApiToken:
    values = dict(row._mapping)
    del values["digest"]
    values["scopes"] = frozenset(values["scopes"].split())
    values["accounts"] = tuple(values["accounts"].split())
    values["rate"] = None if values["rate"] is None else TokenRate.parse(values["rate"])
    return ApiToken(**values)
