"""`conn show`: what the workspace has, or one effective configuration with its provenance."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName


def show(
    context: typer.Context,
    *,
    operation: Annotated[str | None, typer.Argument(metavar="[OPERATION]", help="Only this operation.")] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", help="The effective configuration of this account.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="The base level of this connector.")
    ] = None,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="In this environment.")] = None,
    as_format: Annotated[
        str, typer.Option("--format", help="text (with the file and line of each leaf), yaml or json.")
    ] = "text",
) -> None:
    """List the workspace, or show an effective configuration and where each value comes from."""
    from conn_cli.choices import choose_effective, choose_format

    app: App = context.obj
    choose_format(as_format, "text", "yaml", "json")
    if account is None and connector is None and operation is None:
        _overview(app, as_format)
        return
    effective = choose_effective(app, account, connector, operation, environment)
    name = effective.resolve(operation) if operation else None
    path = name.path if name else ()
    obstacles = _find_obstacles(effective, name) if name else None
    if as_format == "text":
        _provenance(app, effective, path)
        for obstacle in obstacles or ():
            app.out(f"does not resume: {obstacle}")
        for parameter, description in _find_parameters(effective, name).items():
            app.out(f"takes -p {parameter}{f'  {description}' if description else ''}")
        return
    from conn_engine.config import lookup

    data = _plain(lookup(effective.data, path) if path else effective.data)
    if obstacles is not None:
        data = {**data, "resumable": not obstacles, "does_not_resume": list(obstacles)}
    if parameters := _find_parameters(effective, name):
        data = {**data, "query_parameters": parameters}
    _write_data(app, data, as_format)


def _find_parameters(effective: "Effective", name: "OperationName | None") -> dict[str, str]:
    """The query parameters that the vendor's schema of its own operation has."""
    from conn_engine.runtime.parameters import declared_parameters

    if name is None or name.kind != "vendor":
        return {}
    return declared_parameters(effective, effective.vendor(name.resource, name.method))


def _find_obstacles(effective: "Effective", name: "OperationName") -> tuple[str, ...] | None:
    """Why the operation cannot go on from a cursor; empty: it can. None when only a run can tell which one it is."""
    from conn_engine.errors import ConfigurationError, UsageError
    from conn_engine.runtime.resuming import find_obstacles
    from conn_engine.runtime.unified import vendor_behind

    try:
        return find_obstacles(effective, vendor_behind(effective, name))
    except (ConfigurationError, UsageError):
        return None


def _write_data(app: App, data: Any, as_format: str) -> None:
    from conn_engine.documents import dump_yaml

    if as_format == "json":
        app.out_json(data)
    else:
        app.out(dump_yaml(data).rstrip())


def _overview(app: App, as_format: str) -> None:
    workspace = app.workspace
    rows: list[dict[str, Any]] = []
    for name in workspace.connectors():
        effective = workspace.effective(account=None, connector=name)
        using = [account for account in workspace.accounts() if workspace.account(account).connector == name]
        unified = [op.text for op in effective.operations() if op.kind == "unified"]
        own: dict[str, list[str]] = {}
        for operation in effective.vendor_operations():
            own.setdefault(operation.resource, []).append(operation.name)
        rows.append({"connector": name, "accounts": using, "operations": unified, "resources": own})
    if as_format != "text":
        data = {
            "workspace": str(workspace.root),
            "environments": workspace.environments(),
            "connectors": rows,
        }
        _write_data(app, data, as_format)
        return
    app.out(f"workspace     {workspace.root}")
    app.out(f"environments  {', '.join(workspace.environments()) or '-'}")
    for row in rows:
        app.out(f"\n{row['connector']}   accounts: {', '.join(row['accounts']) or '-'}")
        for text in row["operations"]:
            app.out(f"  {text}")
        wide = max(map(len, row["resources"]), default=0)
        for resource, methods in row["resources"].items():
            app.out(f"  {resource:<{wide}}  {', '.join(methods)}")


def _provenance(app: App, effective: "Effective", path: tuple[str | int, ...]) -> None:
    from conn_cli.origins import leaf_origins

    rows = []
    for leaf, origins in leaf_origins(effective).items():
        if leaf[: len(path)] != path or not origins:
            continue
        origin = origins[0]
        shown = ".".join(map(str, leaf[len(path) :])) or "."
        rows.append((shown, _value(origin.value), origin.level, f"{origin.span.file}:{origin.span.line}"))
    wide = min(max((len(row[0]) for row in rows), default=0), 60)
    for name, value, level, place in rows:
        app.out(f"{name:<{wide}}  {value:<50}  {level:<11}  {place}")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 50 else f"{text[:49]}…"


def _plain(value: Any) -> Any:
    from conn_engine.config import Layers

    if isinstance(value, Layers):
        return {"$layers": [_plain(layer) for layer in value]}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
