"""Apply a response mapping so that a field whose expression fails on a record is empty there, and report these fields.

Which fields must not fail: `id`, those that the unified model requires (or parts of them), those with `on_error: fail`,
and all fields of a mapping that is evaluated for a page. A mapping that is one expression always fails as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName, Path_, format_place
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, pluralize
from conn_engine.errors import ExpressionError
from conn_engine.expressions import KnownColumns, LeafFailures
from conn_engine.expressions import Mapping as ResponseMapping
from conn_engine.runtime.body_schemas import SchemaPlace
from conn_engine.runtime.places import expression_span
from conn_engine.secrets import Redactor
from conn_engine.wire import FieldProblem

__all__ = [
    "apply_response_mapping",
    "describe_problem",
    "find_failing_fields",
    "find_fields_due_to_null",
    "is_strict",
    "log_problems",
    "merge_problems",
    "to_row",
]

_MOST_IDS = 5
_MOST_CHARACTERS = 100
_MOST_NUMBER = 10**30
"""An ID that is longer, or an object, is not repeated: it would be copied for each field."""
_WRONG_ARGUMENT = "T0410"
"""Its hint is about null, which is not the reason here."""
Problems = tuple[FieldProblem, ...]


def apply_response_mapping(  # noqa: PLR0917
    effective: Effective,
    name: OperationName,
    mapping: ResponseMapping,
    scopes: Sequence[Mapping[str, Any]],
    conditions: Conditions,
    page: int | None = 1,
    *,
    known: KnownColumns | None = None,
) -> tuple[list[Any], Problems]:
    """Return the mapping's result for each scope, and the fields whose expressions fail on some of them. `page` is the
    number of the page, None for a single record.

    Raises ExpressionError for a field that must not fail, with its path in the configuration.
    """
    at = format_place((*name.path, "response_mapping"))
    failures = LeafFailures(cache(partial(is_strict, effective, name)))  # a leaf may fail on each record of the page
    try:
        values = mapping.apply(scopes, conditions, known=known, failures=failures)
    except ExpressionError as error:
        error.at = f"{at}.{error.at}" if error.at else at
        raise
    rows = ((field, failure, failure.indexes) for field, failure in failures.by_field.items())
    return values, tuple(
        FieldProblem(
            field=field,
            records=len(indexes),
            first_ids=tuple(_identify(values[index], index, page) for index in indexes[:_MOST_IDS]),
            message=failure.error.message,
            hint="" if failure.error.code == _WRONG_ARGUMENT else failure.error.hint,
            at=f"{at}.{field}",
            text=failure.error.text,
            offset=failure.error.offset,
            token=failure.error.token,
        )
        for field, failure, indexes in rows
    )


def find_fields_due_to_null(
    effective: Effective, name: OperationName, scopes: Sequence[Mapping[str, Any]], conditions: Conditions
) -> list[Diagnostic]:
    """Return MAP206 for each field that is empty in some of the records, but not in all, because a value that its
    expression uses is null. The author of a new mapping may not expect that."""
    mapping = effective.response_mapping(name.model, name.resource, name.method)
    failures = LeafFailures(cache(partial(is_strict, effective, name)))
    try:
        values = [] if mapping is None else mapping.apply(scopes, conditions, failures=failures)
    except ExpressionError:
        return []  # reported as the error of the mapping
    found = []
    for field, failure in failures.due_to_null.items():
        indexes, error = failure.indexes, failure.error
        if 1 < len(values) == len(indexes):
            continue  # MAP201 reports it
        error.at = f"{format_place((*name.path, 'response_mapping'))}.{field}"
        ids = ", ".join(_identify(values[index], index, 1) for index in indexes[:_MOST_IDS])
        more = ", …" if len(indexes) > _MOST_IDS else ""
        total = pluralize(len(values), "record")
        message = (
            f"{field} is empty in {len(indexes):,} of {total} (first id={ids}{more}): its expression fails on null"
        )
        hint = "if it should have a value there, write a condition: response.x ? $uppercase(response.x) : 'none'"
        span, _ = expression_span(effective, error)
        found.append(diagnostic("MAP206", message, span, path=error.at, hint=hint, severity=Severity.INFO))
    return found


def _identify(value: Any, index: int, page: int | None) -> str:
    identifier = value.get("id") if isinstance(value, dict) else None
    if isinstance(identifier, str):
        return identifier if len(identifier) <= _MOST_CHARACTERS else f"{identifier[:_MOST_CHARACTERS]}…"
    if isinstance(identifier, int | float) and abs(identifier) < _MOST_NUMBER:
        return str(identifier)
    return "the record" if page is None else f"record {index + 1} of page {page}"


def is_strict(effective: Effective, name: OperationName, field: Path_) -> bool:
    """Return whether the expression of a field of the response mapping must not fail."""
    operation = effective.get_unified(name.model, name.resource, name.method)
    if operation is None or operation.each == "page" or field[0] == "id":
        return True
    if _find_policy(operation.on_error, field) == "fail":
        return True
    schema = effective.schemas.find_record(name.model, operation.record or name.resource)
    return schema is not None and _is_required([SchemaPlace(schema, schema)], field)


def _find_policy(policy: Any, field: Path_) -> Any:
    """Return what `on_error` sets for a field: the entry of the field, or of the nearest object that it is part of."""
    if not isinstance(policy, dict):
        return policy
    names = [".".join(map(str, field[:length])) for length in range(len(field), 0, -1)]
    return next((policy[name] for name in names if name in policy), None)


def _is_required(places: Iterable[SchemaPlace], field: Path_) -> bool:
    """Return whether the schema requires a field, or an object that it is part of."""
    if not field:
        return False
    key, rest = field[0], field[1:]
    if isinstance(key, int):
        return _is_required([item for place in places for item in place.items()], rest)
    places = list(places)
    if any(key in place.find_required_names() for place in places):
        return True
    return _is_required([child for place in places for child in place.find_children(key)], rest)


def merge_problems(*groups: Iterable[FieldProblem]) -> Problems:
    """Return the problems of several pages or records as one per field."""
    merged: dict[str, FieldProblem] = {}
    for problem in chain.from_iterable(groups):
        first = merged.get(problem.at)
        if first is not None:
            ids = (*first.first_ids, *problem.first_ids)[:_MOST_IDS]
            problem = replace(first, records=first.records + problem.records, first_ids=ids)  # noqa: PLW2901
        merged[problem.at] = problem
    return tuple(merged.values())


def describe_problem(problem: FieldProblem, total: int | None = None) -> str:
    """Describe on which records a field fails, of a `total` number if that is known. A step or the mapping may have
    dropped records since."""
    if total is None or total < problem.records:
        records = pluralize(problem.records, "record")
    else:
        records = f"{problem.records:,} of {pluralize(total, 'record')}"
    ids = ", ".join(problem.first_ids) + (", …" if problem.records > len(problem.first_ids) else "")
    return f"{problem.field} fails on {records} (first id={ids}): {problem.message}"


def to_row(problem: FieldProblem) -> dict[str, Any]:
    """Return a problem as data for callers of the library, without the expression."""
    return {
        "field": problem.field,
        "records": problem.records,
        "first_ids": list(problem.first_ids),
        "message": problem.message,
    }


def log_problems(name: str, problems: Iterable[FieldProblem], total: int, redactor: Redactor) -> None:
    """Log the fields that fail, for callers that receive only records."""
    for problem in problems:
        import logging

        text = redactor.text(f"{name}: {describe_problem(problem, total)}; the field is empty there")
        printable = "".join(letter if letter.isprintable() else "?" for letter in text)  # it may have a record's value
        logging.getLogger("conn_engine").warning("%s", printable)


def find_failing_fields(
    effective: Effective,
    problems: Iterable[FieldProblem],
    total: int,
    *,
    severity: Severity = Severity.ERROR,
) -> list[Diagnostic]:
    """Return MAP204 for each field that is empty in some of the `total` records, because its expression fails."""
    found = []
    for problem in sorted(problems, key=lambda one: -one.records):
        error = ExpressionError(
            problem.message, text=problem.text, offset=problem.offset, token=problem.token, at=problem.at
        )
        span, _ = expression_span(effective, error)
        hint = problem.hint or "correct the expression for these records"
        found.append(
            diagnostic(
                "MAP204",
                describe_problem(problem, total),
                span,
                path=problem.at,
                hint=f"{hint}; to end the run instead, set on_error: {{{problem.field}: fail}}",
                severity=severity,
            )
        )
    return found
