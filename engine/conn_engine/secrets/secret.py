"""`Secret`, a masked value, and `Vault`, the interface of stores for the credentials of accounts.

`transport.gateway` decides where secrets may be sent. There is no I/O here.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol, SupportsIndex

from conn_engine.secrets.redaction import REDACTED

__all__ = ["Secret", "Vault"]


class Secret:
    """A value that only `reveal()` returns: repr, str and format are masked, and it cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret([redacted])"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied out")


class Vault(Protocol):
    """A store for the credential documents of accounts. A document is a JSON object.

    All methods block; asynchronous callers use `asyncio.to_thread`. Each raises CredentialError if the store cannot be
    used.
    """

    @property
    def kind(self) -> str:
        """The kind of store, for people: `keyring`, `encrypted file`, `environment`, `database`, `memory`."""
        ...

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None."""
        ...

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Store the complete document before returning."""
        ...

    def delete(self, account: str) -> bool:
        """Delete the document. Return whether there was one."""
        ...

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread of one process at a time. The account's token is refreshed under it."""
        ...
