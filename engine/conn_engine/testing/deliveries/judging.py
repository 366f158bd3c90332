"""Judges a replayed delivery: whether it was accepted, whether the reply and the events equal the golden's, and whether
the events' records satisfy their models. `replaying` replays it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.config import Effective, EventName, OperationName, Workspace, find_own_fields, format_place
from conn_engine.diagnostics import Diagnostic, Span, diagnostic, pluralize
from conn_engine.documents import read_document
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.field_problems import find_failing_fields
from conn_engine.runtime.model_schemas import check_records, schema_path
from conn_engine.runtime.places import error_finding, origin_of
from conn_engine.runtime.webhooks.events import record_behind
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import RecordComparison, compare_records
from conn_engine.testing.deliveries.cases import DeliveryCase, golden_of
from conn_engine.testing.deliveries.replaying import DeliveryOutcome
from conn_engine.testing.judgement import Verdict, authors_fault
from conn_engine.testing.wording import (
    ACCEPT_CHANGE,
    CHANGES,
    UNREADABLE_GOLDEN,
    describe_presence,
    describe_unused,
)

__all__ = ["compare_events", "compare_replies", "judge_delivery"]

_PARTS = ("reply", "proved", "challenge")


def judge_delivery(
    workspace: Workspace,
    effective: Effective,
    case: DeliveryCase,
    outcome: DeliveryOutcome,
    base: DeliveryOutcome | None = None,
) -> Verdict:
    """Judge one outcome. `base` is the outcome of the same delivery without the account's levels, for attribution."""
    result = Verdict(case, outcome)
    path = case.golden if case.golden.is_file() else case.base_golden
    path_text = workspace.format_path(case.path)
    result.findings += _judge_acceptance(effective, case, outcome, path_text)
    if result.findings:
        return result  # further findings would only repeat it
    try:
        golden = _golden(workspace, path) if path.is_file() else None
    except ConfigurationError as error:
        message = f"the golden result cannot be read: {error.message}"
        span = Span(workspace.format_path(path))
        result.findings.append(diagnostic("TST101", message, span, hint=UNREADABLE_GOLDEN))
        return result
    if golden is None:
        hint = f"review the result, then save it: conn test webhooks {case.name.method} --update"
        message = f"{case.name.text} has no golden result"
        result.findings.append(diagnostic("TST103", message, Span(path_text), hint=hint))
    else:
        has_own_golden = path == case.golden and effective.account is not None
        _compare_with_golden(
            result, effective, golden, Span(workspace.format_path(path)), None if has_own_golden else base
        )
    result.findings += _schemas(workspace, effective, outcome, path_text)
    result.findings += find_failing_fields(effective, outcome.problems, len(outcome.records))
    result.findings += _report_unused(case, outcome, path_text)
    return result


def _judge_acceptance(
    effective: Effective, case: DeliveryCase, outcome: DeliveryOutcome, path_text: str
) -> list[Diagnostic]:
    is_refusal_expected = case.delivery.refused
    where = effective.span(case.name.path) or Span(path_text)
    if outcome.refusal is not None:
        if is_refusal_expected:
            return []
        message = f"the delivery is refused: {outcome.refusal.message}"
        hint = (
            outcome.refusal.hint
            or "correct `webhooks.verify`; if the delivery is meant to be refused, set `refused: true` in its file"
        )
        return [
            diagnostic(
                "RUN401", message, where, path="webhooks", hint=hint, related=[(Span(path_text), "the delivery")]
            )
        ]
    if outcome.error is not None:
        return [error_finding(effective, case.name, outcome.error, path_text)]
    if is_refusal_expected:
        message = "the delivery is accepted, although its file sets `refused: true`"
        hint = "correct `webhooks.verify`: anybody could send a delivery like this one"
        return [
            diagnostic(
                "RUN401", message, where, path="webhooks", hint=hint, related=[(Span(path_text), "the delivery")]
            )
        ]
    return []


def _golden(workspace: Workspace, path: Any) -> Mapping[str, Any]:
    data = read_document(path, workspace.format_path(path)).data
    if not isinstance(data, Mapping) or not isinstance(data.get("events", []), list):
        raise ConfigurationError("it is not a golden result of a delivery")
    return data


def _compare_with_golden(
    result: Verdict, effective: Effective, golden: Mapping[str, Any], span: Span, base: DeliveryOutcome | None
) -> None:
    outcome = result.outcome
    assert isinstance(outcome, DeliveryOutcome)  # noqa: S101 - what a delivery gives
    now = _plain(golden_of(outcome))
    expected = golden.get("events") or []
    result.comparison = difference = compare_events(expected, now["events"])
    parts = [part for part in (*_PARTS, "refused") if golden.get(part) != now.get(part)]
    if difference.equal and not parts:
        result.golden = "same"
        return
    if base is not None:  # a difference that only the account's overrides cause does not break the golden
        before = _plain(golden_of(base))
        below = compare_events(expected, before["events"])
        if below.equal and not any(golden.get(p) != before.get(p) for p in parts):
            result.golden = "overridden"
            return
        difference = difference.intersect(below)
    result.golden = "changed"
    for part in parts:
        message = f"{part} is {_short(now.get(part))}, but {_short(golden.get(part))} in the golden"
        result.findings.append(diagnostic("TST105", message, span, hint=ACCEPT_CHANGE))
    for (name, kind), count in sorted(difference.by_field().items()):
        message = f"{name or 'the event'} {CHANGES[kind]} in {pluralize(count, 'event')}"
        where, path = _place(effective, now["events"], name)
        result.findings.append(
            diagnostic(
                "TST101",
                message,
                where or span,
                path=path,
                related=[(span, "the golden result")],
                hint=ACCEPT_CHANGE,
            )
        )
    messages = list(describe_presence(difference, "event"))
    if difference.reordered:
        messages.append("the events are in a different order")
    result.findings += [diagnostic("TST101", message, span, hint=ACCEPT_CHANGE) for message in messages]


def compare_events(before: Sequence[Any], after: Sequence[Any]) -> RecordComparison:
    """Compare events by `id`, or by position if ids differ: the id then is a difference like any other."""
    ids = [[row.get("id") for row in rows if isinstance(row, Mapping)] for rows in (before, after)]
    if ids[0] == ids[1] or len(before) != len(after):
        return compare_records(before, after)
    return compare_records([_rename_id(row) for row in before], [_rename_id(row) for row in after])


def compare_replies(before: Outcome, after: Outcome) -> list[str]:
    """Return which parts of the replies to a delivery differ: `reply`, `proved`, `challenge`. An operation, or a
    delivery that ended with an error, has none."""
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
    """Find the line that sets a field of an event, and its path."""
    kinds = {event.get("type") for event in events if isinstance(event, Mapping)}
    for name, record, operation in _find_mapped_events(effective):
        if f"{name.model}.{record}.{name.action}" not in kinds:
            continue
        path: tuple[str | int, ...] = name.path
        if field_name.startswith("data."):
            path = (*operation.path, "response_mapping", *field_name.split(".")[1:])
        origin = origin_of(effective, path)
        return (origin.span if origin else None), format_place(path)
    path = ("webhooks", "events", *(field_name.split(".")[:1] if field_name in ("occurred_at",) else ()))
    return effective.span(path), format_place(path)


def _find_mapped_events(effective: Effective) -> list[tuple[EventName, str, OperationName]]:
    """Return each unified event with its record and the operation that maps it."""
    rows = []
    for name, event in effective.events:
        try:
            operation, record = record_behind(effective, name, event)
        except ConnError:
            continue
        rows.append((name, record, operation))
    return rows


def _schemas(workspace: Workspace, effective: Effective, outcome: DeliveryOutcome, path_text: str) -> list[Diagnostic]:
    """Report MAP301 for each event whose record breaks its model. A deleted record may have only an id."""
    findings = []
    for name, record, operation in _find_mapped_events(effective):
        kind = f"{name.model}.{record}.{name.action}"
        records = [event["data"] for event in outcome.records if event["type"] == kind and event["data"] is not None]
        path = schema_path(workspace.models, name.model, record) if records and name.action != "deleted" else None
        own = find_own_fields(effective, operation)
        for violation in check_records(path, records, own) if path is not None else ():
            where = (*operation.path, "response_mapping", *(violation.path.split(".") if violation.path else ()))
            origin = origin_of(effective, where)
            findings.append(
                diagnostic(
                    "MAP301",
                    f"{violation.path or 'the record'} {violation.message} ({violation.records} of {len(records)} "
                    f"events {kind})",
                    origin.span if origin else Span(path_text),
                    path=format_place(where),
                    hint=violation.fix or f"correct the mapping; to see the model: conn schema {name.model}.{record}",
                )
            )
    return findings


def _report_unused(case: DeliveryCase, outcome: DeliveryOutcome, path_text: str) -> list[Diagnostic]:
    if not outcome.unused or authors_fault(outcome.error):
        return []
    message = describe_unused(outcome.unused, len(case.delivery.exchanges))
    hint = "record the delivery again, or remove the exchanges from its file: it is older than the configuration"
    return [diagnostic("REC103", message, Span(path_text), hint=hint)]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
