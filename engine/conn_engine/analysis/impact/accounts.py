"""Effects on accounts as a whole: whether stored credentials are still valid, and which values are now missing."""

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
    """Return the required `fields` of a configuration without a value in an account. Secret fields are credentials."""
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
    """Return the changes that affect all operations of an account, by part. Counts are 0: no record is affected."""
    before, after = effectives
    lacking = {*find_missing_values(after.data, contexts[1])} - {*find_missing_values(before.data, contexts[0])}
    changes: dict[tuple[str, ChangeKind], int] = {(f"context.{name}", "now_failing"): 0 for name in sorted(lacking)}
    if _credential_key(before, digests) != _credential_key(after, digests):
        parts = _changed_credentials(before.in_context(contexts[0]), after.in_context(contexts[1]))
        changes |= {(part, "credential_changed"): 0 for part in parts}
    return changes


def share_levels(before: Effective, after: Effective, digests: Digests) -> bool:
    """Return whether the levels below the account are equal, so that only its own file differs."""
    below = (
        [digests.digest(layer.data) for layer in side.layers if layer.level != "account"] for side in (before, after)
    )
    return next(below) == next(below)


def _credential_key(effective: Effective, digests: Digests) -> list[str]:
    """Return a key that is equal if all settings for credentials are equal."""
    data = effective.data
    holders = [data, *_mappings(data.get("resources"))]
    holders += [operation for resource in holders[1:] for operation in _mappings(resource)]
    parts = [holder[key] for holder in holders for key in ("credentials", "authorization") if key in holder]
    return [*map(digests.digest, parts), digests.digest(data.get("fields"))]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value.values() if isinstance(item, Mapping)] if isinstance(value, Mapping) else []


def _changed_credentials(before: Effective, after: Effective) -> Iterator[str]:
    with suppress(ConnError):  # invalid settings are reported by the operations that use them
        if not _fits(before, after):
            yield "credentials"
    names = {name for name in before.operations() if name.kind == "vendor"} & set(after.operations())
    if any(_places(before, name) != _places(after, name) for name in names):
        yield "authorization"


def _fits(before: Effective, after: Effective) -> bool:
    """Return whether a credential stored before the change has the values needed after it."""
    old, new = (side.connector.credentials or NoCredentials() for side in (before, after))
    was_required = {field.name for field in old.fields() if field.required}
    needed = {field.name for field in new.fields() if field.required}
    return isinstance(new, NoCredentials) or (_kinds(old) == _kinds(new) and needed <= was_required)


def _kinds(credentials: Credentials) -> tuple[type, ...]:
    """Return the kind of a credential, and of the one that is combined with a client certificate."""
    return (type(credentials), *(_kinds(credentials.get_delegate()) if isinstance(credentials, Mtls) else ()))


def _places(effective: Effective, name: OperationName) -> list[tuple[str, str, str]]:
    """Return the headers, parameters and fields in which an operation sends the credential, with the text around it."""
    try:
        places = effective.vendor(name.resource, name.method).authorization.places()
    except ConnError:
        return []
    return [
        (place.kind, place.name.lower() if place.kind == "header" else place.name, place.fixed_text) for place in places
    ]
