"""What a change does to accounts as such: whether stored credentials still fit, and which values are now missing."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.analysis.population import Digests
from conn_engine.auth import Credentials, Mtls, NoCredentials
from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError

__all__ = ["find_account_changes", "find_missing_values", "share_levels"]


def find_missing_values(data: Mapping[str, Any], context: Mapping[str, Any]) -> list[str]:
    """The required `fields` of a configuration for which an account has no value. Secret ones are credentials."""
    fields = data.get("fields")
    return sorted(
        str(field["name"])
        for field in (fields if isinstance(fields, list) else ())
        if isinstance(field, dict)
        and isinstance(field.get("name"), str)
        and field.get("required", True)
        and not field.get("secret")
        and field.get("default") is None
        and context.get(field["name"]) is None
    )


def find_account_changes(
    effectives: tuple[Effective, Effective], contexts: tuple[Mapping[str, Any], Mapping[str, Any]], digests: Digests
) -> dict[tuple[str, ChangeKind], int]:
    """What changes for an account whatever operation it uses, by part. Counts are 0: there are no records in it."""
    before, after = effectives
    lacking = {*find_missing_values(after.data, contexts[1])} - {*find_missing_values(before.data, contexts[0])}
    found: dict[tuple[str, ChangeKind], int] = {(f"context.{name}", "now_failing"): 0 for name in sorted(lacking)}
    if _credential_key(before, digests) != _credential_key(after, digests):
        parts = _changed_credentials(before.in_context(contexts[0]), after.in_context(contexts[1]))
        found |= {(part, "credential_changed"): 0 for part in parts}
    return found


def share_levels(before: Effective, after: Effective, digests: Digests) -> bool:
    """Whether the levels below the account are the same on both sides: what differs is in its own file."""
    below = (
        [digests.digest(layer.data) for layer in side.layers if layer.level != "account"] for side in (before, after)
    )
    return next(below) == next(below)


def _credential_key(effective: Effective, digests: Digests) -> list[str]:
    """Equal where nothing about credentials is configured differently."""
    data = effective.data
    holders = [data, *_mappings(data.get("resources"))]
    holders += [operation for resource in holders[1:] for operation in _mappings(resource)]
    parts = [holder[key] for holder in holders for key in ("credentials", "authorization") if key in holder]
    return [*map(digests.digest, parts), digests.digest(data.get("fields"))]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value.values() if isinstance(item, Mapping)] if isinstance(value, Mapping) else []


def _changed_credentials(before: Effective, after: Effective) -> Iterator[str]:
    with suppress(ConnError):  # what cannot be used is reported where it is used
        if not _fits(before, after):
            yield "credentials"
    names = {name for name in before.operations() if name.kind == "vendor"} & set(after.operations())
    if any(_places(before, name) != _places(after, name) for name in names):
        yield "authorization"


def _fits(before: Effective, after: Effective) -> bool:
    """Whether a credential that was stored before holds what is needed after."""
    old, new = (side.connector.credentials or NoCredentials() for side in (before, after))
    was_required = {field.name for field in old.fields() if field.required}
    needed = {field.name for field in new.fields() if field.required}
    return isinstance(new, NoCredentials) or (_kinds(old) == _kinds(new) and needed <= was_required)


def _kinds(credentials: Credentials) -> tuple[type, ...]:
    """The kind of a credential, and of the one that a client certificate comes with."""
    return (type(credentials), *(_kinds(credentials.get_delegate()) if isinstance(credentials, Mtls) else ()))


def _places(effective: Effective, name: OperationName) -> list[tuple[str, str, str]]:
    """The headers, parameters and fields in which an operation carries the credential, with the text around it."""
    try:
        places = effective.vendor(name.resource, name.method).authorization.places()
    except ConnError:
        return []
    return [
        (place.kind, place.name.lower() if place.kind == "header" else place.name, place.fixed_text) for place in places
    ]
