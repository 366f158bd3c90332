"""What no document sets: the method, the path and the authorization that follow from other settings, for reports."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from conn_engine.auth import Authorization, NoAuthorization
from conn_engine.config.effective import Effective
from conn_engine.config.inheritance import CREDENTIALS, follows_credentials, resolve_settings
from conn_engine.config.merge import Path_, lookup
from conn_engine.config.operations import OperationName, find_implied_authorization
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError

__all__ = ["Implication", "find_implications"]


@dataclass(frozen=True, slots=True)
class Implication:
    """A setting that no document sets: its key, its value, what it follows from, and the path of that."""

    key: str
    value: Any
    reason: str
    path: Path_


def find_implications(effective: Effective, name: OperationName | None) -> Iterator[Implication]:
    """Yield the settings of a vendor operation that follow from others; without a name, those of the connector."""
    if name is None:
        if follows_credentials(effective.data):
            with suppress(ConfigurationError):  # invalid credentials are reported where they are used
                yield from _describe_authorization(find_implied_authorization(effective.data))
        return
    if name.kind == "unified":
        return
    own = lookup(effective.data, name.path)
    settings = resolve_settings(effective.data, name.resource, name.method)
    with suppress(ConfigurationError):
        operation = effective.vendor(name.resource, name.method)
        if own.get("method") is None:
            yield Implication("method", settings["method"], f"the name {name.method}", name.path)
        if operation.get_path("path") != (*name.path, "path"):
            path = operation.get_path("path")
            yield Implication("path", operation.path, format_path(path), path)
        if operation.follows_credentials:
            yield from _describe_authorization(operation.authorization)


def _describe_authorization(authorization: Authorization) -> Iterator[Implication]:
    if not isinstance(authorization, NoAuthorization):
        value = {"format": authorization.__struct_config__.tag}
        yield Implication("authorization", value, "the credentials", CREDENTIALS)
