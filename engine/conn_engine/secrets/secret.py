"""`Secret`, a value that is held masked, and `Vault`, what keeps the credentials of accounts.

Where secrets may be sent is `transport.door`'s; there is no I/O here.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol, SupportsIndex

from conn_engine.secrets.redaction import REDACTED

__all__ = ["Secret", "Vault"]


class Secret:
    """A value that shows itself only on `reveal()`: repr, str and format are masked; it cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
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
    """Where the credential documents of accounts are kept. A document is a JSON object.

    All methods block; asynchronous callers go through `asyncio.to_thread`. Each raises CredentialError when
    the store cannot be used.
    """

    @property
    def kind(self) -> str:
        """What it is, for people: `keyring`, `encrypted file`, `environment`, `memory`."""
        ...

    def load(self, account: str) -> dict[str, Any] | None:
        """The account's document; None when it has none."""
        ...

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Keep the document, whole, before returning."""
        ...

    def delete(self, account: str) -> bool:
        """Forget it; whether there was one."""
        ...

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Held by one thread of one process at a time: what a refresh of this account's token runs under."""
        ...
