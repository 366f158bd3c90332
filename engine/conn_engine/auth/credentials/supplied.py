"""Secrets that a connector asks an account for besides its credential, whatever kind that is: a webhook's, say."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from conn_engine.auth.credentials.choice import Choice, Credentials, Mtls
from conn_engine.auth.credentials.client_certificate import CERTIFICATE_NAMES
from conn_engine.auth.credentials.none import NoCredentials
from conn_engine.auth.names import Asked

__all__ = ["add_asked_parts", "secret_fields"]


def secret_fields(data: Mapping[str, Any]) -> tuple[Asked, ...]:
    """What a connector's `fields` call secret: it belongs to the credential. `data` is raw, and may have faults."""
    told = data.get("fields")
    return tuple(
        Asked(
            name=row["name"],
            label=row["label"] if isinstance(row.get("label"), str) else None,
            required=row.get("required") is not False,
        )
        for row in (told if isinstance(told, list) else ())
        if isinstance(row, Mapping) and row.get("secret") is True and isinstance(row.get("name"), str)
    )


def add_asked_parts(credentials: Credentials | None, more: Iterable[Asked]) -> Credentials:
    """The credential that asks for these besides. What it asks for anyhow is asked for once."""
    own = credentials if credentials is not None else NoCredentials()
    if isinstance(own, Choice):
        return structs.replace(
            own, options={name: add_asked_parts(option, more) for name, option in own.options.items()}
        )
    if isinstance(own, Mtls):
        others = [asked for asked in more if asked.name not in CERTIFICATE_NAMES]
        return structs.replace(own, with_=add_asked_parts(own.with_, others))
    known = {field.name for field in own.fields()}
    further = tuple(asked for asked in more if asked.name not in known)
    return structs.replace(own, ask=(*own.ask, *further)) if further else own
