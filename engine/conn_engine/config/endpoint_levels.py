"""The endpoints of an account, and the document that sets each of their values. A higher level replaces an endpoint of
the same name completely."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from conn_engine.config.effective import Effective
from conn_engine.config.load import DocumentKind, File, Workspace
from conn_engine.config.merge import Path_
from conn_engine.config.origins import Level
from conn_engine.diagnostics import Span
from conn_engine.documents import Document
from conn_engine.errors import ConnError
from conn_engine.secrets import REDACTED
from conn_engine.urls import split_plain_url

__all__ = ["EndpointKind", "EndpointValue", "find_endpoint_values", "list_endpoint_overrides", "read_endpoint_values"]

EndpointKind = Literal["workspace", "environment", "account"]
_LEVELS: Final[Mapping[DocumentKind, Level]] = {
    "workspace": "base", "environment": "environment", "account": "account",
}  # fmt: skip
_SECRETS: Final = ("secret", "previous_secret")


@dataclass(frozen=True, slots=True, repr=False)
class EndpointValue:
    """One setting of an endpoint, and where it is set."""

    level: Level
    path: Path_
    value: Any
    span: Span

    @property
    def shown(self) -> Any:
        """The value for people: what follows the host of a URL is a secret of many receivers."""
        text = self.value
        if not isinstance(text, str) or "{{" in text:
            return text
        if self.path[-1] in _SECRETS:
            return REDACTED
        if self.path[-1] != "url":
            return text
        parts = split_plain_url(text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{'/…' if parts.path.strip('/') else ''}"


_Endpoints = dict[str, dict[str, EndpointValue]]
"""The values of endpoints, by the name of the endpoint and by key."""


def find_endpoint_values(workspace: Workspace, effective: Effective) -> dict[str, dict[str, EndpointValue]]:
    """Return the endpoints of a configuration, with the values that apply."""
    merged: _Endpoints = {}
    for level in _read_levels(workspace, effective):
        merged |= level
    return dict(sorted(merged.items()))


def list_endpoint_overrides(
    workspace: Workspace, effective: Effective
) -> Iterator[tuple[EndpointValue, EndpointValue | None]]:
    """Yield what environments and accounts set of endpoints, and what each value replaces. The value is None if the
    endpoint that is replaced has one, and this one does not."""
    below: _Endpoints = {}
    for level in _read_levels(workspace, effective):
        for name, values in level.items():
            if all(value.level == "base" for value in values.values()):
                continue
            old = below.get(name, {})
            for key, value in values.items():
                yield value, old.get(key)
            some = next(iter(values.values()))
            for key in old.keys() - values.keys():
                yield EndpointValue(some.level, ("endpoints", name, key), None, some.span), old[key]
        below |= level


def read_endpoint_values(workspace: Workspace, kind: EndpointKind, name: str) -> _Endpoints:
    """Return the endpoints that a document sets, none if it does not exist or cannot be read."""
    try:
        document = _find_document(workspace, kind, name)
    except ConnError:  # reported elsewhere
        return {}
    data = document.data.get("endpoints") if document is not None and isinstance(document.data, Mapping) else None
    if document is None or not isinstance(data, Mapping):
        return {}
    return {
        endpoint: {
            key: EndpointValue(_LEVELS[kind], path, value, document.span(path))
            for key, value in settings.items()
            for path in [("endpoints", endpoint, key)]
        }
        for endpoint, settings in data.items()
        if isinstance(settings, Mapping)
    }


def _find_document(workspace: Workspace, kind: EndpointKind, name: str) -> Document | None:
    if kind != "workspace":
        return workspace.document(kind, name)
    file: File | None = next((file for file in workspace.files() if file.kind == "workspace"), None)
    return None if file is None else workspace.read(file)


def _read_levels(workspace: Workspace, effective: Effective) -> list[_Endpoints]:
    """Return the endpoints of conn.yaml, of the environment and of the account."""
    if effective.account is not None:
        workspace = workspace.of_account(effective.account)
    levels = [read_endpoint_values(workspace, "workspace", "conn")]
    if effective.environment:
        levels.append(read_endpoint_values(workspace, "environment", effective.environment))
    if effective.account is not None:
        levels.append(read_endpoint_values(workspace, "account", effective.account))
    return levels
