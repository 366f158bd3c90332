"""Load the key of a workspace's pseudonyms. It is stored in the vault with the credentials, or else in a file of the
user, never in the workspace."""

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from conn_engine.documents import read_regular, write_whole
from conn_engine.errors import ConfigurationError, CredentialError, UsageError
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.secrets import Redactor, Vault
from conn_engine.secrets.vault.folders import find_state_folder, make_private_folder, to_file_name

__all__ = ["ENTRY", "VARIABLE", "PseudonymKey", "find_key_file", "load_key"]

VARIABLE = "CONN_PERSONAL_DATA_KEY"
ENTRY = "(key of personal data in recordings)"
"""The name of the key in the vault. No account can have it."""

_FEWEST_CHARACTERS = 16
_KEY_BYTES = 32
_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """A key and its origin: read from the vault or a file, new and stored there, from the environment variable, or new
    and for this run only. `reason` is why the vault cannot store it."""

    raw: bytes = field(repr=False)
    origin: Literal["vault", "file", "new", "variable", "run"]
    reason: str = ""

    @property
    def pseudonyms(self) -> Pseudonyms:
        """The replacements that the key produces."""
        return Pseudonyms(self.raw)


def find_key_file(environ: Mapping[str, str], workspace: str) -> Path:
    """Return where the key of a workspace with this identity is stored on a machine without a vault."""
    return find_state_folder(environ) / "pseudonyms" / to_file_name(workspace)


def load_key(vault: Vault, environ: Mapping[str, str], redactor: Redactor, *, file: Path | None = None) -> PseudonymKey:
    """Return the key of a workspace. It is created and stored at first use, and added to `redactor`, so that no
    recording contains it. `file` is where to store it if the vault cannot; without one, each run has its own key.

    Raises UsageError if the variable is too short.
    """
    key_text = environ.get(VARIABLE)
    if key_text:
        if len(key_text) < _FEWEST_CHARACTERS:
            raise UsageError(
                f"{VARIABLE} is shorter than {_FEWEST_CHARACTERS} characters",
                hint="create one: openssl rand -base64 32",
            )
        redactor.add(key_text, VARIABLE)
        return PseudonymKey(hashlib.sha256(key_text.encode("utf-8", "surrogateescape")).digest(), "variable")
    new_key = secrets.token_bytes(_KEY_BYTES)
    try:
        with vault.exclusive(ENTRY):
            stored = _parse_key((vault.load(ENTRY) or {}).get("key"))
            if stored is None:
                vault.save(ENTRY, {"key": new_key.hex()})
    except CredentialError as error:
        reason = "this machine has no usable keyring" if vault.kind == "environment" else error.message
        return (
            _load_from_file(file, new_key, reason, redactor)
            if file is not None
            else PseudonymKey(new_key, "run", reason)
        )
    raw = new_key if stored is None else stored
    redactor.add(raw.hex(), "the key of personal data")
    return PseudonymKey(raw, "new" if stored is None else "vault")


def _load_from_file(file: Path, new_key: bytes, reason: str, redactor: Redactor) -> PseudonymKey:
    """Return the key in a file that only its owner can read, which is created at first use."""
    origin: Literal["file", "new"] = "file"
    try:
        if not file.exists():
            make_private_folder(file.parent)
            with suppress(UsageError):  # another process creates the same one
                write_whole(file, new_key.hex(), mode=0o600, overwrite=False)
                origin = "new"
        raw = _parse_key(read_regular(file, _MAX_BYTES).decode("ascii", "replace"))
    except (OSError, ConfigurationError):
        return PseudonymKey(new_key, "run", reason)
    if raw is None:
        return PseudonymKey(new_key, "run", f"{file} has no key: delete it")
    redactor.add(raw.hex(), "the key of personal data")
    return PseudonymKey(raw, origin, reason)


def _parse_key(text: object) -> bytes | None:
    """Return a stored key, or None for anything else. With a shorter one, pseudonyms could be guessed."""
    try:
        raw = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return raw if len(raw) == _KEY_BYTES else None
