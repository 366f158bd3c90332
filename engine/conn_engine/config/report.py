"""The configuration of a workspace as reports: its documents, one effective configuration, the origin of a value."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from conn_engine.config.dotted_places import format_place
from conn_engine.config.effective import Effective
from conn_engine.config.implications import Implication
from conn_engine.config.merge import Layers
from conn_engine.config.origins import Level, Origin
from conn_engine.reports import Report

__all__ = [
    "ConfigurationReport",
    "ImpliedValue",
    "LeafOrigin",
    "OriginReport",
    "ShownConnector",
    "ValueOrigin",
    "WorkspaceReport",
    "describe_implication",
    "describe_origin",
    "plain_settings",
]


class ShownConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector: its accounts, its unified operations, its vendor operations by resource, and the names of those
    that are disabled."""

    connector: str
    accounts: list[str]
    operations: list[str]
    resources: dict[str, list[str]]
    disabled: list[str]


class WorkspaceReport(Report, frozen=True, kw_only=True):
    """The connectors, accounts and environments of a workspace."""

    kind: ClassVar[str] = "workspace"
    workspace: str
    environments: list[str]
    connectors: list[ShownConnector]


class LeafOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The place that sets one value: `path` is where in `settings`, `level` is base, environment or account."""

    path: str
    level: Level
    file: str
    line: int


class ImpliedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that no document sets, what it follows from (`follows_from`), and the place of that."""

    path: str
    value: Any
    follows_from: str
    file: str | None
    line: int | None


class EndpointSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One value of an endpoint and the place that sets it. Of a URL, only the host is shown."""

    path: str
    value: Any
    level: Level
    file: str
    line: int


class ConfigurationReport(Report, frozen=True, kw_only=True):
    """An effective configuration, or an operation of it, and the place that sets each value.

    `implied` has the settings of a vendor operation, or of the connector, that follow from others. `resumable` is
    whether the operation can resume from a cursor, and null where only a run can tell, or for a whole configuration;
    `does_not_resume` has the reasons. `query_parameters` are those that the vendor's schema declares.
    `endpoints` are those that receive the events of the account or of the environment, for a whole configuration.
    """

    kind: ClassVar[str] = "configuration"
    connector: str
    account: str | None
    environment: str | None
    operation: str | None
    settings: Any
    origins: list[LeafOrigin]
    implied: list[ImpliedValue]
    resumable: bool | None
    does_not_resume: list[str]
    query_parameters: dict[str, str]
    disabled: list[str]
    endpoints: list[EndpointSetting]


class ValueOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """What one level sets: the value, its path and place, and whether a higher level overrides it. `readers` are the
    paths in higher levels that read an overridden value through `$base`."""

    level: Level
    file: str
    line: int
    path: str
    value: Any
    overridden: bool
    readers: list[str]


class OriginReport(Report, frozen=True, kw_only=True):
    """The levels that set a value, top first: the first one is in effect. `implied` is set if the value follows from
    another one; the levels are then those that set the other one."""

    kind: ClassVar[str] = "why"
    connector: str
    account: str | None
    environment: str | None
    operation: str | None
    path: str
    origins: list[ValueOrigin]
    implied: ImpliedValue | None


def describe_origin(origin: Origin, readers: Sequence[str] = ()) -> ValueOrigin:
    """Return what one level sets, in the format of reports."""
    span = origin.span
    return ValueOrigin(
        level=origin.level,
        file=span.file,
        line=span.line,
        path=format_place(origin.path),
        value=plain_settings(origin.value),
        overridden=origin.overridden,
        readers=list(readers),
    )


def describe_implication(effective: Effective, implication: Implication) -> ImpliedValue:
    """Return a setting that follows from another one, in the format of reports."""
    span = effective.span(implication.path)
    return ImpliedValue(
        path=implication.key,
        value=plain_settings(implication.value),
        follows_from=implication.reason,
        file=None if span is None else span.file,
        line=None if span is None else span.line,
    )


def plain_settings(value: Any) -> Any:
    """Return settings as JSON data; levels that could not be merged become `{"$layers": […]}`."""
    if isinstance(value, Layers):
        return {"$layers": [plain_settings(layer) for layer in value]}
    if isinstance(value, Mapping):
        return {key: plain_settings(item) for key, item in value.items()}
    return [plain_settings(item) for item in value] if isinstance(value, list | tuple) else value
