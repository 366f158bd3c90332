"""`conn show`: the contents of the workspace, or an effective configuration with the origin of each value."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.fitting import shorten_middle
from conn_cli.leaf_origins import LEVELS, leaf_origins
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.config import Effective, OperationName, Origin, Workspace
    from conn_engine.config.endpoint_levels import EndpointValue
    from conn_engine.config.report import ImpliedValue, WorkspaceReport
    from conn_engine.reports import Report

MOST = 20
"""The values that fit on a screen."""


def show(
    context: typer.Context,
    *,
    operation: Annotated[
        str | None, typer.Argument(metavar="OPERATION", help="Show only this operation, or this sync (sync:NAME).")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", help="Show the effective configuration of this account.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Show this connector without overrides.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="Apply the overrides of this environment.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show everything. Default in a terminal: what fits on a screen.")
    ] = False,
    formats: Annotated[Formats, format_option("yaml")] = None,
) -> None:
    """Show the workspace, or a configuration and where its values are set.

    \b
    Examples:
      conn show
      conn show contacts.list --account acme
      conn show sync:contacts --account acme
    """
    from conn_cli.effective_selection import choose_effective
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.sync_settings import SyncSettings, find_sync_name

    app: App = context.obj
    if account is None and connector is None and operation is None:
        workspace_report = _find_workspace(app)
        from conn_cli.report.workspace import draw_workspace

        texts = {
            "text": lambda: draw_workspace(workspace_report, complete=every or app.width is None),
            "yaml": lambda: _overview_yaml(workspace_report),
        }
        write_report(lambda: workspace_report, formats or [], texts, app, folder=app.folder)
        return
    sync = find_sync_name(app, operation)
    if sync is not None:
        source = connector or _find_connector(app, sync)
        of_sync = SyncSettings(app, choose_effective(app, account, source, None, environment), sync)
        write_report(
            of_sync.report,
            formats or [],
            {
                "text": lambda: join_lines(_draw_origins(of_sync.origins, app.width, every=every)),
                "yaml": of_sync.yaml,
            },
            app,
            folder=app.folder,
        )
        return
    effective = choose_effective(app, account, connector, operation, environment)
    name = effective.resolve(operation) if operation else None
    configuration = _Configuration(effective, name, app.workspace)
    write_report(
        configuration.report,
        formats or [],
        {"text": lambda: configuration.text(app.width, every=every), "yaml": configuration.yaml},
        app,
        folder=app.folder,
    )


@dataclass(frozen=True)
class _Configuration:
    """An effective configuration, or one operation of it."""

    effective: "Effective"
    name: "OperationName | None"
    workspace: "Workspace"

    @property
    def path(self) -> tuple[str | int, ...]:
        return self.name.path if self.name else ()

    @cached_property
    def obstacles(self) -> tuple[str, ...] | None:
        return _find_obstacles(self.effective, self.name) if self.name else None

    @cached_property
    def disabled(self) -> list[str]:
        """Why the operation cannot be called; for a configuration, one sentence per disabled operation."""
        names = [self.name] if self.name else self.effective.operations()
        return [finding.message for finding in map(self.effective.explain_disabled, names) if finding is not None]

    @cached_property
    def parameters(self) -> dict[str, str]:
        return _find_parameters(self.effective, self.name)

    @cached_property
    def endpoints(self) -> "list[EndpointValue]":
        """The values of the endpoints that receive the events of an account, or of an environment."""
        from conn_engine.config.endpoint_levels import find_endpoint_values

        if self.name is not None:
            return []
        found = find_endpoint_values(self.workspace, self.effective)
        return [value for values in found.values() for value in values.values()]

    @cached_property
    def implied(self) -> "list[ImpliedValue]":
        from conn_engine.config.implications import find_implications
        from conn_engine.config.report import describe_implication

        found = find_implications(self.effective, self.name)
        return [describe_implication(self.effective, implication) for implication in found]

    @cached_property
    def settings(self) -> Any:
        from conn_engine.config import lookup
        from conn_engine.config.report import plain_settings

        return plain_settings(lookup(self.effective.data, self.path) if self.path else self.effective.data)

    def origins(self) -> "list[tuple[str, Origin]]":
        """Return the effective origin of each value, with the value's path below the operation."""
        from conn_engine.config import format_place
        from conn_engine.documents import format_path

        start = self.path
        return [
            (format_path(leaf[len(start) :]) or "." if start else format_place(leaf), origins[0])
            for leaf, origins in leaf_origins(self.effective).items()
            if leaf[: len(start)] == start and origins
        ]

    def report(self) -> "Report":
        from conn_engine.config import format_place
        from conn_engine.config.report import ConfigurationReport, EndpointSetting, LeafOrigin

        return ConfigurationReport(
            connector=self.effective.connector_name,
            account=self.effective.account,
            environment=self.effective.environment,
            operation=self.name.text if self.name else None,
            settings=self.settings,
            origins=[
                LeafOrigin(path=path, level=origin.level, file=origin.span.file, line=origin.span.line)
                for path, origin in self.origins()
            ],
            implied=self.implied,
            resumable=None if self.obstacles is None else not self.obstacles,
            does_not_resume=list(self.obstacles or ()),
            query_parameters=self.parameters,
            disabled=self.disabled,
            endpoints=[
                EndpointSetting(
                    path=format_place(one.path),
                    value=one.shown,
                    level=one.level,
                    file=one.span.file,
                    line=one.span.line,
                )
                for one in self.endpoints
            ],
        )

    def yaml(self) -> str:
        from conn_engine.documents import dump_yaml

        data = self.settings
        if self.implied:
            implied = {value.path: {"value": value.value, "follows_from": value.follows_from} for value in self.implied}
            data = {**data, "implied": implied}
        if self.obstacles is not None:
            data = {**data, "resumable": not self.obstacles, "does_not_resume": list(self.obstacles)}
        if self.endpoints:
            endpoints: dict[str, dict[str, Any]] = {}
            for one in self.endpoints:
                endpoints.setdefault(str(one.path[1]), {})[str(one.path[2])] = one.shown
            data = {**data, "endpoints": endpoints}
        if self.parameters:
            data = {**data, "query_parameters": self.parameters}
        if self.disabled:
            data = {**data, "disabled": self.disabled}
        return dump_yaml(data)

    def text(self, columns: int | None, *, every: bool) -> str:
        """Return a line for each value. In a terminal, the lines fit it and, unless `every`, a screen: overrides are
        first then."""
        from conn_cli.formatting import join_lines

        lines = _draw_origins(self.origins(), columns, every=every, also="" if self.name else ", or name an operation")
        for value in self.implied:
            place = f"{value.file}:{value.line}" if value.file else ""
            lines.append(f"{value.path} follows from {value.follows_from}: {_value(value.value)}  {place}".rstrip())
        if self.endpoints:
            from conn_engine.config import format_place

            lines += _draw_rows(
                [
                    (format_place(one.path), _value(one.shown), one.level, f"{one.span.file}:{one.span.line}")
                    for one in self.endpoints
                ],
                columns,
            )
        lines += self.disabled
        lines += [f"does not resume: {obstacle}" for obstacle in self.obstacles or ()]
        for parameter, description in self.parameters.items():
            lines.append(f"takes -p {parameter}{f'  {description}' if description else ''}")
        if columns is not None:
            lines.append("next: see complete values and levels: add --format yaml or json")
        return join_lines(lines)


def _draw_origins(
    origins: "Sequence[tuple[str, Origin]]", columns: int | None, *, every: bool, also: str = ""
) -> list[str]:
    from conn_engine.diagnostics import pluralize

    left = 0 if every or columns is None or len(origins) <= MOST + 1 else len(origins) - MOST
    if left:
        origins = sorted(origins, key=lambda row: LEVELS.index(row[1].level))[:MOST]
    rows = [
        (path, _value(origin.value), origin.level, f"{origin.span.file}:{origin.span.line}") for path, origin in origins
    ]
    lines = _draw_rows(rows, columns)
    return lines + [f"… and {pluralize(left, 'more value')}: add --all{also}"] * bool(left)


def _find_connector(app: App, sync: str) -> str | None:
    """Return the connector that a sync names, None if it runs for several."""
    from conn_engine.syncs.resources import find_connectors

    return next((name for name in find_connectors(app.workspace.sync(sync)) if name), None)


def _draw_rows(rows: "Sequence[tuple[str, str, str, str]]", columns: int | None) -> list[str]:
    width = min(max((len(row[0]) for row in rows), default=0), 60)
    if columns is None or not rows:
        return [f"{name:<{width}}  {value:<50}  {level:<11}  {place}" for name, value, level, place in rows]
    from conn_cli.report.columns import draw_columns

    # The place shows the level: accounts/, environments/ or connectors/.
    shown = [(shorten_middle(name, columns // 2), value, place) for name, value, _, place in rows]
    return draw_columns(shown, columns, cut_last_at_start=True)


def _find_parameters(effective: "Effective", name: "OperationName | None") -> dict[str, str]:
    """Return the query parameters that the schema of a vendor operation declares."""
    from conn_engine.runtime.parameters import declared_parameters

    if name is None or name.kind != "vendor":
        return {}
    return declared_parameters(effective, effective.vendor(name.resource, name.method))


def _find_obstacles(effective: "Effective", name: "OperationName") -> tuple[str, ...] | None:
    """Return why the operation cannot resume from a cursor; empty if it can, and None if only a run can tell."""
    from conn_engine.errors import ConfigurationError, UsageError
    from conn_engine.runtime.resuming import find_obstacles
    from conn_engine.runtime.unified import vendor_behind

    try:
        return find_obstacles(effective, vendor_behind(effective, name))
    except (ConfigurationError, UsageError):
        return None


def _find_workspace(app: App) -> "WorkspaceReport":
    from conn_engine.config.report import ShownConnector, WorkspaceReport

    workspace = app.workspace
    rows = []
    for name in workspace.connectors():
        effective = workspace.effective(account=None, connector=name)
        resources: dict[str, list[str]] = {}
        for operation in effective.vendor_operations():
            resources.setdefault(operation.resource, []).append(operation.name)
        row = ShownConnector(
            connector=name,
            accounts=[account for account in workspace.accounts() if workspace.account(account).connector == name],
            operations=[
                operation_name.text for operation_name in effective.operations() if operation_name.kind == "unified"
            ],
            resources=resources,
            disabled=[
                operation_name.text
                for operation_name in effective.operations()
                if effective.explain_disabled(operation_name)
            ],
        )
        rows.append(row)
    return WorkspaceReport(workspace=str(workspace.root), environments=list(workspace.environments()), connectors=rows)


def _overview_yaml(report: "WorkspaceReport") -> str:
    from conn_engine.documents import dump_yaml

    data = report.data()
    return dump_yaml({key: value for key, value in data.items() if key not in ("version", "kind")})


def _value(value: Any) -> str:
    from conn_cli.formatting import shorten_text
    from conn_engine.config.report import plain_settings

    text = value if isinstance(value, str) else json.dumps(plain_settings(value), ensure_ascii=False)
    return shorten_text(" ".join(text.split()), 50)
