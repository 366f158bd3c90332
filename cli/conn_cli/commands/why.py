"""`conn why`: which level, file and line set a value, and what it overrides."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.leaf_origins import LEVELS
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.config import Effective, OperationName, Origin, Path_
    from conn_engine.config.implications import Implication
    from conn_engine.reports import Report


def why(
    context: typer.Context,
    *,
    operation: Annotated[
        str,
        typer.Argument(
            metavar="OPERATION",
            help="Operation, such as contacts.list, sync (sync:NAME), or - for the connector. A place, if no PATH.",
        ),
    ],
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            help="Path of the value, such as response_mapping.email. With --value: a field, such as email, or none "
            "for every field.",
        ),
    ] = None,
    value: Annotated[
        bool, typer.Option("--value", help="Explain the value that a field has in a recorded record.")
    ] = False,
    record: Annotated[str | None, typer.Option("--record", help="With --value: id of the unified record.")] = None,
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", help="With --value: scenario of the recording. Default: the first with the record."),
    ] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", help="Apply the overrides of this account.")] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Connector to use if no account is named.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="Apply the overrides of this environment.")
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show which file and line set a value, and what it overrides.

    \b
    Examples:
      conn why contacts.list response_mapping.email --account acme
      conn why crm.contacts.response_mapping.email --account acme
      conn why sync:contacts data.email --account acme
      conn why contacts.list email --value --record 101 -a acme
      conn why contacts.list --value --record 101 -a acme
    """
    from conn_cli.effective_selection import choose_effective
    from conn_cli.report import write_report
    from conn_engine.config import format_place
    from conn_engine.errors import UsageError

    app: App = context.obj
    if value != (record is not None):
        raise UsageError(
            "--value and --record must be used together", hint="conn why crm.contacts.list email --value --record 101"
        )
    if record is None and scenario is not None:
        raise UsageError("--scenario requires --value and --record", hint="remove --scenario")
    if record is not None and operation.startswith("sync:"):
        raise UsageError(
            "--value explains the records of operations, not the events of syncs",
            hint=f"name the operation that the sync fetches: conn sync plan {operation.removeprefix('sync:')} shows it",
        )
    if record is not None:
        effective = choose_effective(app, account, connector, operation, environment)
        _explain(app, effective, operation, record=record, field=path, scenario=scenario, formats=formats)
        return
    if operation.startswith("sync:"):
        _show_sync_origins(app, choose_effective(app, account, connector, None, environment), operation, path, formats)
        return
    if path is None:
        operation, path = "-", operation
    effective = choose_effective(app, account, connector, None if operation == "-" else operation, environment)
    name = None if operation == "-" else effective.resolve(operation)
    implication = _find_implication(effective, name, path)
    if implication is not None:
        place, origins = implication.path, effective.origins(implication.path)
    else:
        place, origins = _find_origins(effective, name, path)
    readers = [list(map(format_place, paths)) for paths in effective.find_base_readers(place)]

    def report() -> "Report":
        from conn_engine.config.report import OriginReport, describe_implication, describe_origin

        return OriginReport(
            connector=effective.connector_name,
            account=effective.account,
            environment=effective.environment,
            operation=name.text if name is not None else None,
            path=path,
            origins=[describe_origin(origin, names) for origin, names in zip(origins, readers, strict=True)],
            implied=None if implication is None else describe_implication(effective, implication),
        )

    def text() -> str:
        heading = f"{path} follows from {implication.reason}: {_value(implication.value)}\n" if implication else ""
        if implication is None:
            heading = f"{'place':<11}  {format_place(effective.find_written(origins[0]))}\n"
        return heading + _text(origins, [_shorten(names, name) for names in readers], path)

    write_report(report, formats or [], {"text": text}, app, folder=app.folder)


def _show_sync_origins(app: App, effective: "Effective", sync: str, path: str | None, formats: Formats) -> None:
    """Show which levels set a part of a sync, or the field of its events (`data.email`)."""
    from conn_cli.report import write_report
    from conn_engine.config.report import OriginReport, describe_origin
    from conn_engine.documents import parse_path
    from conn_engine.errors import UsageError
    from conn_engine.testing.syncs.cases import PREFIX
    from conn_engine.testing.syncs.places import find_settings

    if path is None:
        raise UsageError("name a setting or a field of the events", hint=f"conn why {sync} data.email")
    first, *below = parse_path(path)
    place = ("transform", *below) if first == "data" else (first, *below)
    name = app.workspace.file("sync", sync.removeprefix(PREFIX)).name
    origins = list(find_settings(app.workspace, effective, name, place))
    if not origins:
        raise UsageError(f'nothing sets "{path}" of the sync "{name}"', hint="conn explain sync lists its settings")
    write_report(
        lambda: OriginReport(
            connector=effective.connector_name,
            account=effective.account,
            environment=effective.environment,
            operation=sync,
            path=path,
            origins=[describe_origin(origin) for origin in origins],
            implied=None,
        ),
        formats or [],
        {"text": lambda: _text(origins, [[] for _ in origins], path)},
        app,
        folder=app.folder,
    )


def _text(origins: "list[Origin]", readers: "Sequence[Sequence[str]]", path: str) -> str:
    from conn_cli.formatting import join_lines

    lines = []
    used = {id(origin): names for origin, names in zip(origins, readers, strict=True)}
    width = max(len(f"{origin.span.file}:{origin.span.line}") for origin in origins)
    for level in LEVELS:
        setting = [origin for origin in origins if origin.level == level]
        if not setting:
            lines.append(f"{level:<11}  -")
        for origin in setting:  # the mapping of the operation, and that of its resource
            note = _describe_use(origin, used[id(origin)], is_first=origin is origins[0], path=path)
            place = f"{origin.span.file}:{origin.span.line}"
            lines.append(f"{level:<11}  {place:<{width}}  {_value(origin.value)}   {note}")
    return join_lines(lines)


def _shorten(readers: "Sequence[str]", name: "OperationName | None") -> list[str]:
    """Return the paths below the operation that is explained."""
    return [reader.removeprefix(f"{name.text}.") if name is not None else reader for reader in readers]


def _describe_use(origin: "Origin", readers: "Sequence[str]", *, is_first: bool, path: str) -> str:
    """Return what happens to the value that a level sets."""
    if origin.path[-1:] == ("replace",) and not path.endswith("replace"):
        return "<- replaces the levels below"
    if origin.path[-1:] == ("format",) and not path.endswith("format"):
        return "<- another format, without the settings of the levels below"
    if origin.overridden:
        return f"(used through $base in {', '.join(readers)})" if readers else "(overridden)"
    return "<- effective" if is_first else "(merged with the levels above)"


def _explain(  # noqa: PLR0917
    app: App,
    effective: "Effective",
    operation: str,
    record: str,
    field: str | None,
    scenario: str | None,
    formats: Formats,
) -> None:
    from conn_cli.effective_selection import learn_literals
    from conn_cli.report import explanation as report
    from conn_cli.report import write_report
    from conn_engine.testing.explanation import explain_record, explain_value
    from conn_engine.testing.value_report import ValueReport, ValuesReport

    learn_literals(app, effective)
    name = effective.resolve(operation)
    if field is None:
        rows = explain_record(app.workspace, effective, name, record, scenario=scenario)
        text = {"text": lambda: report.draw_fields(rows, app.workspace.format_path)}
        write_report(lambda: ValuesReport.from_explanations(rows), formats or [], text, app, folder=app.folder)
        return
    explanation = explain_value(app.workspace, effective, name, record, field, scenario=scenario)
    text = {"text": lambda: report.draw_text(explanation, app.workspace.format_path)}
    write_report(lambda: ValueReport.from_explanation(explanation), formats or [], text, app, folder=app.folder)


def _find_implication(effective: "Effective", name: "OperationName | None", path: str) -> "Implication | None":
    """Return the setting at a path of an operation, or of the connector, if it follows from another one."""
    from conn_engine.config import OperationName
    from conn_engine.config.implications import find_implications
    from conn_engine.documents import parse_path
    from conn_engine.runtime.unified import find_operation_behind

    inside = parse_path(path)
    if name is not None and name.kind == "unified":
        operation = None if effective.origins((*name.path, *inside)) else find_operation_behind(effective, name)
        if operation is None:
            return None
        name = OperationName("vendor", "", operation.resource, operation.name)
    return next((found for found in find_implications(effective, name) if found.key == inside[0]), None)


def _find_origins(effective: "Effective", name: "OperationName | None", path: str) -> "tuple[Path_, list[Origin]]":
    """Return the path and the origins of an operation's value, or of the one that a vendor operation inherits from its
    resource or the connector. Raises UsageError if there are none."""
    from conn_engine.config import INHERITED_BY_LISTINGS, parse_place
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.documents import parse_path
    from conn_engine.errors import UsageError
    from conn_engine.runtime.unified import find_operation_behind

    inside, place = parse_path(path), parse_place(path)
    candidates = [place] if name is None else [(*name.path, *inside)]
    if name is not None and name.kind == "unified":
        candidates.append((*name.path[:-1], *inside))  # what its resource sets
        operation = effective.get_unified(name.model, name.resource, name.method)
        if operation is not None:
            vendor = ("resources", operation.resource or name.resource, operation.method or name.method)
            candidates.append((*vendor, *inside))
    behind = find_operation_behind(effective, name) if name and inside and inside[0] in INHERITED_BY_LISTINGS else None
    if name is not None and (behind is None or behind.is_listing):
        resource = candidates[-1][1] if candidates[-1][0] == "resources" else name.resource
        candidates += [("resources", resource, *inside), place]
    for candidate in candidates:
        origins_at = effective.find_canonical(candidate)
        if origins := effective.origins(origins_at):
            return origins_at, origins
    if name is None and "." in path and any(f".{one.text}".endswith(f".{path}") for one in effective.operations()):
        raise UsageError(f'"{path}" is an operation', hint=f"add a path: conn why {path} response_mapping.FIELD")
    paths = sorted(_find_leaves(effective, name))
    more = ", …" if len(paths) > 10 else ""
    raise UsageError(
        f'nothing sets "{path}" here',
        hint=did_you_mean(path, paths) or (f"use one of: {', '.join(paths[:10])}{more}" if paths else ""),
    )


def _find_leaves(effective: "Effective", name: "OperationName | None") -> set[str]:
    """Return the paths of the values of an operation, or the places of all values."""
    from conn_cli.leaf_origins import leaf_origins
    from conn_engine.config import format_place
    from conn_engine.documents import format_path

    if name is None:
        return {format_place(leaf) for leaf in leaf_origins(effective)}
    start = name.path
    return {format_path(leaf[len(start) :]) for leaf in leaf_origins(effective) if leaf[: len(start)] == start}


def _value(value: Any) -> str:
    from conn_cli.formatting import shorten_text

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shorten_text(" ".join(text.split()), 100)
