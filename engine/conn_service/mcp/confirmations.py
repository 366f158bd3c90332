"""Confirmations of writes: what a plan returns, and what the call that sends it must pass."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_engine.wire import Clock
from conn_service.http.problems import HttpProblem
from conn_service.store import Migration, prepare_tables

__all__ = ["CONFIRMATION_SECONDS", "Confirmations", "create_signing_key", "read_signing_key"]

CONFIRMATION_SECONDS: Final = 300
_NONCE_BYTES: Final = 9
_MAC_BYTES: Final = 18
_MOST_CHARACTERS: Final = 100
_metadata = sa.MetaData()
_keys = sa.Table("conn_agent_key", _metadata, sa.Column("signing_key", sa.LargeBinary, nullable=False))


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)
    connection.execute(sa.insert(_keys).values(signing_key=create_signing_key()))


_MIGRATIONS: tuple[Migration, ...] = (_create,)


def create_signing_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(32)


def read_signing_key(engine: Engine) -> bytes:
    """Return the key that all replicas of a service share. It is created with its table."""
    prepare_tables(engine, "agents", _MIGRATIONS)
    with engine.connect() as connection:
        return bytes(connection.execute(sa.select(_keys.c.signing_key)).scalar_one())


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Issues confirmations and verifies them. Each is for one call: `bound` is everything that identifies it.

    The text is `<end>.<nonce>.<MAC>`. That it is used once is not its own matter: the nonce is the key of the write
    (see `SingleWrites`).
    """

    key: bytes = field(repr=False)
    clock: Clock

    def issue(self, *bound: Any) -> str:
        """Return a new confirmation of a call."""
        end = int(self.clock.now()) + CONFIRMATION_SECONDS
        nonce = _encode(secrets.token_bytes(_NONCE_BYTES))
        return f"{end}.{nonce}.{self._compute_mac(end, nonce, bound)}"

    def verify(self, text: str, *bound: Any) -> str:
        """Return the nonce of a confirmation. Raises HttpProblem if it is not one of this call, or too old."""
        end, _, rest = text[:_MOST_CHARACTERS].partition(".")
        nonce, _, mac = rest.partition(".")
        is_number = end.isascii() and end.isdigit()
        if not is_number or not hmac.compare_digest(mac.encode(), self._compute_mac(int(end), nonce, bound).encode()):
            raise HttpProblem(
                400,
                "invalid_request",
                "the confirmation is not one of this call: it is for these exact arguments, and this configuration",
                "call without confirmation for a new plan",
            )
        if self.clock.now() >= int(end):
            raise HttpProblem(
                400,
                "invalid_request",
                f"the confirmation is older than {CONFIRMATION_SECONDS} seconds",
                "call without confirmation for a new plan",
            )
        return nonce

    def _compute_mac(self, end: int, nonce: str, bound: tuple[Any, ...]) -> str:
        message = json.dumps(["conn agent write", end, nonce, bound], sort_keys=True)
        return _encode(hmac.digest(self.key, message.encode(), hashlib.sha256)[:_MAC_BYTES])


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()
