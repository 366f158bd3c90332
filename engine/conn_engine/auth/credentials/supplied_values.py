"""Secrets that a connector needs from an account in addition to its credential, of whatever kind: a webhook secret, for
example."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from conn_engine.auth.credential_document import SuppliedValue
from conn_engine.auth.credentials.client_certificate import CERTIFICATE_NAMES
from conn_engine.auth.credentials.combined import Choice, Credentials, Mtls
from conn_engine.auth.credentials.none import NoCredentials

__all__ = ["add_supplied_values", "read_secret_fields"]


def read_secret_fields(data: Mapping[str, Any]) -> tuple[SuppliedValue, ...]:
    """Return the connector's `fields` that are secret: they are stored with the credential. `data` is raw and may be
    invalid."""
    rows = data.get("fields")
    return tuple(
        SuppliedValue(
            name=row["name"],
            label=row["label"] if isinstance(row.get("label"), str) else None,
            required=row.get("required") is not False,
        )
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and row.get("secret") is True and isinstance(row.get("name"), str)
    )


def add_supplied_values(credentials: Credentials | None, more: Iterable[SuppliedValue]) -> Credentials:
    """Return the credential with the given values added to what the account supplies. A value that it already has is
    not added again."""
    base = credentials if credentials is not None else NoCredentials()
    if isinstance(base, Choice):
        return structs.replace(
            base, options={name: add_supplied_values(option, more) for name, option in base.options.items()}
        )
    if isinstance(base, Mtls):
        remaining = [value for value in more if value.name not in CERTIFICATE_NAMES]
        return structs.replace(base, with_=add_supplied_values(base.with_, remaining))
    names = {field.name for field in base.fields()}
    added = tuple(value for value in more if value.name not in names)
    return structs.replace(base, ask=(*base.ask, *added)) if added else base
