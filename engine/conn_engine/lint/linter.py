"""Which documents to lint, and running the rules over them. Markdown blocks, suppressions and severities are settled here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conn_engine.config import File, Workspace, WorkspaceSettings, load_workspace, validate
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, without_echoes
from conn_engine.documents import Document
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_engine.lint.markdown import lint_markdown
from conn_engine.lint.rules import LAYER_RULES, TARGET_RULES, LayerView, Target
from conn_engine.locate import find_workspace

__all__ = ["LintResult", "lint_paths"]


@dataclass(slots=True)
class LintResult:
    """What was found. `root` is what the findings' file names are relative to; `files` counts documents checked."""

    root: Path
    findings: list[Diagnostic] = field(default_factory=list)
    files: int = 0


def lint_paths(folder: Path, paths: Sequence[Path]) -> LintResult:
    """Lint files and folders; none means the workspace at or above `folder`.

    A folder of connectors outside any workspace is linted too. Raises UsageError when there is no such path, or no file
    to lint: an empty check must not look like a passed one.
    """
    places = [(folder / path).absolute() for path in paths] or [folder.absolute()]
    for place in places:
        if not place.exists():
            raise UsageError(f"{place} does not exist")
    root = _root(places[0])
    workspace = _workspace(root)
    only = None if not paths else places
    result = LintResult(workspace.root)
    markdown = [path for place in places for path in _markdown(place)] if paths else []
    documents = _documents(workspace, only, result)
    recordings = _recordings(workspace, only, result)
    _semantics(workspace, documents, result)
    for path in markdown:
        result.files += 1
        result.findings += lint_markdown(path, workspace.shown(path))
    result.files += len(documents) + recordings
    if result.files == 0:
        raise UsageError(
            f"there is nothing to lint in {', '.join(str(place) for place in places)}",
            hint="name a workspace, a connector folder, a document or a Markdown file",
        )
    result.findings = _settled(workspace, documents, result.findings)
    return result


def _root(place: Path) -> Path:
    found = find_workspace(place if place.is_dir() else place.parent)
    if found is not None:
        return found
    for candidate in (place, *place.parents):
        if (candidate / "connectors").is_dir():
            return candidate
        if candidate.name == "connectors":
            return candidate.parent
    return place if place.is_dir() else place.parent


def _workspace(root: Path) -> Workspace:
    if find_workspace(root) is not None:
        return load_workspace(root)
    workspace = Workspace(root)
    workspace.__dict__["settings"] = (
        WorkspaceSettings()
    )  # a catalogue of connectors: nothing to say for all of them
    return workspace


def _markdown(place: Path) -> list[Path]:
    if place.is_file():
        return [place] if place.suffix == ".md" else []
    return sorted(
        path for path in place.rglob("*.md") if not any(part.startswith(".") for part in path.parts[1:])
    )


def _within(path: Path, only: Sequence[Path] | None) -> bool:
    return only is None or any(path == place or path.is_relative_to(place) for place in only)


def _documents(
    workspace: Workspace, only: Sequence[Path] | None, result: LintResult
) -> list[tuple[File, Document]]:
    """The documents that can be read, validated against their schemas; the others are findings."""
    found = []
    for file in workspace.files():
        if not _within(file.path, only):
            continue
        try:
            document = workspace.read(file)
        except ConfigurationError as error:
            result.findings += error.findings or [_bare(error, workspace.shown(file.path))]
            result.files += 1
            continue
        result.findings += validate(document, file.kind)
        found.append((file, document))
    result.findings += [finding for finding in workspace.strays() if only is None]
    return found


def _bare(error: ConnError, file: str) -> Diagnostic:
    from conn_engine.diagnostics import Span

    return diagnostic("CFG104", error.message, Span(file), hint=error.hint)


def _recordings(workspace: Workspace, only: Sequence[Path] | None, result: LintResult) -> int:
    from conn_engine.transport.recordings import load_recording

    count = 0
    for path in sorted((workspace.root / "connectors").glob("*/recordings/**/*.json")):
        if not _within(path, only):
            continue
        count += 1
        try:
            load_recording(path, workspace.shown(path))
        except ConfigurationError as error:
            result.findings += error.findings or [_bare(error, workspace.shown(path))]
    return count


def _semantics(workspace: Workspace, documents: Sequence[tuple[File, Document]], result: LintResult) -> None:
    """Run the rules for every connector, environment and account that one of the documents belongs to."""
    broken = {
        finding.span.file
        for finding in result.findings
        if finding.span and finding.severity is Severity.ERROR
    }
    wanted = {document.file for _, document in documents}
    seen_layers: set[tuple[str, ...]] = set()
    for account, connector, environment in _scopes(workspace, [file for file, _ in documents]):
        try:
            effective = workspace.effective(account=account, connector=connector, environment=environment)
            target = Target(workspace, effective)
            files = [{source.document.file for source in layer.sources} for layer in effective.layers]
            for layer, own in zip(effective.layers, files, strict=True):
                key = (layer.level, *sorted(own), connector or "")
                if key in seen_layers:
                    continue
                seen_layers.add(key)
                view = LayerView(layer, target)
                for layer_rule in LAYER_RULES:
                    result.findings += [
                        f for f in layer_rule(view) if f.span is None or f.span.file in wanted
                    ]
            if any(own & broken for own in files):
                continue  # its documents are wrong already: what follows would only echo that
            for target_rule in TARGET_RULES:
                result.findings += [f for f in target_rule(target) if f.span is None or f.span.file in wanted]
        except ConnError as error:
            result.findings += [f for f in error.findings if f.span is None or f.span.file in wanted]
    result.findings = list(dict.fromkeys(result.findings))


def _scopes(workspace: Workspace, files: Iterable[File]) -> list[tuple[str | None, str | None, str | None]]:
    """(account, connector, environment) of each effective configuration to lint, without repeats."""
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
        known = set(workspace.connectors())
        rows += [(None, connector, name) for connector in overridden if connector in known]
    return rows + [(name, None, None) for name in accounts]


def _settled(
    workspace: Workspace, documents: Sequence[tuple[File, Document]], findings: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """Severities as conn.yaml has them, without what a comment with a reason silences, sorted."""
    silenced = {
        (document.file, suppression.line + below, suppression.code)
        for _, document in documents
        for suppression in document.suppressions
        if suppression.reason
        for below in (0, 1)
    }
    levels = workspace.settings.lint.severity
    kept = []
    for finding in findings:
        if finding.span and (finding.span.file, finding.span.line, finding.code) in silenced:
            continue
        level = levels.get(finding.code)
        kept.append(replace(finding, severity=Severity[level.upper()]) if level else finding)
    return without_echoes(kept)
