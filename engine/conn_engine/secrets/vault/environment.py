"""Credentials from environment variables, for CI and containers. Read only: renewed tokens last one run.

`CONN_<ACCOUNT>_<FIELD>` is one field, `__` goes one level deeper (`CONN_ACME_OAUTH__TOKEN__ACCESS_TOKEN`); the parts of
an OAuth token have short names too (`CONN_ACME_ACCESS_TOKEN`). `CONN_<ACCOUNT>_CREDENTIALS` is the complete document as
JSON; single fields override its values. Account and field are in upper case, with `_` for every character that is not a
letter or a digit.
"""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from conn_engine.errors import CredentialError, UsageError
from conn_engine.secrets import get_refresh_token
from conn_engine.secrets.vault.locks import Locks

__all__ = [
    "EnvironmentVault",
    "build_no_store_error",
    "build_shadowed_error",
    "build_variable_name",
    "build_variable_prefix",
]

_SETTINGS = (
    "EVENT_SECRET", "NO_KEYRING", "PERSONAL_DATA_KEY", "PUBLIC_URL", "SERVICE_STORE", "STATE_DIR", "STORE",
    "SYNC_STORE", "VAULT_KEY", "VAULT_OLD_KEY",
)  # fmt: skip
_RESERVED = frozenset(f"CONN_{name}" for name in _SETTINGS)
"""Variables of Conn itself. An account named `sync` or `vault` does not read them as its credential."""
_SHORT = {name: f"OAUTH__TOKEN__{name}" for name in ("ACCESS_TOKEN", "REFRESH_TOKEN", "EXPIRES_AT")}
_NUMBERS = frozenset({"expires_at", "expires_in"})


def build_variable_prefix(account: str) -> str:
    """Return the prefix of an account's variables: `CONN_ACME_EU_` for `acme-eu`."""
    return f"CONN_{re.sub(r'[^A-Z0-9]+', '_', account.upper()).strip('_')}_"


def build_variable_name(account: str, field: str) -> str:
    """Return the variable of an account's field, such as `CONN_ACME_API_KEY`, or `CONN_ACME_ACCESS_TOKEN` for a part of
    an OAuth token."""
    name = "__".join(re.sub(r"[^A-Z0-9]+", "_", part.upper()) for part in field.split("."))
    short = next((short for short, long in _SHORT.items() if long == name), name)
    return f"{build_variable_prefix(account)}{short}"


def build_no_store_error(account: str) -> CredentialError:
    """Build the error for a machine without a store for credentials. It starts with the fix."""
    return CredentialError(
        f'set CONN_VAULT_KEY to store the credential of account "{account}" in an encrypted file: this machine has '
        "no usable keyring",
        hint="set it to a long random value, and store that value safely; to use no file, "
        f"set {build_variable_prefix(account)}CREDENTIALS to the credential as JSON",
    )


def build_shadowed_error(account: str) -> UsageError:
    """Build the error for a credential that would be stored and not used, because variables override it."""
    return UsageError(
        f"the credential of {account} comes from the environment, which overrides the store",
        hint=f"unset {build_variable_prefix(account)}* first",
    )


class EnvironmentVault:
    """A vault over the environment. With the existing `accounts`, `acme` does not use the variables of `acme-eu`.

    `notices` collects messages for people, such as that a rotated token could not be stored.
    """

    kind = "environment"

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        accounts: Iterable[str] = (),
        folder: Path | None = None,
        top: Path | None = None,
    ) -> None:
        self._environ = environ
        self._prefixes = [build_variable_prefix(account) for account in accounts]
        self._renewed: dict[str, dict[str, Any]] = {}
        self._locks = Locks(folder, top=top, needed=False)
        self.notices: list[str] = []

    def has(self, account: str) -> bool:
        """Return whether there is a variable for this account."""
        return bool(self._variables(account))

    def load(self, account: str) -> dict[str, Any] | None:
        """Build the document from the variables; None without any. Raises CredentialError if they conflict."""
        if account in self._renewed:
            return copy.deepcopy(self._renewed[account])
        variables = self._variables(account)
        if not variables:
            return None
        document: dict[str, Any] = {}
        whole = variables.pop("CREDENTIALS", None)
        if whole is not None:
            document = _parse_value(f"{build_variable_prefix(account)}CREDENTIALS", whole)
        for field in sorted(variables):
            _set_field(document, _SHORT.get(field, field), variables[field], f"{build_variable_prefix(account)}{field}")
        return document

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Store a renewed document for the rest of the run. Raises CredentialError without variables."""
        if not self.has(account):
            raise build_no_store_error(account)
        before = self.load(account)
        self._renewed[account] = copy.deepcopy(dict(document))
        if get_refresh_token(before) not in (None, get_refresh_token(document)):
            self.notices.append(
                f'account "{account}": the vendor replaced the refresh token, so the one in '
                f"{build_variable_prefix(account)}* is "
                "no longer valid after this run"
            )

    def has_refresh_token(self, account: str) -> bool:
        """Return whether the account's variables have a refresh token: if the vendor replaces it, the new one is lost
        with this process."""
        return get_refresh_token(self.load(account)) is not None

    def delete(self, account: str) -> bool:
        """Delete a renewed document. Raises CredentialError if there are variables for the account."""
        self._renewed.pop(account, None)
        if self.has(account):
            names = ", ".join(sorted(build_variable_prefix(account) + field for field in self._variables(account)))
            raise CredentialError(
                f'the credential of account "{account}" comes from the environment', hint=f"unset {names}"
            )
        return False

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread at a time, and for one process if a lock file can be created."""
        return self._locks.hold(account)

    def _variables(self, account: str) -> dict[str, str]:
        prefix = build_variable_prefix(account)
        longer = [other for other in self._prefixes if other != prefix and other.startswith(prefix)]
        return {
            name[len(prefix) :]: value
            for name, value in self._environ.items()
            if name.startswith(prefix)
            and len(name) > len(prefix)
            and value
            and name not in _RESERVED
            and not any(name.startswith(other) for other in longer)
        }


def _parse_value(name: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CredentialError(f"{name} is not a JSON object", hint='write it like {"api_key": "…"}')
    return document


def _set_field(document: dict[str, Any], field: str, text: str, name: str) -> None:
    *parents, last = [part.lower() for part in field.split("__")]
    place = document
    for part in parents:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise CredentialError(
                f'{name} contradicts another variable: "{part}" is a value there', hint="unset one of them"
            )
        place = inner
    if isinstance(place.get(last), dict):
        raise CredentialError(
            f'{name} contradicts another variable: "{last}" has fields there', hint="unset one of them"
        )
    place[last] = float(text) if last in _NUMBERS and re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", text) else text
