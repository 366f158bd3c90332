"""Load the key of a workspace's pseudonyms. It is stored in the vault with the credentials, never in the workspace."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from conn_engine.errors import CredentialError, UsageError
from conn_engine.personal.pseudonyms import Pseudonyms
from conn_engine.secrets import Redactor, Vault

__all__ = ["ENTRY", "VARIABLE", "PseudonymKey", "load_key"]

VARIABLE = "CONN_PERSONAL_DATA_KEY"
ENTRY = "(key of personal data in recordings)"
"""The name of the key in the vault. No account can have it."""

_FEWEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """A key and its origin: read from the vault, new and stored in the vault, from the environment variable, or new and
    for this run only, because the vault cannot store it (`reason`)."""

    raw: bytes = field(repr=False)
    origin: Literal["vault", "new", "variable", "run"]
    reason: str = ""

    @property
    def pseudonyms(self) -> Pseudonyms:
        """The replacements that the key produces."""
        return Pseudonyms(self.raw)


def load_key(vault: Vault, environ: Mapping[str, str], redactor: Redactor) -> PseudonymKey:
    """Return the key of a workspace. It is created and stored at first use, and added to `redactor`, so that no file
    contains it.

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
    new_key = secrets.token_bytes(32)
    try:
        with vault.exclusive(ENTRY):
            stored = (vault.load(ENTRY) or {}).get("key")
            if not isinstance(stored, str):
                vault.save(ENTRY, {"key": new_key.hex()})
    except CredentialError as error:
        reason = "this machine has no usable keyring" if vault.kind == "environment" else error.message
        return PseudonymKey(new_key, "run", reason)
    redactor.add(stored if isinstance(stored, str) else new_key.hex(), "the key of personal data")
    return PseudonymKey(bytes.fromhex(stored), "vault") if isinstance(stored, str) else PseudonymKey(new_key, "new")
