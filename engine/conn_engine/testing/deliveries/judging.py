"""Judges a replayed delivery: was it accepted, is the answer and each event what was kept as right, do the events'
records satisfy their models. Replaying is `replaying`'s."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.config import Effective, EventName, Workspace
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import format_path, read
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.model_schemas import check_records, schema_path
from conn_engine.runtime.places import error_finding, origin_of
from conn_engine.runtime.webhooks.events import record_behind
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import RecordComparison, compare_records
from conn_engine.testing.deliveries.cases import DeliveryCase, golden_of
from conn_engine.testing.deliveries.replaying import DeliveryOutcome
from conn_engine.testing.judgement import Judgement, authors_fault

__all__ = ["compare_events", "compare_replies", "judge_delivery"]

_PARTS = ("reply", "proved", "challenge")


def judge_delivery(
    workspace: Workspace,
    effective: Effective,
    case: DeliveryCase,
    outcome: DeliveryOutcome,
    base: DeliveryOutcome | None = None,
) -> Judgement:
    """Judge one outcome. `base` is that of the same delivery without the account's levels, for attribution."""
    result = Judgement(case, outcome)
    path = case.golden if case.golden.is_file() else case.base_golden
    shown = workspace.format_path(case.path)
    result.findings += _judge_acceptance(effective, case, outcome, shown)
    if result.findings:
        return result  # what follows would only echo it
    try:
        golden = _golden(workspace, path) if path.is_file() else None
    except ConfigurationError as error:
        hint = "restore it, or write it anew and review it: conn test --update"
        message = f"the golden result cannot be read: {error.message}"
        result.findings.append(diagnostic("TST101", message, Span(workspace.format_path(path)), hint=hint))
        return result
    if golden is None:
        hint = f"look at the result, then keep it: conn test webhooks {case.name.method} --update"
        message = f"{case.name.text} has no golden result"
        result.findings.append(diagnostic("TST103", message, Span(shown), hint=hint))
    else:
        own = path == case.golden and effective.account is not None
        _compare_with_golden(result, effective, golden, Span(workspace.format_path(path)), None if own else base)
    result.findings += _schemas(workspace, effective, outcome, shown)
    result.findings += _report_unused(case, outcome, shown)
    return result


def _judge_acceptance(
    effective: Effective, case: DeliveryCase, outcome: DeliveryOutcome, shown: str
) -> list[Diagnostic]:
    meant = case.delivery.refused
    where = effective.span(case.name.path) or Span(shown)
    if outcome.refused is not None:
        if meant:
            return []
        message = f"the delivery is refused: {outcome.refused.message}"
        hint = outcome.refused.hint or "compare `webhooks.verify` with the delivery; one meant so says `refused: true`"
        return [
            diagnostic("RUN401", message, where, path="webhooks", hint=hint, related=[(Span(shown), "the delivery")])
        ]
    if outcome.error is not None:
        return [error_finding(effective, case.name, outcome.error, shown)]
    if meant:
        message = "the delivery is accepted, and is there to be refused"
        hint = "anybody could send one like it: see what `webhooks.verify` lets pass"
        return [
            diagnostic("RUN401", message, where, path="webhooks", hint=hint, related=[(Span(shown), "the delivery")])
        ]
    return []


def _golden(workspace: Workspace, path: Any) -> Mapping[str, Any]:
    data = read(path, workspace.format_path(path)).data
    if not isinstance(data, Mapping) or not isinstance(data.get("events", []), list):
        raise ConfigurationError("it is no golden result of a delivery")
    return data


def _compare_with_golden(
    result: Judgement, effective: Effective, golden: Mapping[str, Any], span: Span, base: DeliveryOutcome | None
) -> None:
    outcome = result.outcome
    assert isinstance(outcome, DeliveryOutcome)  # noqa: S101 - what a delivery gives
    now = _plain(golden_of(outcome))
    kept = golden.get("events") or []
    result.comparison = held = compare_events(kept, now["events"])
    parts = [part for part in (*_PARTS, "refused") if golden.get(part) != now.get(part)]
    if held.equal and not parts:
        result.golden = "same"
        return
    if base is not None:  # what differs by this account's overrides alone is none of the golden's business
        before = _plain(golden_of(base))
        below = compare_events(kept, before["events"])
        if below.equal and not any(golden.get(p) != before.get(p) for p in parts):
            result.golden = "overridden"
            return
        held = held.intersect(below)
    result.golden = "changed"
    update = "if this is wanted: conn test --update, and review the golden's diff"
    for part in parts:
        message = f"{part} is {_short(now.get(part))}, the golden says {_short(golden.get(part))}"
        result.findings.append(diagnostic("TST105", message, span, hint=update))
    for (name, kind), count in sorted(held.by_field().items()):
        message = f"{name or 'the event'} {kind.replace('_', ' ')} in {count} event(s)"
        where, path = _place(effective, now["events"], name)
        result.findings.append(
            diagnostic("TST101", message, where or span, path=path, related=[(span, "the golden result")], hint=update)
        )
    for label, keys in (("missing", held.gone), ("new", held.new)):
        if keys:
            message = f"{len(keys)} event(s) {label}: {', '.join(keys[:5])}"
            result.findings.append(diagnostic("TST101", message, span, hint=update))
    if held.reordered:
        result.findings.append(diagnostic("TST101", "the events come in another order", span, hint=update))


def compare_events(before: Sequence[Any], after: Sequence[Any]) -> RecordComparison:
    """Compare events by `id`; in their order where an id is another: it then is a difference like any."""
    ids = [[row.get("id") for row in rows if isinstance(row, Mapping)] for rows in (before, after)]
    if ids[0] == ids[1] or len(before) != len(after):
        return compare_records(before, after)
    return compare_records([_rename_id(row) for row in before], [_rename_id(row) for row in after])


def compare_replies(before: Outcome, after: Outcome) -> list[str]:
    """What of the answer to a delivery differs: `reply`, `proved`, `challenge`. Nothing for what is no delivery, or
    ended with an error."""
    if not isinstance(before, DeliveryOutcome) or not isinstance(after, DeliveryOutcome):
        return []
    if before.error is not None or after.error is not None:
        return []
    old, new = golden_of(before), golden_of(after)
    return [part for part in _PARTS if old[part] != new[part]]


def _rename_id(event: Any) -> Any:
    if not isinstance(event, Mapping):
        return event
    return {("event_id" if name == "id" else name): value for name, value in event.items()}


def _place(effective: Effective, events: Sequence[Any], field_name: str) -> tuple[Span | None, str]:
    """The line that sets a field of an event, and its path."""
    kinds = {event.get("type") for event in events if isinstance(event, Mapping)}
    for name, record, operation in _find_mapped_events(effective):
        if f"{name.model}.{record}.{name.action}" not in kinds:
            continue
        path: tuple[str | int, ...] = name.path
        if field_name.startswith("data."):
            path = (*operation, "response_mapping", *field_name.split(".")[1:])
        origin = origin_of(effective, path)
        return (origin.span if origin else None), format_path(path)
    path = ("webhooks", "events", *(field_name.split(".")[:1] if field_name in ("occurred_at",) else ()))
    return effective.span(path), format_path(path)


def _find_mapped_events(effective: Effective) -> list[tuple[EventName, str, tuple[str | int, ...]]]:
    """Each unified event, the record that it is of, and the path of the operation that maps it."""
    rows = []
    for name, told in effective.events:
        try:
            operation, record = record_behind(effective, name, told)
        except ConnError:
            continue
        rows.append((name, record, operation.path))
    return rows


def _schemas(workspace: Workspace, effective: Effective, outcome: DeliveryOutcome, shown: str) -> list[Diagnostic]:
    """MAP301 for each event whose record breaks its model. Of what was deleted there may be no more than an id."""
    findings = []
    for name, record, operation in _find_mapped_events(effective):
        kind = f"{name.model}.{record}.{name.action}"
        records = [event["data"] for event in outcome.records if event["type"] == kind and event["data"] is not None]
        path = schema_path(workspace.models, name.model, record) if records and name.action != "deleted" else None
        for violation in check_records(path, records) if path is not None else ():
            where = (*operation, "response_mapping", *(violation.path.split(".") if violation.path else ()))
            origin = origin_of(effective, where)
            findings.append(
                diagnostic(
                    "MAP301",
                    f"{violation.path or 'the record'} {violation.message} ({violation.records} of {len(records)} "
                    f"events {kind})",
                    origin.span if origin else Span(shown),
                    path=format_path(where),
                    hint=violation.fix or f"conn schema {name.model}.{record} shows what the model says",
                )
            )
    return findings


def _report_unused(case: DeliveryCase, outcome: DeliveryOutcome, shown: str) -> list[Diagnostic]:
    if not outcome.unused or authors_fault(outcome.error):
        return []
    message = f"{outcome.unused} of {len(case.delivery.exchanges)} recorded exchanges were never asked for"
    hint = "the delivery is older than the configuration: record it again, or take them out"
    return [diagnostic("REC103", message, Span(shown), hint=hint)]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
