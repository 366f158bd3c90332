"""`conn schema`: print a published JSON Schema, or the fields of a record."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report

SUFFIX = ".schema.json"


def schema(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A document (connector, unified, account …), a record (crm.contact), or report."
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="With report: kind of report, such as lint. Default: every kind."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the schemas of documents to schemas/, with the workspace's own names."),
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Print the schema of a document or report, or the fields of a record.

    The JSON Schema of a record is printed with --format json. Without a name, lists the schemas.
    """
    from conn_cli.formatting import join_lines
    from conn_cli.neutralize import Verbatim
    from conn_cli.report import write_report
    from conn_engine.diagnostics import did_you_mean, pluralize
    from conn_engine.documents import dump_json
    from conn_engine.errors import UsageError

    app: App = context.obj
    if write:
        from conn_cli.scaffold import write_schemas
        from conn_engine.schemas.workspace_names import build_workspace_schemas

        names = build_workspace_schemas(app.workspace)
        written = write_schemas(app.workspace.root, refresh=True, with_names=names)
        text = f"wrote {pluralize(len(written), 'schema')} to schemas/, with the names of this workspace\n"
        files = [str(path.relative_to(app.workspace.root)) for path in written]
        write_report(lambda: _report_names(app, files), formats or [], {"text": lambda: text}, app, folder=app.folder)
        return
    if name is None:
        text = join_lines(_list_names(app))
        write_report(lambda: _report_names(app, []), formats or [], {"text": lambda: text}, app, folder=app.folder)
        return
    if kind is not None and name != "report":
        raise UsageError(f'"{name}" has no kinds', hint="use KIND only with report: conn schema report KIND")
    name = name if kind is None else f"report {kind}"
    path = None if name == "report" else _find(app, name)
    if path is None and name != "report":
        hint = did_you_mean(name, _names(app)) or "use a name that conn schema lists"
        raise UsageError(f'there is no schema "{name}"', hint=hint)
    text = dump_json(_every_report()) if path is None else path.read_text(encoding="utf-8")
    if "." in name:
        from conn_cli.report.record_fields import draw_fields

        texts = {"text": lambda: draw_fields(name, json.loads(text))}
    else:
        texts = {"text": lambda: Verbatim(f"{app.sanitize(text.rstrip(), 'json')}\n")}
    write_report(lambda: _report(name, json.loads(text)), formats or [], texts, app, folder=app.folder)


def _report_names(app: App, files: list[str]) -> "Report":
    from conn_engine.command_reports import SchemasReport

    return SchemasReport(names=_names(app), files=files)


def _report(name: str, schema: dict[str, Any]) -> "Report":
    from conn_engine.command_reports import SchemaReport

    return SchemaReport(name=name, schema=schema)


def _folders(app: App) -> list[Path]:
    from conn_engine.documents.locate import find_packaged, find_workspace

    models = app.workspace.models if find_workspace(app.folder) is not None else []
    return [*models, find_packaged("schemas", "models")]


def _names(app: App) -> list[str]:
    """Return the names of all schemas: of documents, reports and records."""
    from conn_engine.documents.locate import find_packaged

    documents = sorted(path.name.removesuffix(SUFFIX) for path in find_packaged("schemas").glob(f"*{SUFFIX}"))
    reports = [f"report {kind}" for kind in _reports()]
    records = {
        f"{path.parent.name}.{path.name.removesuffix(SUFFIX)}"
        for folder in _folders(app)
        for path in folder.glob(f"*/*{SUFFIX}")
    }
    return [*documents, *reports, *sorted(records)]


def _list_names(app: App) -> list[str]:
    """Return the names of all schemas by what they describe, and how to print one."""
    names = _names(app)
    reports = [name.removeprefix("report ") for name in names if name.startswith("report ")]
    documents = [name for name in names if "." not in name and not name.startswith("report ")]
    return [
        f"documents  {', '.join(documents)}",
        f"records    {', '.join(name for name in names if '.' in name)}",
        f"reports    {', '.join(reports)}",
        "next: print one: conn schema NAME, or conn schema report KIND",
    ]


def _find(app: App, name: str) -> Path | None:
    """Return the file of a schema by its name, or None."""
    from conn_engine.documents.locate import find_packaged

    if name not in _names(app):
        return None
    if name.startswith("report "):
        return _reports()[name.removeprefix("report ")]
    model, _, record = name.rpartition(".")
    if not model:
        return find_packaged("schemas") / f"{name}{SUFFIX}"
    return next((p for folder in _folders(app) if (p := folder / model / f"{record}{SUFFIX}").is_file()), None)


def _reports() -> dict[str, Path]:
    """Return the schema file of each kind of report."""
    from conn_engine.documents.locate import find_packaged

    return {
        path.name.removesuffix(SUFFIX): path for path in sorted(find_packaged("schemas", "reports").glob(f"*{SUFFIX}"))
    }


def _every_report() -> dict[str, Any]:
    """Return a schema for reports of every kind, which contains their schemas."""
    reports = _reports()
    kinds = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": json.loads(path.read_text(encoding="utf-8")),
        }
        for kind, path in reports.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Conn report",
        "type": "object",
        "properties": {"kind": {"enum": list(reports)}},
        "required": ["kind"],
        "allOf": kinds,
    }
