"""Credentials in the keyring of the operating system (package `keyring`), with a time limit for each call.

A keyring may be installed but unusable: no backend, an empty chain, or a service that never responds.
"""

import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from conn_engine.errors import CredentialError
from conn_engine.secrets.vault.locks import Locks

__all__ = ["KeyringVault", "find_usable_keyring"]

T = TypeVar("T")
SERVICE = "conn"
PROBE_SECONDS = 5.0
CALL_SECONDS = 30.0  # unlocking may ask a person
_WINDOWS_CHARACTERS = 1200  # the credential manager takes 2,560 bytes, as UTF-16
_PARTS = "conn_parts"


def find_usable_keyring(seconds: float = PROBE_SECONDS) -> Any | None:
    """Return the backend that `keyring` chooses, or None if it cannot store anything."""

    def probe() -> Any | None:
        import keyring
        import keyring.backends.chainer
        import keyring.backends.fail
        import keyring.backends.null

        backend = keyring.get_keyring()
        if isinstance(backend, (keyring.backends.fail.Keyring, keyring.backends.null.Keyring)):
            return None
        if isinstance(backend, keyring.backends.chainer.ChainerBackend) and not list(backend.backends):
            return None
        return backend

    try:
        return _run_bounded(probe, seconds, "does not respond")
    except Exception:  # a backend may fail in any way while it looks for its service
        return None


class KeyringVault:
    """A vault over a `keyring` backend. Documents are JSON; long ones are split if the backend requires it.

    `folder` has the lock files; the folders from `top` down are closed to other users. `service` is the name under
    which entries are listed; it should name the workspace.
    """

    kind = "keyring"

    def __init__(
        self,
        backend: Any,
        folder: Path,
        *,
        service: str = SERVICE,
        seconds: float = CALL_SECONDS,
        characters: int | None = None,
        top: Path | None = None,
    ) -> None:
        self._backend = backend
        self._service = service
        self._seconds = seconds
        windows = type(backend).__module__.endswith("backends.Windows")
        self._characters = characters or (_WINDOWS_CHARACTERS if windows else None)
        self._locks = Locks(folder / "locks", top=top)

    @property
    def name(self) -> str:
        """The backend's name, for people."""
        return str(getattr(self._backend, "name", type(self._backend).__name__))

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None."""
        text = self._get(account)
        if text is None:
            return None
        document = self._parse(account, text)
        if _PARTS in document:
            parts = [self._get(key) for key in _list_part_keys(account, document[_PARTS])]
            if None in parts:
                raise self._build_damaged_error(account)
            document = self._parse(account, "".join(part for part in parts if part is not None))
        return document

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Store the document. The parts of a split one are written before the entry that lists them."""
        text = json.dumps(dict(document))
        old = self._old_parts(account)
        if self._characters is None or len(text) <= self._characters:
            self._set(account, text)
        else:
            size = self._characters
            pieces = [text[offset : offset + size] for offset in range(0, len(text), size)]
            label = [secrets.token_hex(4), len(pieces)]
            for key, piece in zip(_list_part_keys(account, label), pieces, strict=True):
                self._set(key, piece)
            self._set(account, json.dumps({_PARTS: label}))
        for key in old:
            self._remove(key)

    def delete(self, account: str) -> bool:
        """Remove the entry and its parts. Return whether there was one."""
        if self._get(account) is None:
            return False
        for key in [*self._old_parts(account), account]:
            self._remove(key)
        return True

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread of one process at a time."""
        return self._locks.hold(f"{self._service} {account}")

    def _old_parts(self, account: str) -> list[str]:
        text = self._get(account)
        with contextlib.suppress(CredentialError):
            if text is not None:
                return _list_part_keys(account, self._parse(account, text).get(_PARTS))
        return []

    def _parse(self, account: str, text: str) -> dict[str, Any]:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise self._build_damaged_error(account) from None
        if not isinstance(document, dict):
            raise self._build_damaged_error(account)
        return document

    def _build_damaged_error(self, account: str) -> CredentialError:
        return CredentialError(
            f'the entry of account "{account}" in the keyring ({self._service}) is not readable',
            hint=f"conn auth login {account}",
            category="missing",
        )

    def _get(self, key: str) -> str | None:
        value: str | None = self._call(lambda: self._backend.get_password(self._service, key))
        return value

    def _set(self, key: str, text: str) -> None:
        self._call(lambda: self._backend.set_password(self._service, key, text))

    def _remove(self, key: str) -> None:
        if self._get(key) is not None:
            self._call(lambda: self._backend.delete_password(self._service, key))

    def _call(self, action: Callable[[], T]) -> T:
        try:
            return _run_bounded(action, self._seconds, f"does not respond within {self._seconds:g} seconds")
        except CredentialError:
            raise
        except Exception as error:
            # The error's text is left out, because some backends quote their input.
            raise CredentialError(
                f"the keyring ({self.name}) failed: {type(error).__name__}",
                hint="unlock it, or set CONN_VAULT_KEY to use an encrypted file",
                category="store",
            ) from None


def _list_part_keys(account: str, label: Any) -> list[str]:
    if not (isinstance(label, list) and len(label) == 2 and isinstance(label[1], int) and 0 < label[1] < 1000):
        return []
    return [f"{account} ({label[0]}, {number + 1} of {label[1]})" for number in range(label[1])]


def _run_bounded(action: Callable[[], T], seconds: float, fault: str) -> T:
    """Run a call that may never return in a thread, and abandon it after the time limit."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(action())
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=run, name="keyring", daemon=True)
    worker.start()
    worker.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise CredentialError(
            f"the keyring {fault}", hint="unlock it: it may be waiting for its password", category="store"
        )
    return results[0]
