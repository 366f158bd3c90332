"""`conn new`: add a connector: a bundled one, a skeleton, or one from a document."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.personal_data import KeepPersonal

if TYPE_CHECKING:
    from conn_engine.reports import Report


def new(
    context: typer.Context,
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A bundled connector, such as hubspot, or a name for a new one.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|URL|GIT",
            help="Create the connector from this document (see conn import for the formats): a file, an https URL, or "
            "git+URL@REVISION#PATH, which can also be a connector's folder.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="With --from: import only matching paths, tags or operations (glob). Repeatable. Default: all, or "
            "with --model those that the mapping uses.",
        ),
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option("--entry", metavar="KEY", help="With --from: import this connector of a file with several."),
    ] = None,
    with_samples: Annotated[
        bool, typer.Option("--with-samples", help="With --from: create sample recordings of list operations.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="MODEL", help="With --from: propose a mapping to this unified model. Repeatable."
        ),
    ] = None,
    keep_personal: KeepPersonal = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm the hosts and variables of a connector from Git without asking.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Add a connector: a bundled one, a skeleton, or one from a document.

    A bundled connector includes its recordings and goldens. Any other name creates a skeleton that runs. One from Git
    must pass conn check, and you confirm the hosts and environment variables that it uses.

    \b
    Examples:
      conn new hubspot
      conn new acme-crm
      conn new acme-crm --from https://api.example.com/openapi.yaml --model crm --with-samples
      conn new acme-crm --from git+https://git.example.com/team/connectors@v1#acme-crm
    """
    from conn_engine.errors import UsageError

    app: App = context.obj
    if source is not None and source.startswith("git+") and not _is_document(source):
        _add_from_git(app, name, source, yes=yes, force=force, formats=formats)
        return
    if source is not None:
        from conn_cli.connector_import import ImportRequest, import_files
        from conn_cli.document_sources import open_document

        request = ImportRequest(
            name,
            tuple(only or ()),
            samples=with_samples,
            force=force,
            entries=(entry,) if entry else (),
            models=tuple(model or ()),
            keep_personal=keep_personal,
        )
        with open_document(app, source) as (path, origin):
            import_files(app, [path], request, formats or [], origin=origin)
        return
    if only or with_samples or entry or model or keep_personal:
        raise UsageError(
            "--only, --entry, --with-samples, --model and --keep-personal-data require --from FILE",
            hint="add --from FILE, or omit these options",
        )
    _add_connector(app, name, force=force, formats=formats)


def _is_document(source: str) -> bool:
    return source.partition("#")[2].endswith((".yaml", ".yml", ".json"))


def _add_from_git(app: App, name: str, address: str, *, yes: bool, force: bool, formats: Formats) -> None:
    """Copy a connector from a Git repository, if it passes the checks and its hosts are confirmed."""
    from conn_cli.formatting import join_lines
    from conn_cli.git_connectors import add_from_git
    from conn_cli.report import write_report
    from conn_cli.scaffold import create_workspace, to_relative
    from conn_cli.workspace_schemas import keep_schemas_current
    from conn_engine.diagnostics import pluralize
    from conn_engine.documents.locate import find_workspace
    from conn_engine.updates.git_sources import parse_git_source

    source = parse_git_source(address)
    workspace_root = find_workspace(app.folder)
    root = workspace_root or app.folder
    with keep_schemas_current(workspace_root):
        added = add_from_git(app, root, name, source, yes=yes, force=force)
    if added is not None and workspace_root is None:
        create_workspace(root)
    folder = to_relative(root / "connectors" / name)
    lines = ["nothing was added"]
    if added is not None:
        number = pluralize(len(added.files), "file")
        lines = [f"added {name} in {folder} from commit {added.entry.revision[:12]} ({number})"]
        lines.append(f"next: conn lint && conn test --connector {name}")

    def report() -> "Report":
        from conn_engine.command_reports import NewReport

        return NewReport(
            workspace=to_relative(root) if workspace_root is None and added is not None else None,
            connector=name,
            folder=folder,
            bundled=False,
            revision=added.entry.revision if added is not None else None,
            files=[f"{folder}/{path}" for path in added.files] if added is not None else [],
        )

    write_report(report, formats or [], {"text": lambda: join_lines(lines)}, app, folder=app.folder)


def _add_connector(app: App, name: str, *, force: bool, formats: Formats) -> None:
    """Add a bundled connector or a skeleton, and a workspace if there is none."""
    from conn_cli.formatting import join_lines
    from conn_cli.known_vendors import describe_settings, suggest_near
    from conn_cli.report import write_report
    from conn_cli.scaffold import (
        create_connector,
        create_workspace,
        list_bundled,
        to_relative,
    )
    from conn_cli.workspace_schemas import keep_schemas_current
    from conn_engine.diagnostics import pluralize
    from conn_engine.documents.locate import find_workspace

    workspace_root = find_workspace(app.folder)
    root = workspace_root or app.folder
    with keep_schemas_current(workspace_root):
        files, bundled = create_connector(root, name, force=force)
    lines = []
    if workspace_root is None:
        create_workspace(root)
        lines.append(f"created a workspace in {to_relative(root)}")
    kind = "added the bundled connector" if bundled else "created a skeleton with a sample recording for"
    folder = to_relative(root / "connectors" / name)
    lines.append(f"{kind} {name} in {folder} ({pluralize(len(files), 'file')})")
    if not bundled:
        lines.append("bundled connectors: conn catalogue lists them")
        lines += [line for line in (suggest_near(name, list_bundled()), *describe_settings(name)) if line]
    lines.append(f"next: conn lint && conn test --connector {name}")

    def report() -> "Report":
        from conn_engine.command_reports import NewReport

        return NewReport(
            workspace=to_relative(root) if workspace_root is None else None,
            connector=name,
            folder=folder,
            bundled=bundled,
            revision=None,
            files=[to_relative(path) for path in files],
        )

    write_report(report, formats or [], {"text": lambda: join_lines(lines)}, app, folder=app.folder)
