"""Judges a replayed case: golden records and requests, the model's schema, mapping coverage, unused exchanges.

Every problem is a Diagnostic on the line that caused it. `testing.cases` replays; the caller prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from conn_engine.config import Effective, OperationName, VendorOperation, Workspace, format_place
from conn_engine.config.inheritance import find_setting_path
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic, did_you_mean, pluralize
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, ConnError, MissingRecording, UsageError, VendorError
from conn_engine.listing.incremental import SyncToken
from conn_engine.runtime.endings import find_incompleteness
from conn_engine.runtime.field_problems import find_failing_fields, find_fields_due_to_null
from conn_engine.runtime.model_check import ModelCheck
from conn_engine.runtime.places import blame_rerouting, error_finding, origin_of, overriding_leaf
from conn_engine.runtime.state_tracking import find_unread_record_cursor
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.testing.answers import judge_answers
from conn_engine.testing.cases import Case, Outcome, recorded_call
from conn_engine.testing.compare import RecordComparison, RequestChange, compare_records, compare_requests
from conn_engine.testing.coverage import Coverage, measure
from conn_engine.testing.field_readers import FieldReaders
from conn_engine.testing.golden_form import (
    error_document,
    has_credentials,
    plain,
    read_golden,
    requests_to_compare,
    verdict_document,
    way_back,
)
from conn_engine.testing.refusals import find_credential_refusal
from conn_engine.testing.request_findings import find_other_requests, shorten
from conn_engine.testing.vendor_records import VendorRecords
from conn_engine.testing.wording import ACCEPT_CHANGE, CHANGES, UNREADABLE_GOLDEN, describe_presence, describe_unused

__all__ = ["Verdict", "authors_fault", "judge", "judge_live", "measure_outcome"]

GoldenState = Literal["same", "changed", "absent", "overridden"]


@dataclass(slots=True)
class Verdict:
    """The verdict on one case. The golden is `overridden` if only the account's overrides cause the difference.

    `shared` is the verdict on the same case without the account, if the account has no valid golden of its own. `below`
    is the outcome of the levels below, if the account has no golden of its own. `outdated` means that the golden does
    not list the headers with credentials yet.
    """

    case: Case
    outcome: Outcome
    findings: list[Diagnostic] = field(default_factory=list)
    comparison: RecordComparison | None = None
    requests: list[RequestChange] = field(default_factory=list)
    coverage: Coverage | None = None
    golden: GoldenState = "absent"
    schema: str = ""
    places: dict[str, str] = field(default_factory=dict)
    shared: "Verdict | None" = None
    below: Outcome | None = None
    outdated: bool = False

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def judge(
    workspace: Workspace, effective: Effective, case: Case, outcome: Outcome, base: Outcome | None = None
) -> Verdict:
    """Judge one outcome. `base` is the outcome of the same case without the account's levels, for attribution."""
    result = Verdict(case, outcome, below=base)
    golden_path = case.golden if case.golden.is_file() else case.base_golden
    try:
        golden = read_golden(workspace, golden_path)
    except ConfigurationError as error:
        result.findings.append(_report_unreadable_golden(error, workspace.format_path(golden_path)))
        return result
    if outcome.error is not None and not _is_expected(golden, outcome.error):
        path_text = workspace.format_path(case.path)
        as_below = base is not None and base.failure == outcome.failure
        finding = error_finding(effective, case.name, outcome.error, path_text, as_below=as_below)
        if isinstance(outcome.error, MissingRecording):
            leaf = overriding_leaf(effective, case.name) if base is not None and base.error is None else None
            if leaf is not None and finding.span == Span(path_text):
                finding = replace(finding, span=leaf.span, related=((Span(path_text), "the recording"),))
            finding = replace(
                finding, hint=f"{finding.hint}; {_suggest_record_command(effective, case, base)}".lstrip("; ")
            )
        elif golden is None and not authors_fault(outcome.error):  # what helps a live run does not help a replay
            finding = replace(finding, hint=f"if this error is the expected result, save it: {_format_update(case)}")
        result.findings.append(finding)
    if not authors_fault(outcome.error):  # further findings would only repeat that the configuration is broken
        _judge_golden(result, workspace, effective, golden, golden_path, base)
        _judge_schema(result, workspace, effective)
        result.findings += find_failing_fields(effective, outcome.problems, len(outcome.records))
        if golden is None and outcome.conditions is not None:
            result.findings += find_fields_due_to_null(effective, case.name, outcome.scopes, outcome.conditions)
        _judge_coverage(result, effective)
        result.findings.extend(_find_missing_cursor(result, effective))
        result.findings.extend(_warn_of_incomplete_listing(result, effective))
        result.findings.extend(judge_answers(effective, case, workspace.format_path(case.path)))
        refusal = find_credential_refusal(effective, case, outcome)
        result.findings += [] if refusal is None else [refusal]
        if outcome.unused and outcome.error is None:
            result.findings.append(
                diagnostic(
                    "REC103",
                    describe_unused(outcome.unused, len(case.recording.exchanges)),
                    Span(workspace.format_path(case.path)),
                    hint="if pagination stopped too early, correct it; otherwise: conn record "
                    f"{case.name.text} --account {effective.account or 'ACCOUNT'} --force",
                )
            )
    return result


def _suggest_record_command(effective: Effective, case: Case, base: Outcome | None) -> str:
    """Suggest how to record the case again if its requests are right: for the account only, when only it differs."""
    owner = f"--account {effective.account or 'ACCOUNT'}"
    if effective.account is None and case.recording.source != "live":
        owner = f"-c {effective.connector_name} --from-body FILE"
    command = f"conn record {case.name.text} {owner}"
    if case.scenario != "default":
        command += f" --scenario {case.scenario}"
    if effective.account and base is not None and not isinstance(base.error, MissingRecording):
        return f"if the account's overrides should send this request, record its own: {command} --own"
    return f"if the new request is right, record it: {command}{' --own' if case.recording.account else ''} --force"


def _format_update(case: Case) -> str:
    return f"conn test {case.name.text} --update"


def authors_fault(error: ConnError | None) -> bool:
    """Return whether the configuration caused an error; a vendor's error response, in contrast, can be a golden
    result."""
    if isinstance(error, VendorError) and error.kind == "bad_response" and (error.status or 0) < 400:
        return True  # a successful response that cannot be used: pagination or a format is configured wrongly
    return isinstance(error, ConfigurationError | MissingRecording | UsageError)


def judge_live(workspace: Workspace, effective: Effective, case: Case, outcome: Outcome) -> Verdict:
    """Judge the outcome of a live run: schema, coverage and the verdict on a listing. Goldens apply to recordings
    only."""
    result = Verdict(case, outcome)
    if outcome.error is not None:
        result.findings.append(error_finding(effective, case.name, outcome.error, workspace.format_path(case.path)))
    _judge_schema(result, workspace, effective)
    result.findings += find_failing_fields(effective, outcome.problems, len(outcome.records))
    _judge_coverage(result, effective)
    finding = _completeness_finding(effective, result)
    result.findings += [] if finding is None else [finding]
    return result


def _report_unreadable_golden(error: ConfigurationError, file: str) -> Diagnostic:
    span = error.findings[0].span if error.findings else None
    return diagnostic(
        "TST101",
        f"the golden result cannot be read: {error.message}",
        span or Span(file),
        hint=UNREADABLE_GOLDEN,
    )


def _is_expected(golden: Mapping[str, Any] | None, error: ConnError) -> bool:
    return golden is not None and not authors_fault(error) and isinstance(golden.get("error"), Mapping)


def _judge_golden(  # noqa: PLR0917
    result: Verdict,
    workspace: Workspace,
    effective: Effective,
    golden: Mapping[str, Any] | None,
    path: Path,
    base: Outcome | None,
) -> None:
    case, outcome = result.case, result.outcome
    if golden is None:
        if outcome.error is None:  # the finding of an error has the same fix
            result.findings.append(
                diagnostic(
                    "TST103",
                    f"{case.name.text} has no golden result for {case.path.name}",
                    Span(workspace.format_path(case.path)),
                    hint=f"review the result, then save it: {_format_update(case)}",
                )
            )
        return
    result.outdated = not has_credentials(golden)
    expected = golden.get("records") or []
    result.comparison = difference = compare_records(expected, plain(outcome.records))
    result.requests = compare_requests(golden.get("requests") or [], requests_to_compare(golden, outcome))
    back_equal = golden.get("previous", []) == plain(way_back(outcome))
    errors_equal = golden.get("error") == plain(error_document(outcome.error) if outcome.error else None)
    verdict_equal = golden.get("completeness", {}) == plain(verdict_document(outcome))
    rest_equal = errors_equal and back_equal and verdict_equal
    if result.comparison.equal and not result.requests and rest_equal:
        result.golden = "same"
        return
    has_own_golden = path == case.golden and effective.account is not None
    if (
        not has_own_golden and base is not None
    ):  # a difference that only the account's overrides cause does not break the golden
        difference = difference.intersect(compare_records(expected, plain(base.records)))
    is_unbroken = difference.equal and not result.requests and rest_equal
    if not has_own_golden and base is not None and (is_unbroken or _is_caused_by_overrides(golden, base)):
        result.golden = "overridden"
        result.places = _places(result, effective)
        return
    result.golden = "changed"
    result.places = _places(result, effective)
    span = Span(workspace.format_path(path))
    if not errors_equal:
        before, after = golden.get("error"), error_document(outcome.error) if outcome.error else None
        result.findings.append(
            diagnostic("TST104", _describe_error_change(before, plain(after)), span, hint=ACCEPT_CHANGE)
        )
    result.findings += _golden_findings(result, difference, effective, span)
    if not verdict_equal:
        result.findings.append(_report_other_verdict(golden.get("completeness"), verdict_document(outcome), span))
    if not back_equal:
        result.findings.append(_report_other_way_back(golden.get("previous", []), plain(way_back(outcome)), span))
    result.findings += find_other_requests(effective, case, result.requests, span)


def _places(result: Verdict, effective: Effective) -> dict[str, str]:
    """Return the override line that set each changed field, as `accounts/acme.yaml:7`.

    A field that no override maps is attributed to the first override that affects the operation, but only if the levels
    below are known to produce the golden's value.
    """
    if result.comparison is None:
        return {}
    fields = dict.fromkeys(field_name for field_name, _ in result.comparison.by_field())
    fallback = cache(partial(overriding_leaf, effective, result.case.name))
    places = {}
    for name in fields:
        origin = origin_of(effective, (*result.case.name.path, "response_mapping", *name.split(".")))
        if (origin is None or origin.level == "base") and result.golden == "overridden":
            origin = fallback()
        if origin is not None and origin.level != "base":
            places[name] = f"{origin.span.file}:{origin.span.line}"
    return places


def _is_caused_by_overrides(golden: Mapping[str, Any], base: Outcome) -> bool:
    """Return whether the base level still produces the shared golden: the overrides then cause the difference, on
    purpose."""
    error = error_document(base.error) if base.error is not None else None
    if plain(error) != golden.get("error"):
        return False
    same = compare_records(golden.get("records") or [], plain(base.records)).equal
    same = same and golden.get("previous", []) == plain(way_back(base))
    same = same and golden.get("completeness", {}) == plain(verdict_document(base))
    return same and not compare_requests(golden.get("requests") or [], requests_to_compare(golden, base))


def _describe_error_change(before: Any, after: Any) -> str:
    """Describe how two errors differ; if both are present, part by part."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        parts = [part for part in {**before, **after} if before.get(part) != after.get(part)]
        changes = ", ".join(
            f"{part} {shorten(after.get(part))} instead of {shorten(before.get(part))}" for part in parts
        )
        return f"the error differs from the golden: {changes}"
    if after is None:
        return f"the operation succeeds, but the golden has the error {shorten(before)}"
    return f"the operation fails, but the golden has no error: {shorten(after)}"


def _report_other_verdict(before: Any, after: dict[str, Any], golden: Span) -> Diagnostic:
    """Report that the listing is no longer as complete as in the golden, or more so."""
    state, reason = after.get("state", "complete"), after.get("reason", "")
    expected_state = before.get("state", "complete") if isinstance(before, Mapping) else "complete"
    return diagnostic(
        "TST107",
        f"the listing is {state}{f' ({reason})' if reason else ''}, but {expected_state} in the golden",
        golden,
        hint=f"correct `pagination`; {ACCEPT_CHANGE}",
    )


def _report_other_way_back(expected: Any, actual: list[Any], golden: Span) -> Diagnostic:
    """Report the first page whose previous cursor differs."""
    before, after = (rows if isinstance(rows, list) else [rows] for rows in (expected, actual))
    pages = zip_longest(before, after)
    number, (expected_row, actual_row) = next(
        ((index, row) for index, row in enumerate(pages, 1) if row[0] != row[1]), (0, (expected, actual))
    )
    return diagnostic(
        "TST106",
        f"prev_cursor of page {number} is {shorten(actual_row)}, but {shorten(expected_row)} in the golden",
        golden,
        hint=ACCEPT_CHANGE,
    )


def _golden_findings(
    result: Verdict, comparison: RecordComparison, effective: Effective, golden: Span
) -> list[Diagnostic]:
    findings = []
    failing = {problem.field for problem in result.outcome.problems}
    for (name, kind), count in sorted(comparison.by_field().items()):
        if kind == "missing" and name in failing:
            continue  # MAP204 says why
        path = (*result.case.name.path, "response_mapping", *name.split("."))
        origin = origin_of(effective, path) or overriding_leaf(effective, result.case.name)
        findings.append(
            diagnostic(
                "TST101",
                f"{name or 'the record'} {CHANGES[kind]} in {pluralize(count, 'record')}",
                origin.span if origin else golden,
                path=format_place(path),
                related=[(golden, "the golden result")],
                hint=ACCEPT_CHANGE,
            )
        )
    findings = [blame_rerouting(effective, result.case.name, finding) for finding in findings]
    messages = list(describe_presence(comparison, "record"))
    if comparison.reordered:
        messages.append("the records are in a different order")
    return findings + [diagnostic("TST101", message, golden, hint=ACCEPT_CHANGE) for message in messages]


def _judge_schema(result: Verdict, workspace: Workspace, effective: Effective) -> None:
    if not result.outcome.records:
        return
    check = ModelCheck(workspace.models, effective, result.case.name)
    check.add(result.outcome.records)
    result.schema = check.schema
    result.findings += check.findings(Span(workspace.format_path(result.case.path)))


def measure_outcome(effective: Effective, name: OperationName, outcome: Outcome) -> Coverage | None:
    """Measure the coverage of a unified operation's response mapping on its results; None if it has no mapping. Raises
    ExpressionError."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    mapping = effective.response_mapping(name.model, name.resource, name.method) if operation is not None else None
    if operation is None or mapping is None:
        return None
    fields = list(mapping.fields) or _keys(outcome.records)
    if operation.each == "page":  # such a mapping does not show what it reads of each record
        return measure(fields, outcome.records)
    readers = FieldReaders(effective, [name])
    records = [VendorRecords(outcome.scopes, outcome.conditions)] if outcome.conditions is not None else []
    found = readers.find_all(sorted(outcome.vendor_paths()), records)
    return measure(fields, outcome.records, (path for path, names in found.items() if not names))


def _judge_coverage(result: Verdict, effective: Effective) -> None:
    if result.outcome.raw:
        result.coverage = measure_outcome(effective, result.case.name, result.outcome)


def _find_missing_cursor(result: Verdict, effective: Effective) -> list[Diagnostic]:
    """Report MAP202 if no record of an incremental operation has a cursor, or its last page has no token."""
    call = recorded_call(result.case.recording)
    operation = find_operation_behind(effective, result.case.name, call)
    if operation is None:
        return []
    if isinstance(operation.incremental, SyncToken):
        return _find_missing_token(result, effective, operation, operation.incremental)
    field_ = find_unread_record_cursor(operation, result.outcome.raw, effective.conditions)
    if field_ is None:
        return []
    keys = _keys(result.outcome.raw)
    hint = did_you_mean(field_, keys) or f"correct it; the records have {', '.join(keys[:8])}"
    message = f'`record_cursor` "{field_}" matches nothing in {pluralize(len(result.outcome.raw), "recorded record")}'
    return [_report_cursor(effective, operation, "record_cursor", message, hint)]


def _find_missing_token(
    result: Verdict, effective: Effective, operation: VendorOperation, settings: SyncToken
) -> list[Diagnostic]:
    outcome = result.outcome
    verdict = outcome.completeness
    if verdict is None or verdict.state != "complete" or outcome.states[-1] != result.case.recording.call.state:
        return []
    key = "token_field" if settings.url_field is None else "url_field"
    message = f'`{key}` "{settings.url_field or settings.token_field}" matches nothing in the last recorded page'
    return [_report_cursor(effective, operation, key, message, "correct it, or record a response that has the token")]


def _report_cursor(effective: Effective, operation: VendorOperation, key: str, message: str, hint: str) -> Diagnostic:
    path = find_setting_path(effective.data, operation.place, "incremental", "config", key)
    return diagnostic("MAP202", message, effective.span(path), path=format_path(path), hint=hint)


def _warn_of_incomplete_listing(result: Verdict, effective: Effective) -> list[Diagnostic]:
    """Report PAG110 as a warning if the golden accepts an incomplete listing: a live run ends the same way."""
    verdict = result.outcome.completeness
    if result.outcome.whole or verdict is None or verdict.state != "incomplete":
        return []
    finding = _completeness_finding(effective, result)
    if finding is None or any(other.code == "TST107" for other in result.findings):
        return []
    return [replace(finding, severity=Severity.WARNING)]


def _completeness_finding(effective: Effective, result: Verdict) -> Diagnostic | None:
    operation = find_operation_behind(effective, result.case.name, recorded_call(result.case.recording))
    return find_incompleteness(effective, operation, result.outcome.completeness)


def _keys(records: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(key for record in records if isinstance(record, Mapping) for key in record))
