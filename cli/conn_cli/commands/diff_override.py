"""`conn diff-override`: what an environment or an account changes, in the configuration and on the recordings."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.formatting import join_lines, shorten_text
from conn_cli.options import Formats, format_option
from conn_cli.report.deliveries import count_deliveries, is_delivery
from conn_cli.report.markdown import cell, code
from conn_cli.report.tested_syncs import is_sync
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName, PartialOverride
    from conn_engine.diagnostics import Diagnostic, Span
    from conn_engine.testing.effects import ConfigChange, OverrideReport
    from conn_engine.testing.recorded_effects import OperationEffect

WORDS = {"added": "+", "changed": "~", "missing": "-", "type_changed": "!"}


def diff_override(
    context: typer.Context,
    *,
    operation: Annotated[
        str | None, typer.Argument(metavar="OPERATION", help="Show only this operation or sync (sync:NAME).")
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", "-a", help="Show only this account. Repeatable. Default: every account."),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", "-e", help="Show what this environment changes for each connector, without accounts."
        ),
    ] = None,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Show only this connector.")] = None,
    formats: Annotated[Formats, format_option("markdown")] = None,
) -> None:
    """Show what overrides change in the configuration and in recordings.

    Also lists overrides without effect. Exits with 1 if an override makes an operation fail.
    """
    from conn_cli.report import write_report
    from conn_engine.testing.overrides_report import OverridesReport

    app: App = context.obj
    reports = []
    with app.progress("comparing") as progress:
        for effective in _effectives(app, account, environment, connector):
            report = _compare(app, effective, operation)
            reports.append(report)
            progress.advance(note=effective.account or effective.connector_name)
    texts = {"text": lambda: join_lines(_text(reports)), "markdown": lambda: join_lines(_markdown(reports))}
    write_report(lambda: OverridesReport.from_reports(reports), formats or [], texts, app, folder=app.folder)
    if any(report.failures for report in reports):
        raise typer.Exit(Exit.FINDINGS)


def _compare(app: App, effective: "Effective", operation: str | None) -> "OverrideReport":
    """Return the effects of overrides on all operations, syncs and deliveries, or on one operation or sync."""
    from conn_engine.syncs import find_syncs
    from conn_engine.testing.effects import override_report
    from conn_engine.testing.syncs.cases import PREFIX, select_syncs, sync_name

    if operation is None:
        names = [name for name in effective.operations() if name.kind == "unified"]
        syncs = [sync_name(name) for name in find_syncs(app.workspace, effective)]
        return override_report(app.workspace, effective, names, syncs=syncs, deliveries=True)
    if operation.startswith(PREFIX):
        syncs = select_syncs(app.workspace, effective, operation)
        return override_report(app.workspace, effective, [], syncs=syncs)
    name = effective.resolve(operation)
    return _about(override_report(app.workspace, effective, [name]), name)


def _about(report: "OverrideReport", name: "OperationName") -> "OverrideReport":
    """Return the report without findings that concern only other unified operations."""
    from dataclasses import replace

    from conn_engine.config import RESOURCE_MAPPINGS, parse_place

    paths = [name.path, *((*name.path[:-1], key) for key in RESOURCE_MAPPINGS)]

    def concerns(change: "ConfigChange | Diagnostic") -> bool:
        path = parse_place(change.path)
        return path[0] != "unified" or any(path[: len(one)] == one for one in paths)

    changes = tuple(change for change in report.changes if concerns(change))
    return replace(
        report,
        changes=changes,
        dead=tuple(change for change in report.dead if concerns(change)),
        partial=tuple(partial for partial in report.partial if partial.resource == name.path[:-1]),
        findings=tuple(finding for finding in report.findings if concerns(finding)),
    )


def _effectives(
    app: App, accounts: list[str] | None, environment: str | None, connector: str | None
) -> "list[Effective]":
    from conn_engine.errors import UsageError

    workspace = app.workspace
    if accounts:
        return [workspace.effective(account=name, environment=environment, connector=connector) for name in accounts]
    if environment is not None:
        connectors = workspace.environment(environment).connectors
        chosen = [name for name in workspace.connectors() if name in connectors and connector in (None, name)]
        if not chosen:
            raise UsageError(
                f'environment "{environment}" overrides no connector',
                hint=f"add `connectors` to environments/{environment}.yaml",
            )
        return [workspace.effective(account=None, connector=name, environment=environment) for name in chosen]
    every = [name for name in workspace.accounts() if connector in (None, workspace.account(name).connector)]
    if not every:
        raise UsageError("there is no account to compare", hint="name an environment: --environment NAME")
    return [workspace.effective(account=name) for name in every]


def _title(report: "OverrideReport", mark: Callable[[str], str] = str) -> str:
    effective = report.effective
    parts = (effective.account, effective.connector_name, effective.environment)
    return " · ".join(mark(part) for part in parts if part)


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=list)
    return shorten_text(" ".join(text.split()), 80)


def _format_span(span: "Span | None") -> str:
    return "" if span is None else f"{span.file}:{span.line}"


def _place(change: "ConfigChange | PartialOverride") -> str:
    return _format_span(change.span)


def _text(reports: "list[OverrideReport]") -> Iterator[str]:
    for report in reports:
        yield _title(report)
        for name, finding in report.failures:
            yield f"  fails: {name.text}: {finding.message}   {_format_span(finding.span)}".rstrip()
            if finding.hint:
                yield f"         fix: {finding.hint}"
        yield "  configuration" if report.changes else "  configuration: nothing is overridden"
        for change in report.changes:
            yield f"    {change.level:<11}  {change.path}   {_place(change)}"
            if change.below_at is not None:
                below = f"{change.below_at.file}:{change.below_at.line}"
                yield f"                 - {_value(change.below)}   ({below})"
            yield (
                "                 + (removed)" if change.value is None else f"                 + {_value(change.value)}"
            )
        recorded = [effect for effect in report.effects if not effect.unknown]
        records = sum(effect.records for effect in recorded)
        received = sum(is_delivery(effect.name) for effect in recorded)
        syncs = sum(is_sync(effect.name) for effect in recorded)
        counts = [
            pluralize(len(recorded) - received - syncs, "operation"),
            *([pluralize(syncs, "sync")] if syncs else []),
            *count_deliveries(received),
            pluralize(records, "record"),
        ]
        yield f"  effect on recordings ({', '.join(counts)})"
        for effect in report.effects:
            for line in _effect_lines(effect):
                yield f"    {effect.name.text:<24} {line}"
        for change in report.dead:
            yield f"  dead: {change.path} equals the level below ({_place(change)})"
        for partial in report.partial:
            yield f"  partial: {partial.text} ({_place(partial)})"
        for finding in report.findings:
            yield f"  {finding.severity.name.lower()}: {finding.message} ({_format_span(finding.span)})"
            yield f"         fix: {finding.hint}"
        yield ""


def _effect_lines(effect: "OperationEffect") -> list[str]:
    if effect.unknown:
        return [f"unknown: {effect.reason}"]
    noun = "event" if is_sync(effect.name) else "record"
    lines = [f"! fails: {finding.message}" for finding in effect.failures.values()]
    lines += [
        f"{WORDS[kind]} {field or noun} {kind.replace('_', ' ')} in {pluralize(count, noun)}"
        for (field, kind), count in sorted(effect.fields.items())
    ]
    lines += [f"- {pluralize(effect.gone, noun)} missing"] if effect.gone else []
    lines += [f"+ {pluralize(effect.new, noun)} added"] if effect.new else []
    lines += [f"~ request {c.number}: {c.part}  {_value(c.before)} -> {_value(c.after)}" for c in effect.requests[:5]]
    lines += [f"! {text}" for text in effect.errors]
    return lines


def _markdown(reports: "list[OverrideReport]") -> Iterator[str]:
    for report in reports:
        yield f"### {_title(report, code)}\n"
        for name, finding in report.failures:
            yield f"**fails**: {code(name.text)}: {code(finding.message)} {code(_format_span(finding.span))}\n"
        if report.changes:
            yield "| level | path | set at | overrides |\n|---|---|---|---|"
            for change in report.changes:
                below = change.below_at
                overridden = f"{below.file}:{below.line}" if below is not None else ""
                yield f"| {change.level} | {cell(change.path)} | {cell(_place(change))} | {cell(overridden)} |"
            yield ""
        yield "| operation | effect |\n|---|---|"
        for effect in report.effects:
            lines = [cell(line) for line in _effect_lines(effect)] or ["no change"]
            yield f"| {cell(effect.name.text)} | {'<br>'.join(lines)} |"
        for change in report.dead:
            yield f"\ndead: {code(change.path)} equals the level below ({code(_place(change))})"
        for partial in report.partial:
            yield f"\npartial: {cell(partial.text)} ({code(_place(partial))})"
        for finding in report.findings:
            yield f"\n{finding.severity.name.lower()}: {cell(finding.message)} ({code(_format_span(finding.span))})"
        yield ""
