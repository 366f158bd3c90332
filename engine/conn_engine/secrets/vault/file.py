"""Credentials in encrypted files, one per account, for machines without a keyring.

The key comes from the environment. Fernet (AES-128-CBC with HMAC-SHA-256) under a key that scrypt makes from
the passphrase and a salt. The files of a folder share the salt, because deriving a key takes time. The encrypted
content includes the account's name, so that files cannot be swapped.
"""

import base64
import binascii
import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from conn_engine.documents import write_whole
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.secrets.vault.folders import make_private_folder, to_file_name
from conn_engine.secrets.vault.locks import Locks

__all__ = ["FileVault", "RotatedKey"]

_COST = 2**15
_SHORTEST_KEY = 8
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """How many credentials a rotation has encrypted, and how many had the current key already."""

    encrypted: int
    unchanged: int


class FileVault:
    """A vault of encrypted files in `folder`, for their owner. Raises CredentialError for a short key.

    The folders from `top` (default: `folder`) down are closed to others. Files are written with `key`, and read with
    `old_key`, too, if there is one.
    """

    kind = "encrypted file"

    def __init__(self, folder: Path, key: str, *, old_key: str = "", top: Path | None = None) -> None:
        for name, value in (("CONN_VAULT_KEY", key), ("CONN_VAULT_OLD_KEY", old_key or key)):
            if len(value) < _SHORTEST_KEY:
                raise CredentialError(
                    f"{name} is shorter than {_SHORTEST_KEY} characters",
                    hint="use a longer random value",
                    category="store",
                )
        self._folder = folder
        self._top = top
        self._key = key
        self._old_key = old_key
        self._derived: dict[tuple[str, bytes], bytes] = {}
        self._locks = Locks(folder / "locks", top=top)

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None. Raises CredentialError for a wrong key or a damaged file."""
        found = self._decrypt(self._path(account))
        if found is None:
            return None
        if found[0] != account:
            _build_damaged_error(self._path(account))
        return found[1]

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Write the document atomically."""
        from cryptography.fernet import Fernet

        path = self._path(account)
        salt = self._salt(path)
        key = self._derive(self._key, salt)
        plain = json.dumps({"account": account, "document": dict(document)}).encode()
        content = {
            "format": 1,
            "kdf": "scrypt",
            "salt": base64.b64encode(salt).decode(),
            "content": Fernet(key).encrypt(plain).decode(),
        }
        try:
            make_private_folder(self._folder, self._top)
            write_whole(path, json.dumps(content, indent=2) + "\n", mode=0o600)
        except (OSError, ConfigurationError) as error:
            raise CredentialError(
                f"the credential cannot be stored in {path}",
                hint="set CONN_STATE_DIR to another folder",
                category="store",
            ) from error

    def delete(self, account: str) -> bool:
        """Remove the file. Return whether there was one."""
        path = self._path(account)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CredentialError(
                f"{path} cannot be removed: {(error.strerror or '').lower()}",
                hint="correct the permissions of the file and its folder",
                category="store",
            ) from error
        return True

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread of one process at a time."""
        return self._locks.hold(account)

    def rotate(self) -> RotatedKey:
        """Encrypt each file that has the old key with the current one. Nothing is written if a file cannot be
        decrypted: raises CredentialError. If the process is killed meanwhile, both keys are needed until it has been
        repeated."""
        found = [entry for path in sorted(self._folder.glob("*.json")) if (entry := self._decrypt(path)) is not None]
        old = [account for account, _, is_current in found if not is_current]
        for account in old:
            with self.exclusive(account):
                document = self.load(account)
                if document is not None:
                    self.save(account, document)
        names = [account for account, _, _ in found]
        encrypted, total = (_count_accounts(one) for one in (old, names))
        return RotatedKey(encrypted, total - encrypted)

    def _decrypt(self, path: Path) -> tuple[str, dict[str, Any], bool] | None:
        """Return the account of a file, its document, and whether it has the current key, or None without a file."""
        envelope = self._envelope(path)
        if envelope is None:
            return None
        from cryptography.fernet import Fernet, InvalidToken

        salt, token = envelope
        for key in filter(None, (self._key, self._old_key)):
            with contextlib.suppress(InvalidToken):
                plain = json.loads(Fernet(self._derive(key, salt)).decrypt(token))
                document = plain.get("document") if isinstance(plain, dict) else None
                if not isinstance(document, dict):
                    _build_damaged_error(path)
                return str(plain.get("account")), document, key == self._key
        raise CredentialError(
            f"{path} cannot be decrypted: CONN_VAULT_KEY is not its key, or the file is damaged",
            hint="set the right key, or log in again after removing the file",
            category="store",
        )

    def _path(self, account: str) -> Path:
        return self._folder / f"{to_file_name(account)}.json"

    def _salt(self, path: Path) -> bytes:
        """Return the salt for a file: its own, or else that of another file in the folder."""
        for file in (path, *sorted(self._folder.glob("*.json"))):
            with contextlib.suppress(CredentialError):  # what cannot be read is replaced
                envelope = self._envelope(file)
                if envelope is not None:
                    return envelope[0]
        return secrets.token_bytes(16)

    def _derive(self, key: str, salt: bytes) -> bytes:
        if (key, salt) not in self._derived:
            raw = hashlib.scrypt(key.encode(), salt=salt, n=_COST, r=8, p=1, dklen=32, maxmem=64 * 1024 * 1024)
            self._derived[key, salt] = base64.urlsafe_b64encode(raw)
        return self._derived[key, salt]

    def _envelope(self, path: Path) -> tuple[bytes, bytes] | None:
        try:
            with path.open("rb") as stream:
                raw = stream.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CredentialError(
                f"{path} cannot be read: {(error.strerror or '').lower()}",
                hint="correct the permissions of the file and its folder",
                category="store",
            ) from error
        try:
            content = json.loads(raw)
            if content["format"] != 1 or content["kdf"] != "scrypt":
                _build_damaged_error(path)
            salt = base64.b64decode(content["salt"], validate=True)
            return salt, str(content["content"]).encode()
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            _build_damaged_error(path)


def _count_accounts(names: Iterable[str]) -> int:
    """Count entries of accounts. One with a $ is the workspace's."""
    return sum(not name.startswith("$") for name in names)


def _build_damaged_error(path: Path) -> NoReturn:
    raise CredentialError(f"{path} is not a credential file", hint="remove it and log in again", category="missing")
