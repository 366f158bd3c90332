"""Import connectors for `conn import` and `conn new --from`, all or none, and show a summary."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conn_cli.console import App

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_cli.proposed_results import ProposedResults
    from conn_engine.reports import Report
    from conn_import import ImportedConnector, ImportedDocument

__all__ = ["ImportRequest", "import_files"]

_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """The options of an import. Without a `name`, each document proposes one. `entries` selects connectors of documents
    with several, and `every` selects all. Mappings are proposed to the unified models in `models`. `curl` has commands
    that are imported like a file."""

    name: str | None = None
    only: tuple[str, ...] = ()
    base_url: str = ""
    security: str = ""
    samples: bool = False
    force: bool = False
    entries: tuple[str, ...] = ()
    every: bool = False
    models: tuple[str, ...] = ()
    keep_personal: bool = False
    curl: str | None = None


def import_files(
    app: App, files: list[Path], request: ImportRequest, formats: "Sequence[str]", *, origin: str = ""
) -> None:
    """Create a connector from each document, and show what was left out. Writes nothing unless all can be created.
    `origin` is the address that a document was fetched from."""
    from conn_cli.report import write_report
    from conn_cli.scaffold import check_connector, create_workspace, import_connector, to_relative
    from conn_cli.workspace_schemas import keep_schemas_current
    from conn_engine.documents.locate import find_workspace
    from conn_engine.errors import UsageError
    from conn_import import Options, import_source, propose_name, read_curl, read_source

    if request.name is not None and len(files) > 1:
        raise UsageError("--name cannot be used with several files", hint="import them one by one")
    if request.name is not None and (request.every or len(request.entries) > 1):
        raise UsageError("--name cannot be used with several connectors", hint="import them one by one")
    workspace_root = find_workspace(app.folder)
    root = workspace_root or app.folder
    models = _load_models(root, request.models)
    imported: list[ImportedConnector] = []
    sources = [read_source(app.folder / file, origin or to_relative(app.folder / file)) for file in files]
    sources = [replace(source, origin=origin) for source in sources] if origin else sources
    for source in [*sources, *([read_curl(request.curl)] if request.curl is not None else [])]:
        for entry in _choose_entries(source, request):
            name = request.name or propose_name(source, entry)
            if any(other.name == name for other in imported):
                raise UsageError(
                    f'two of the documents would create the connector "{name}"',
                    hint="import them one by one, with --name",
                )
            check_connector(root, name, force=request.force)
            options = Options(
                name, request.only, request.base_url, request.security, request.samples, entry, models=models
            )
            imported.append(import_source(source, options, recorded_at=_format_now(app)))
    with keep_schemas_current(workspace_root):
        for connector in imported:
            import_connector(root, connector.name, connector.write, force=request.force)
    if workspace_root is None:
        create_workspace(root)
    results: dict[str, ProposedResults] = {}
    try:
        _record_observed(
            app, root, [connector for connector in imported if connector.observed and connector.recordings], request
        )
        results = _replay_proposed(app, root, imported, request)
    finally:  # the connectors exist, even if the recordings fail
        text = {"text": lambda: _text(root, imported, results, new=workspace_root is None)}
        write_report(
            lambda: _report(root, imported, results, new=workspace_root is None), formats, text, app, folder=app.folder
        )


def _replay_proposed(
    app: App, root: Path, imported: "list[ImportedConnector]", request: ImportRequest
) -> "dict[str, ProposedResults]":
    """Replay the samples of each connector through its proposed mappings, and score it."""
    from conn_cli.proposed_results import replay_proposed

    return {
        connector.name: replay_proposed(app, root, connector, force=request.force)
        for connector in imported
        if connector.recordings and any(connector.proposed.values())
    }


def _describe_results(results: "ProposedResults") -> list[str]:
    from conn_cli.report.score import draw_text
    from conn_engine.diagnostics import pluralize

    recorded = pluralize(len(results.recorded), "unified operation")
    lines = [f"recorded {recorded} from the samples, with goldens: check the values"] if results.recorded else []
    lines += [f"to correct: {name}: {reason}" for name, reason in results.failed.items()]
    return lines + (draw_text([results.score]).splitlines() if results.score is not None else [])


def _text(root: Path, imported: "list[ImportedConnector]", results: "dict[str, ProposedResults]", *, new: bool) -> str:
    from conn_cli.formatting import join_lines
    from conn_cli.scaffold import to_relative

    lines = [f"created a workspace in {to_relative(root)}"] if new else []
    for connector in imported:
        lines += [f"fetched {connector.origin} ({connector.digest})"] if connector.origin else []
        lines += _summarize(connector, to_relative(root / "connectors" / connector.name))
        if connector.name in results:
            lines += _describe_results(results[connector.name])
    recorded = [connector.name for connector in imported if connector.recordings]
    raw = "" if any(result.recorded or result.failed for result in results.values()) else " --raw"
    chosen = f" --connector {recorded[0]}" if len(recorded) == len(imported) == 1 else ""
    return join_lines([*lines, f"next: conn lint{f' && conn test --all{raw}{chosen}' if recorded else ''}"])


def _report(
    root: Path, imported: "list[ImportedConnector]", results: "dict[str, ProposedResults]", *, new: bool
) -> "Report":
    from conn_cli.scaffold import to_relative
    from conn_engine.command_reports import ImportReport, ImportSummary, NotImported

    connectors = [
        ImportSummary(
            connector=connector.name,
            folder=to_relative(root / "connectors" / connector.name),
            format=connector.format,
            operations=connector.operations,
            resources=connector.resources,
            found=connector.found,
            left_out=connector.left + len(connector.unused),
            unused_resources=connector.list_unused_resources(),
            recordings=[recording.operation for recording in connector.recordings],
            guesses=connector.guesses,
            proposed=dict(connector.proposed),
            replayed=results[connector.name].to_report() if connector.name in results else None,
            not_imported=[NotImported(reason=reason, places=list(places)) for reason, places in connector.losses],
        )
        for connector in imported
    ]
    return ImportReport(workspace=to_relative(root) if new else None, connectors=connectors)


def _record_observed(app: App, root: Path, imported: "list[ImportedConnector]", request: ImportRequest) -> None:
    """Write the recordings of real responses, without personal data."""
    from conn_cli.personal_data import choose_personal_data, show_summary
    from conn_cli.scaffold import to_relative
    from conn_engine.config import load_workspace
    from conn_engine.errors import ConfigurationError
    from conn_engine.personal import PersonalSummary
    from conn_engine.recordings.files import save_recording
    from conn_engine.secrets.wary_redaction import WaryRedactor
    from conn_engine.testing.personal import save_without_personal_data

    if not imported:
        return
    workspace = load_workspace(root)
    personal = choose_personal_data(app, workspace, keep=request.keep_personal)
    summaries = []
    for connector in imported:
        effective = workspace.effective(account=None, connector=connector.name)
        for recording in connector.recordings:
            redactor = WaryRedactor(app.redactor)
            path = root / "connectors" / connector.name / "recordings" / f"{recording.operation}.json"
            if personal is None:
                save_recording(path, recording, redactor, within=root)
                continue
            name = effective.resolve(recording.operation, raw=True)
            try:
                _, done = save_without_personal_data(path, effective, name, recording, personal, redactor, within=root)
                summaries.append(done)
            except ConfigurationError as error:
                app.err(f"warning: {to_relative(path)} was not written: {error.message}; {error.hint}")
    show_summary(app, PersonalSummary.merge(summaries) if summaries else None)


def _choose_entries(source: "ImportedDocument", request: ImportRequest) -> list[str]:
    """Return the keys of a document to import, or "" for a document with one connector."""
    from conn_engine.errors import UsageError
    from conn_import import list_entries

    entries = list_entries(source)
    if not entries and (request.entries or request.every):
        raise UsageError(f"{source.file} has only one connector: omit --entry and --all")
    if request.every:
        return entries
    if not request.entries and len(entries) == 1:
        return entries
    return list(dict.fromkeys(request.entries)) or [""]


def _load_models(root: Path, names: tuple[str, ...]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the models by name with the schemas of their records: those of the workspace, then the bundled ones."""
    from conn_engine.config import load_workspace
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.documents.locate import WORKSPACE_FILE
    from conn_engine.errors import UsageError
    from conn_engine.lint.models import load_models

    if not names:
        return {}
    models = load_workspace(root).models if (root / WORKSPACE_FILE).is_file() else []
    models_by_name = load_models(tuple(models))
    for name in names:
        if name not in models_by_name:
            hint = did_you_mean(name, list(models_by_name)) or f"models: {', '.join(sorted(models_by_name))}"
            raise UsageError(f'--model {name}: there is no model "{name}"', hint=hint)
    return {name: models_by_name[name] for name in dict.fromkeys(names)}


def _format_now(app: App) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(app.clock.now()), UTC).isoformat().replace("+00:00", "Z")


def _summarize_unused(imported: "ImportedConnector", folder: str) -> list[str]:
    from conn_engine.diagnostics import pluralize

    resources = imported.list_unused_resources()
    where = f"{pluralize(len(imported.unused), 'operation')} of {pluralize(len(resources), 'resource')}"
    models = " and ".join(imported.proposed)
    return [
        f"left out: {where} that the mapping to {models} does not use",
        f"  to import everything, add --only '*' --force; for some, see Left out in {folder}/README.md",
    ]


def _summarize(imported: "ImportedConnector", folder: str) -> list[str]:
    from conn_cli.formatting import shorten_text
    from conn_engine.diagnostics import pluralize
    from conn_import import fold_losses

    of = f" of {imported.found:,}" if imported.found > imported.operations else ""
    samples = f", {pluralize(len(imported.recordings), 'sample recording')}" if imported.recordings else ""
    number = pluralize(imported.operations, "operation")
    resources = pluralize(imported.resources, "resource")
    lines = [f"created {imported.name} in {folder} from {imported.format}: {number}{of} in {resources}{samples}"]
    if imported.left:
        lines.append(f"left out by --only: {pluralize(imported.left, 'operation')}")
    if imported.unused:
        lines += _summarize_unused(imported, folder)
    if imported.guesses:
        noun = "guess" if imported.guesses == 1 else "guesses"
        lines.append(f"{imported.guesses:,} {noun} to check, marked in connector.yaml")
    for model, fields in imported.proposed.items():
        where = (
            f"{pluralize(fields, 'field')} in {folder}/unified/{model}.yaml, each with a confidence value: check them"
        )
        lines.append(
            f"proposed a mapping to {model}: {where}" if fields else f"no response looks like a record of {model}"
        )
    if imported.losses:
        lines.append(f"not imported ({folder}/README.md has the complete list):")
    for text in fold_losses(imported.losses):
        lines.append(f"  {shorten_text(text, _SHOWN_CHARACTERS)}")
    return lines
