"""Findings about the recorded cases of one operation taken together: values that none of them has."""

from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.config import Effective, format_place
from conn_engine.diagnostics import Diagnostic, Span, diagnostic, did_you_mean, pluralize
from conn_engine.runtime.endings import setting_path
from conn_engine.runtime.places import blame_rerouting, origin_of
from conn_engine.runtime.unified import vendor_behind
from conn_engine.testing.cases import recorded_call
from conn_engine.testing.coverage import measure
from conn_engine.testing.judgement import Verdict

__all__ = ["find_emptied_fields", "find_empty_fields", "find_missing_keys"]


def find_empty_fields(results: Sequence[Verdict], effective: Effective) -> list[Diagnostic]:
    """Report MAP201 for each mapped field that is empty in every record of every case of one operation."""
    covered = [result for result in results if result.coverage is not None and result.coverage.records]
    if not covered or not any(not result.outcome.whole for result in covered):
        return []  # the single record of a get is not enough to judge a field
    findings = []
    total = sum(result.coverage.records for result in covered if result.coverage)
    for name in sorted({name for result in covered if result.coverage for name in result.coverage.seen}):
        if any(result.coverage.seen.get(name, 0) for result in covered if result.coverage):
            continue
        if _fails_everywhere(covered, name):
            continue
        first = covered[0]
        path = (*first.case.name.path, "response_mapping", *name.split("."))
        origin = origin_of(effective, path)
        if origin is not None and origin.level != "base" and origin.value is None:
            continue  # an override removes the field
        finding = diagnostic(
            "MAP201",
            f"{name} is empty in {total} of {pluralize(total, 'record')}",
            origin.span if origin else Span(str(first.case.path.name)),
            path=format_place(path),
            hint=_reading_hint(first, effective, name),
        )
        findings.append(blame_rerouting(effective, first.case.name, finding))
    return findings


def find_emptied_fields(results: Sequence[Verdict], effective: Effective) -> list[Diagnostic]:
    """Report MAP133 for each field that an override's expression leaves empty in every record of every case of one
    operation, although the levels below fill it."""
    covered = [result for result in results if result.coverage is not None and result.below is not None]
    records = [record for result in covered for record in result.outcome.records]
    fields = sorted({name for result in covered if result.coverage for name in result.coverage.seen})
    counts = measure(fields, records).seen
    below = measure(fields, [record for result in covered if result.below for record in result.below.records])
    findings = []
    emptied = (name for name in fields if records and below.seen[name] and not counts[name])
    for name in (name for name in emptied if not _fails_everywhere(covered, name)):
        path = (*covered[0].case.name.path, "response_mapping", *name.split("."))
        origin = origin_of(effective, path)
        if origin is None or origin.level == "base" or origin.value is None:
            continue  # an override removes the field
        command = f"conn record {covered[0].case.name.text} --account {effective.account or 'ACCOUNT'} --own"
        findings.append(
            diagnostic(
                "MAP133",
                f"this override empties {name}, which is set in {below.seen[name]} of "
                f"{pluralize(below.records, 'record')} without it",
                origin.span,
                path=format_place(path),
                hint=f"{_reading_hint(covered[0], effective, name) or 'correct the expression'}; to remove the field, "
                f"write null; if the recording lacks values that the account's records have, record its own: {command}",
            )
        )
    return findings


def _fails_everywhere(results: Sequence[Verdict], name: str) -> bool:
    """Return whether a field is empty because its expression fails on every record, which MAP204 reports."""
    problems = (problem for result in results for problem in result.outcome.problems if problem.field == name)
    failing = sum(problem.records for problem in problems)
    return 0 < sum(len(result.outcome.records) for result in results) <= failing


def find_missing_keys(results: Sequence[Verdict], effective: Effective) -> list[Diagnostic]:
    """Report PAG104 for each pagination setting whose key is in no recorded response of one operation."""
    ended = [result for result in results if result.outcome.completeness is not None and result.outcome.raw]
    ended = [result for result in ended if not result.outcome.whole]
    verdicts = [result.outcome.completeness for result in ended if result.outcome.completeness is not None]
    if not verdicts or len(ended) < sum(not result.outcome.whole and result.outcome.pages > 0 for result in results):
        return []  # a recording that is cut off, or has no records, does not show it
    operation = vendor_behind(effective, ended[0].case.name, recorded_call(ended[0].case.recording))
    findings = []
    for setting in (name for name in verdicts[0].settings if all(name in verdict.settings for verdict in verdicts)):
        path = setting_path(operation, setting)
        message = f"`{setting}` names a key that no recorded response of {operation.text} has"
        reason = next((verdict.reason for verdict in verdicts if setting in verdict.reason), "")
        findings.append(
            diagnostic(
                "PAG104",
                message,
                effective.span(path),
                path=format_place(path),
                hint=f"correct the key: {reason}"
                if reason
                else f"correct the key, or record at least two pages: conn record {ended[0].case.name.text}",
            )
        )
    return findings


def _reading_hint(result: Verdict, effective: Effective, field_name: str) -> str:
    name = result.case.name
    operation = effective.get_unified(name.model, name.resource, name.method)
    mapping = effective.response_mapping(name.model, name.resource, name.method) if operation is not None else None
    if operation is None or mapping is None or operation.each == "page":
        return ""
    reads_of = mapping.reads().get(field_name, frozenset())
    paths = sorted((path for path in reads_of if path[0] == "response" and len(path) > 1), key=str)
    if not paths:
        return ""
    reads = [part for part in paths[0] if isinstance(part, str)]
    level: Any = next((raw for raw in result.outcome.raw if isinstance(raw, Mapping)), {})
    for part in reads[1:-1]:
        level = level.get(part) if isinstance(level, Mapping) else None
        level = next(iter(level), None) if isinstance(level, list) else level
    keys = [str(key) for key in level] if isinstance(level, Mapping) else []
    near = did_you_mean(str(reads[-1]), [key for key in keys if key != reads[-1]]) if reads[-1] not in keys else ""
    path = f"{'.'.join(reads)}{f' ({near})' if near else ''}"
    if not keys or reads[-1] in keys:
        return f"check the expression, which reads {path}"
    return f"correct the expression: it reads {path}, but the response has {', '.join(keys[:8])}"
