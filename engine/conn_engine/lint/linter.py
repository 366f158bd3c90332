"""Select the documents to lint, run the rules, and apply suppressions and severities."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conn_engine.config import (
    Effective,
    File,
    Workspace,
    WorkspaceSettings,
    compile_schema,
    validate,
)
from conn_engine.config.models import NAME
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic, remove_duplicates
from conn_engine.documents import Document
from conn_engine.documents.locate import find_workspace
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_engine.lint.contract_rules import CONTRACT_FILE, check_contract
from conn_engine.lint.endpoint_rules import check_account_endpoints, check_claims, find_endpoint_secrets
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.markdown import lint_markdown
from conn_engine.lint.number_rules import find_leading_zeros
from conn_engine.lint.rules import CONTEXT_RULES, LAYER_RULES, TARGET_RULES
from conn_engine.lint.suppressions import SuppressedPlaces, find_faulty_suppressions
from conn_engine.lint.sync_rules import check_sync
from conn_engine.lint.sync_settings import check_overrides, find_unknown_syncs
from conn_engine.lint.target import LintTarget
from conn_engine.lint.workspace_rules import (
    check_proxy,
    check_trusted_hosts,
    find_unknown_connectors,
    find_unknown_environments,
    find_workspace_secrets,
)
from conn_engine.runtime.variants import to_base_level
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["SKIPPED_FOLDERS", "LintResult", "lint_opened", "lint_paths", "lint_workspace", "open_paths"]

SKIPPED_FOLDERS = frozenset({"node_modules", "site-packages", "__pycache__"})
_NAME = re.compile(NAME)


@dataclass(slots=True)
class LintResult:
    """The findings; their file names are relative to `root`. `files` is the number of checked documents."""

    root: Path
    findings: list[Diagnostic] = field(default_factory=list)
    files: int = 0


def lint_paths(folder: Path, paths: Sequence[Path], clock: Clock = MACHINE_CLOCK) -> LintResult:
    """Lint files and folders. Without `paths`, lint the workspace at or above `folder`.

    A folder of connectors outside a workspace can be linted too. Raises UsageError when a path does not exist or
    contains no file to lint, because an empty check must not look like a passed one.
    """
    workspace, only = open_paths(folder, paths)
    return lint_opened(folder, workspace, only, clock)


def lint_opened(
    folder: Path, workspace: Workspace, only: Sequence[Path] | None, clock: Clock = MACHINE_CLOCK
) -> LintResult:
    """Lint what `open_paths` returned. Raises UsageError if a path contains no file to lint."""
    result = LintResult(workspace.root)
    checked = _check_files(workspace, only, result, clock, markdown=True)
    for place in only or [_resolve_parents(folder)]:
        if not any(_is_selected(path, [place]) for path in checked) or _is_in_another_workspace(place, workspace):
            problem = f"nothing to lint in {_format_relative(place, folder)}"
            raise UsageError(problem, hint=_explain_nothing_to_lint(place, workspace))
    return result


def _check_files(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult, clock: Clock, *, markdown: bool
) -> list[Path]:
    """Add the findings to `result`, with Markdown files in `only` if `markdown` is set. Return the checked files."""
    checked: list[Path] = []
    documents = _check_workspace(workspace, only, result, checked, clock.now())
    for path in sorted({path for place in only or () if markdown for path in _find_markdown(place)}):
        checked.append(path)
        found, findings = lint_markdown(path, workspace.format_path(path))
        documents += found
        result.findings += findings
    result.files = len(checked)
    result.findings = _apply_severities(workspace, documents, result.findings)
    return checked


def open_paths(folder: Path, paths: Sequence[Path]) -> tuple[Workspace, list[Path] | None]:
    """Return the workspace of files and folders, and the paths without duplicates; without paths, the workspace at or
    above `folder`, and None. Raises UsageError for a path that does not exist."""
    places = list(dict.fromkeys(_resolve_parents(folder / path) for path in paths or [Path()]))
    for path, place in zip(paths, places, strict=False):
        if not place.exists():
            raise UsageError(
                f"cannot lint {path}: no such file or folder",
                hint="correct the path, or omit it to check the workspace",
            )
    return _load_workspace(_find_root(places[0])), places if paths else None


def lint_workspace(
    workspace: Workspace,
    only: Sequence[Path] | None = None,
    clock: Clock = MACHINE_CLOCK,
    *,
    markdown: bool = False,
) -> LintResult:
    """Lint a workspace, which may be a draft (`Workspace.with_texts`): its documents and recordings, or those of `only`
    (files and folders), and the Markdown files of `only` if `markdown` is set. With an invalid conn.yaml, which is a
    finding, the default settings apply."""
    _use_default_settings_if_unreadable(workspace)
    result = LintResult(workspace.root)
    _check_files(workspace, only, result, clock, markdown=markdown)
    return result


def _check_workspace(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult, checked: list[Path], now: float
) -> list[Document]:
    """Add the findings for a workspace to `result` and its files to `checked`, and return its documents."""
    read = _check_documents(workspace, only, result, checked)
    contracts = _check_contracts(workspace, only, result, checked)
    _check_recordings(workspace, only, result, checked, now)
    _run_rules(workspace, read, result, now)
    return [*(document for _, document in read), *contracts]


def _resolve_parents(path: Path) -> Path:
    """Resolve `..` and links in the parent folders, as in the workspace's paths. A link at the end stays."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _is_in_another_workspace(place: Path, workspace: Workspace) -> bool:
    """Return whether a path is in another workspace than the first path, so that its documents were not read."""
    if place.is_relative_to(workspace.root):
        return False
    return find_workspace(place if place.is_dir() else place.parent) not in (None, workspace.root)


def _format_relative(place: Path, folder: Path) -> str:
    real = folder.resolve()
    return str(place.relative_to(real)) if place != real and place.is_relative_to(real) else str(place)


def _explain_nothing_to_lint(place: Path, workspace: Workspace) -> str:
    if not place.is_relative_to(workspace.root):
        return f"run a separate conn lint for it: it is outside the workspace {workspace.root}"
    if place.is_file():
        return "name a connector, unified mapping, contract, recording, environment, account or Markdown file"
    return "name a workspace, a connector folder, a document or a Markdown file"


def _find_root(place: Path) -> Path:
    root = find_workspace(place if place.is_dir() else place.parent)
    if root is not None:
        return root
    for candidate in (place, *place.parents):
        if (candidate / "connectors").is_dir():
            return candidate
        if candidate.name == "connectors":
            return candidate.parent
    return place if place.is_dir() else place.parent


def _load_workspace(root: Path) -> Workspace:
    workspace = Workspace(root)
    _use_default_settings_if_unreadable(workspace)
    return workspace


def _use_default_settings_if_unreadable(workspace: Workspace) -> None:
    """Use the default settings if conn.yaml is invalid: that is one of the findings, and the others can be found. A
    folder of connectors may have none."""
    try:
        _ = workspace.settings
    except ConfigurationError as error:
        if not error.findings and any(file.kind == "workspace" for file in workspace.files()):
            raise
        workspace.__dict__["settings"] = WorkspaceSettings()


def _find_markdown(place: Path) -> list[Path]:
    if place.is_file():
        return [place] if place.suffix == ".md" else []
    paths = (path for path in place.rglob("*.md") if path.is_file())
    return [
        path
        for path in paths
        if not any(part.startswith(".") or part in SKIPPED_FOLDERS for part in path.relative_to(place).parts)
    ]


def _is_selected(path: Path, only: Sequence[Path] | None) -> bool:
    return only is None or any(path == place or path.is_relative_to(place) for place in only)


def _check_documents(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult, checked: list[Path]
) -> list[tuple[File, Document]]:
    """Read the documents and validate them against their schemas. A document that cannot be read becomes a finding."""
    findings = []
    for file in workspace.files():
        if not _is_selected(file.path, only):
            continue
        checked.append(file.path)
        try:
            document = workspace.read(file)
        except ConfigurationError as error:
            result.findings += error.findings or [_build_file_finding(error, workspace.format_path(file.path))]
            continue
        faults = validate(document, file.kind)
        result.findings += [*faults, *find_leading_zeros(document, {fault.span for fault in faults})]
        if file.kind == "workspace":
            result.findings += find_workspace_secrets(document)
            result.findings += check_trusted_hosts(document)
            environments = sorted({*workspace.environments(), workspace.settings.default_environment})
            result.findings += find_unknown_environments(document, environments)
        if file.kind in ("workspace", "environment") and not faults:
            result.findings += check_claims(document)
        if file.kind in ("workspace", "environment", "account"):
            result.findings += find_endpoint_secrets(document)
        if file.kind == "account" and not faults:
            result.findings += check_account_endpoints(workspace, file.name, document)
        if file.kind == "workspace" and not faults:
            result.findings += check_proxy(workspace, document)
        if file.kind == "environment":
            result.findings += find_unknown_connectors(document, workspace.connectors())
        if file.kind in ("account", "environment"):
            result.findings += [*find_unknown_syncs(document, workspace.syncs()), *check_overrides(document)]
        findings.append((file, document))
    if only is not None and set(only) <= set(checked):
        return findings  # all of them are documents, so nothing is missing or a stray
    for path in _find_missing_documents(workspace):
        if _is_selected(path, only):
            checked.append(path)
            problem, fix = (
                ("is a folder", "replace it with a file") if path.is_dir() else ("is missing", "add the file")
            )
            message = f"{path.parent.name} is not a connector: its connector.yaml {problem}"
            hint = f"{fix}, or move {path.parent.name} out of connectors/"
            result.findings.append(diagnostic("DOC001", message, Span(workspace.format_path(path)), hint=hint))
    _check_models(workspace, only, result, checked)
    for finding in workspace.strays():
        if finding.span is not None and _is_selected(workspace.root / finding.span.file, only):
            result.findings.append(finding)
    return findings


def _check_contracts(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult, checked: list[Path]
) -> list[Document]:
    """Check contract.yaml of each connector, and return those that can be read."""
    documents = []
    for name in workspace.connectors():
        path = workspace.root / "connectors" / name / CONTRACT_FILE
        if not workspace.tree.is_file(path) or not _is_selected(path, only):
            continue
        checked.append(path)
        try:
            workspace.check_inside(path)
            document = workspace.tree.document(path, workspace.format_path(path))
        except ConfigurationError as error:
            result.findings += error.findings or [_build_file_finding(error, workspace.format_path(path))]
            continue
        documents.append(document)
        faults = validate(document, "contract")
        result.findings += faults
        try:
            effective = to_base_level(workspace.effective(account=None, connector=name))
            result.findings += [] if faults else check_contract(workspace, effective, document)
        except ConnError:
            continue  # the connector's own documents have the finding
    return documents


def _check_models(workspace: Workspace, only: Sequence[Path] | None, result: LintResult, checked: list[Path]) -> None:
    """Compile the workspace's own schemas of unified records."""
    for path in sorted(path for folder in workspace.models for path in folder.glob("*/*.schema.json")):
        if not _is_selected(path, only):
            continue
        checked.append(path)
        try:
            workspace.check_inside(path)
            compile_schema(path, workspace.format_path(path))
        except ConfigurationError as error:
            result.findings += error.findings or [_build_file_finding(error, workspace.format_path(path))]


def _find_missing_documents(workspace: Workspace) -> list[Path]:
    """Return the missing connector.yaml of each folder in `connectors` that has none."""
    folder = workspace.root / "connectors"
    connectors = set(workspace.connectors())
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path / "connector.yaml"
        for path in entries
        if path.is_dir() and path.name[0] not in "._" and path.name not in connectors and _NAME.match(path.name)
    ]


def _build_file_finding(error: ConnError, file: str) -> Diagnostic:
    return diagnostic("DOC001", error.message, Span(file), hint=error.hint)


def _check_recordings(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult, checked: list[Path], now: float
) -> None:
    if only is not None and all(place.suffix in (".yaml", ".yml") and not place.is_dir() for place in only):
        return  # searching the folders takes longer than checking a document
    from conn_engine.lint.recording_rules import RecordingAges
    from conn_engine.recordings.files import Recording, load_recording
    from conn_engine.webhooks.recorded import load_delivery

    ages = RecordingAges(workspace, now)
    for folder, load in (("recordings", load_recording), ("deliveries", load_delivery)):
        for path in sorted((workspace.root / "connectors").glob(f"*/{folder}/**/*.json")):
            if not _is_selected(path, only):
                continue
            checked.append(path)
            file = workspace.format_path(path)
            try:
                recorded = load(path, file)
            except ConfigurationError as error:
                result.findings += error.findings or [_build_file_finding(error, file)]
                continue
            if isinstance(recorded, Recording):
                result.findings += ages.check(recorded, file)


def _run_rules(
    workspace: Workspace, documents: Sequence[tuple[File, Document]], result: LintResult, now: float
) -> None:
    """Run the rules for every connector, environment and account to which one of the documents belongs."""
    broken = {finding.span.file for finding in result.findings if finding.span and finding.severity is Severity.ERROR}
    file_names = {document.file for _, document in documents}
    seen_layers: set[tuple[str, ...]] = set()
    inherited: set[tuple[str, str | None] | None] = set()
    for account, connector, environment in _find_scopes(workspace, [file for file, _ in documents]):
        try:
            effective = workspace.effective(account=account, connector=connector, environment=environment)
            target = LintTarget(workspace, effective, now)
            files = [{source.document.file for source in layer.sources} for layer in effective.layers]
            for layer, names in zip(effective.layers, files, strict=True):
                key = (layer.level, *sorted(names), connector or "")
                if key in seen_layers:
                    continue
                seen_layers.add(key)
                view = LayerView(layer, target)
                for layer_rule in LAYER_RULES:
                    result.findings += [f for f in layer_rule(view) if f.span is None or f.span.file in file_names]
            if any(names & broken for names in files):
                continue  # its documents already have errors, which other rules would only repeat
            own_level = _find_inherited_level(effective)
            for target_rule in CONTEXT_RULES if own_level in inherited else TARGET_RULES:
                result.findings += [f for f in target_rule(target) if f.span is None or f.span.file in file_names]
            if own_level is not None:
                inherited.add(own_level)
        except ConnError as error:
            result.findings += [f for f in error.findings if f.span is None or f.span.file in file_names]
    for file, document in documents:
        if file.kind == "sync" and document.file not in broken:
            result.findings += check_sync(workspace, file, document)
    result.findings = list(dict.fromkeys(_leave_out_consequences(result.findings)))


def _leave_out_consequences(findings: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out the findings inside an override of something unknown (REF142): its name is the mistake."""
    unknown = [finding.span for finding in findings if finding.code == "REF142" and finding.span is not None]
    for finding in findings:
        if finding.code == "REF142" or not any(_is_inside(finding.span, whole) for whole in unknown):
            yield finding


def _is_inside(span: Span | None, whole: Span) -> bool:
    if span is None or span.file != whole.file:
        return False
    return (whole.line, whole.column) <= (span.line, span.column) <= (whole.end_line, whole.end_column)


def _find_inherited_level(effective: Effective) -> tuple[str, str | None] | None:
    """Return connector and environment of an account that overrides nothing, or None for any other scope.

    Of the accounts with the same result, all rules run for the first; for the others, only rules about their values.
    """
    credentials = effective.data.get("credentials")
    chosen = isinstance(credentials, dict) and credentials.get("format") in ("choice", "mtls")  # depends on the values
    if effective.account is None or chosen or effective.layers[-1].data:
        return None
    return effective.connector_name, effective.environment


def _find_scopes(workspace: Workspace, files: Iterable[File]) -> list[tuple[str | None, str | None, str | None]]:
    """Return (account, connector, environment) of each effective configuration to lint, each once."""
    connectors: dict[str, None] = {}
    accounts: dict[str, None] = {}
    environments: dict[str, None] = {}
    for file in files:
        if file.kind in ("connector", "unified"):
            connectors[file.name.partition("/")[0]] = None
        elif file.kind == "account":
            accounts[file.name] = None
        elif file.kind == "environment":
            environments[file.name] = None
    rows: list[tuple[str | None, str | None, str | None]] = [(None, name, None) for name in connectors]
    for name in environments:
        try:
            overridden = workspace.environment(name).connectors
        except ConnError:
            continue
        connector_names = set(workspace.connectors())
        rows += [(None, connector, name) for connector in overridden if connector in connector_names]
    return rows + [(name, None, None) for name in accounts]


def _apply_severities(
    workspace: Workspace, documents: Sequence[Document], findings: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """Remove the findings that a comment silences, set the severities of conn.yaml, and sort."""
    suppressed = SuppressedPlaces(documents)
    faulty = [finding for document in documents for finding in find_faulty_suppressions(document)]
    levels = workspace.settings.lint.severity
    remaining = []
    for finding in (*findings, *faulty):
        if suppressed.covers(finding):
            continue
        level = levels.get(finding.code)
        remaining.append(replace(finding, severity=Severity[level.upper()]) if level else finding)
    return remove_duplicates(remaining)
