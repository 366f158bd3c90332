"""Secrets of endpoints in the vault of the store. When one is changed, the previous ones sign too for a time.

A row next to the deliveries says that the vault has the secret of an endpoint, so that the vault is opened only for
those. The secret of its document is not used any more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conn_engine.errors import ConfigurationError, CredentialError, UsageError
from conn_engine.listing.incremental.durations import parse_duration
from conn_engine.wire import Clock
from conn_service.delivery import tables
from conn_service.delivery.places import ACCOUNTS, SCHEMES, name_endpoint
from conn_service.delivery.signatures import SigningKey, create_secret, parse_signing_key
from conn_service.store import DatabaseVault, prepare_tables, read_vault_keys

__all__ = [
    "DEFAULT_OVERLAP",
    "EndpointSecrets",
    "RotatedSecret",
    "SecretLookup",
    "SecretState",
    "find_no_secret",
    "parse_overlap",
]

DEFAULT_OVERLAP: Final = "P1D"
_WORKSPACE: Final = "endpoints of the store"
"""Separates these documents from the credentials of accounts: no workspace has an ID with spaces."""
_LONGEST_OVERLAP: Final = 90 * 86_400
_MOST_PREVIOUS: Final = 3
"""Each signs every event, and a receiver tries each signature."""

SecretLookup: TypeAlias = Callable[[str], Sequence[str] | None]
"""Returns the secrets in the vault for the key of an endpoint, the current one first; None if its document has them."""


@dataclass(frozen=True, slots=True)
class SecretState:
    """When the secret of an endpoint was stored in the vault, and until when a previous one signs. Unix seconds."""

    rotated_at: float | None
    previous_until: float | None


@dataclass(frozen=True, slots=True, repr=False)
class RotatedSecret:
    """A new secret, and until when the previous one signs, None if there was none. Unix seconds."""

    secret: str
    previous_until: float | None

    @property
    def public_key(self) -> str:
        """What receivers verify signatures with, "" for a shared secret."""
        return parse_signing_key(self.secret).public_key


@dataclass(frozen=True, slots=True, repr=False)
class _Secret:
    """A secret that signs until a time, None for the current one."""

    secret: str
    until: float | None = None

    def signs(self, now: float) -> bool:
        return self.until is None or self.until > now


def parse_overlap(text: object) -> float:
    """Return for how many seconds the previous secrets sign. Raises UsageError."""
    try:
        seconds = parse_duration(text).about.total_seconds() if isinstance(text, str) else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_OVERLAP:
        raise UsageError(
            "the overlap is not a duration of at most 90 days", hint="write it as PT12H or P7D; P1D is usual"
        )
    return seconds


def find_no_secret(key: str) -> None:
    """Return None for every endpoint: there is no vault (`SecretLookup`)."""
    del key


@dataclass(frozen=True)
class EndpointSecrets:
    """The secrets of endpoints that the vault of a store has. The vault is opened when the first of them is needed."""

    engine: Engine
    environ: Mapping[str, str]
    clock: Clock

    def __post_init__(self) -> None:
        prepare_tables(self.engine, "delivery", tables.MIGRATIONS)

    def find(self, key: str) -> tuple[str, ...] | None:
        """Return the secrets that sign the events of an endpoint now (`SecretLookup`). Raises ConfigurationError if the
        vault cannot be read: nothing is sent with a secret that nobody expects."""
        if key not in self._read_states(key):
            return None
        with _explain(key):
            found, _ = self._load(key)
        now = self.clock.now()
        return tuple(one.secret for one in found if one.signs(now))

    def list_states(self) -> dict[str, SecretState]:
        """Return since when the vault has secrets, by the keys of their endpoints."""
        now, found = self.clock.now(), self._read_states()
        for key, state in found.items():
            if state.previous_until is not None and state.previous_until <= now:
                found[key] = replace(state, previous_until=None)
        return found

    def rotate(
        self,
        key: str,
        present: Iterable[SigningKey],
        overlap: float,
        *,
        is_private: bool = False,
        is_shown: bool = False,
    ) -> RotatedSecret:
        """Make a new secret for an endpoint, and store it. The present ones, which are those of its document unless the
        vault has some, sign too for `overlap` seconds.

        `is_shown` tells that the caller shows it, so that `show` does not. Raises UsageError for a URL that no document
        has, and if too many secrets sign already, and ConfigurationError for a vault that cannot be used.
        """
        _refuse_url(key)
        with _explain(key), self._vault.exclusive(key):
            now = self.clock.now()
            stored = [one for one in self._load(key)[0] if one.signs(now)] if key in self._read_states(key) else []
            old = stored or [_Secret(one.text) for one in present]
            previous = [replace(one, until=now + overlap if one.until is None else one.until) for one in old]
            previous = [one for one in previous if one.signs(now)]
            if len(previous) > _MOST_PREVIOUS:
                raise UsageError(
                    f"{len(previous)} secrets of the endpoint {name_endpoint(key)} sign its events already",
                    hint="end the previous ones when all receivers have the new one: conn endpoint rotate NAME --end",
                )
            secret = create_secret(is_private=is_private)
            self._save(key, [_Secret(secret), *previous], is_shown=is_shown)
        return RotatedSecret(secret, _find_end(previous))

    def end_previous(self, key: str) -> int:
        """Let only the current secret sign. Return how many others did. Raises UsageError if the vault has none."""
        self._check_stored(key)
        with _explain(key), self._vault.exclusive(key):
            found, is_shown = self._load(key)
            now = self.clock.now()
            self._save(key, [one for one in found if one.until is None], is_shown=is_shown)
        return sum(1 for one in found if one.until is not None and one.signs(now))

    def show(self, key: str) -> RotatedSecret:
        """Return the current secret, once. Raises UsageError if it was shown already, or if the vault has none."""
        self._check_stored(key)
        with _explain(key), self._vault.exclusive(key):
            found, is_shown = self._load(key)
            if is_shown:
                raise UsageError(
                    f"the secret of the endpoint {name_endpoint(key)} was shown already",
                    hint=f"make a new one: conn endpoint rotate {name_endpoint(key)} --show",
                )
            self._save(key, found, is_shown=True)
        return RotatedSecret(found[0].secret, _find_end(found))

    def remove(self, key: str) -> None:
        """Use the secret of the endpoint's document again. Raises UsageError if the vault has none."""
        self._check_stored(key)
        with _explain(key), self._vault.exclusive(key):
            self._forget(key)
            self._vault.delete(key)

    def remove_account(self, account: str) -> None:
        """Remove the secrets of the endpoints of a deleted account: they would be those of the next one of its name.
        What stays in a vault that cannot be opened is never used."""
        for key in [key for key in self._read_states() if key.startswith(f"{ACCOUNTS}{account}/")]:
            self._forget(key)
            with suppress(CredentialError):
                self._vault.delete(key)

    @cached_property
    def _vault(self) -> DatabaseVault:
        return DatabaseVault(self.engine, read_vault_keys(self.environ), _WORKSPACE)

    def _check_stored(self, key: str) -> None:
        _refuse_url(key)
        if key not in self._read_states(key):
            raise UsageError(
                f"the vault has no secret of the endpoint {name_endpoint(key)}",
                hint=f"make one: conn endpoint rotate {name_endpoint(key)}",
            )

    def _read_states(self, key: str | None = None) -> dict[str, SecretState]:
        columns = tables.secret.c
        query = sa.select(columns.endpoint, columns.rotated_at, columns.previous_until)
        with self.engine.connect() as connection:
            rows = connection.execute(query if key is None else query.where(columns.endpoint == key)).all()
        return {row[0]: SecretState(row[1], row[2]) for row in rows}

    def _load(self, key: str) -> tuple[list[_Secret], bool]:
        document = self._vault.load(key)
        if document is None:
            raise CredentialError("it is missing", category="store")
        return [_Secret(**one) for one in document["secrets"]], bool(document["is_shown"])

    def _save(self, key: str, found: Sequence[_Secret], *, is_shown: bool) -> None:
        """Store the secrets, then note that they are: a process that is killed meanwhile has changed them or not."""
        texts: list[dict[str, Any]] = [{"secret": one.secret, "until": one.until} for one in found]
        self._vault.save(key, {"version": 1, "secrets": texts, "is_shown": is_shown})
        values = {"rotated_at": self.clock.now(), "previous_until": _find_end(found)}
        with self.engine.begin() as connection:
            statement = sa.update(tables.secret).where(tables.secret.c.endpoint == key).values(values)
            if not connection.execute(statement).rowcount:
                connection.execute(sa.insert(tables.secret).values(endpoint=key, **values))

    def _forget(self, key: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(tables.secret).where(tables.secret.c.endpoint == key))


@contextmanager
def _explain(key: str) -> Iterator[None]:
    """Raise ConfigurationError instead of the errors of the vault, whose messages are about accounts."""
    try:
        yield
    except CredentialError as error:
        name = name_endpoint(key)
        is_store = error.category == "store"
        reason = error.message if is_store else "it was changed"
        hint = error.hint if is_store else ""
        raise ConfigurationError(
            f"the secret of the endpoint {name} in the vault cannot be used: {reason}",
            hint=hint or f"use the secret of its document again: conn endpoint rotate {name} --remove",
        ) from None


def _refuse_url(key: str) -> None:
    if key.startswith(SCHEMES):
        raise UsageError(
            f"{name_endpoint(key)} is a URL, whose events are not signed", hint="add an endpoint to conn.yaml"
        )


def _find_end(found: Sequence[_Secret]) -> float | None:
    return max((one.until for one in found if one.until is not None), default=None)
