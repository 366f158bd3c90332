"""Find the accounts of an event by a value in their context, which a log-in may have found.

The index is built on first use, and again for a value that it lacks, but not more often than every ten seconds.
"""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from conn_engine.auth import CAPTURED
from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.secrets import Vault
from conn_engine.wire import Clock

__all__ = ["Routes", "same_value"]

_SECONDS_BETWEEN_INDEXES = 10.0


class Routes:
    """The accounts of a workspace by connector and by a value of their context, which is set in their documents or was
    captured at login."""

    def __init__(self, workspace: Workspace, vault: Callable[[], Vault], clock: Clock) -> None:
        self._workspace = workspace
        self._vault = vault
        self._clock = clock
        self._made: dict[tuple[str, str], tuple[float, dict[str, list[str]]]] = {}
        self.unreadable: list[str] = []

    def accounts(self, connector: str, name: str, value: Any) -> list[str]:
        """Return the accounts of a connector whose context has this value under this name. 7 and "7" are equal."""
        if value is None or isinstance(value, dict | list):
            return []
        key = (connector, name)
        now = self._clock.now()
        built, accounts = self._made.get(key, (-inf, {}))
        found = accounts.get(_text(value), [])
        if not found and now - built >= _SECONDS_BETWEEN_INDEXES:  # it may have logged in since
            _, accounts = self._made[key] = (now, self._index(connector, name))
            found = accounts.get(_text(value), [])
        return found

    def _index(self, connector: str, name: str) -> dict[str, list[str]]:
        accounts: dict[str, list[str]] = {}
        for account, value in self._values(connector, name):
            if value is not None and not isinstance(value, dict | list):
                accounts.setdefault(_text(value), []).append(account)
        return accounts

    def _values(self, connector: str, name: str) -> Iterable[tuple[str, Any]]:
        self.unreadable = []
        for account in self._workspace.accounts():
            try:
                typed = self._workspace.account(account)
                if typed.connector != connector:
                    continue
                if name in typed.context:
                    yield account, typed.context[name]
                else:
                    captured = (self._vault().load(account) or {}).get(CAPTURED)
                    yield account, captured.get(name) if isinstance(captured, dict) else None
            except ConnError:  # the events of the other accounts continue
                self.unreadable.append(account)


def same_value(value: Any, other_value: Any) -> bool:
    """Return whether two values identify the same account: 7, 7.0 and "7" are equal."""
    return _text(value) == _text(other_value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(int(value)) if _is_integer(value) else str(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
