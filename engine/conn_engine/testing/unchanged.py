"""Checks that an operation behaves the same with personal data replaced (the same requests, and a result of the same
shape), and that a written file contains none."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from conn_engine.diagnostics import Span, diagnostic, pluralize
from conn_engine.documents import read_regular, remove_file
from conn_engine.errors import ConfigurationError
from conn_engine.personal import PersonalValues, Replacements, find_values, fold_case
from conn_engine.recordings.files import MAX_BYTES
from conn_engine.testing.cases import Outcome

__all__ = ["check_file", "check_unchanged", "refuse_personal", "refuse_values"]


def check_unchanged(
    before: Outcome, after: Outcome, replacements: Replacements, values: PersonalValues, file: str
) -> None:
    """Raise ConfigurationError (REC005) if a replay with replacements behaves differently."""
    fault = next(_differences(before, after, replacements, values.named), None)
    if fault is not None:
        refuse_personal(file, f"with personal data replaced, {fault}")


def check_file(path: Path, within: Path | None, check: Callable[[str], None]) -> None:
    """Pass the text of a written file to `check`; if that raises ConfigurationError, remove the file."""
    try:
        check(read_regular(path, MAX_BYTES).decode("utf-8", "replace"))
    except ConfigurationError:
        remove_file(path, within)
        raise


def refuse_values(file: str, text: str, values: PersonalValues, *, changes: bool) -> None:
    """Raise ConfigurationError (REC005) if a string still contains a value, or if replacing values again `changes` the
    data."""
    kinds = find_values(text, values)
    if kinds or changes:
        refuse_personal(file, f"it still contains personal data ({', '.join(kinds) or 'in an encoded form'})")


def refuse_personal(file: str, problem: str) -> NoReturn:
    """Raise ConfigurationError (REC005): the file is not written."""
    hint = "record other data, or keep the original with --keep-personal-data (conn explain REC005)"
    finding = diagnostic("REC005", problem, Span(file), hint=hint)
    raise ConfigurationError(f"{file} was not written: {problem}", hint=hint, findings=[finding])


def _differences(
    before: Outcome, after: Outcome, replacements: Replacements, named_texts: frozenset[str]
) -> Iterator[str]:
    if _failure(before) != _failure(after):
        how = f"ends with: {after.error.message}" if after.error is not None else "no longer fails"
        yield f"the operation {how}"
    requests = [[(request.method, request.status) for request in outcome.sent] for outcome in (before, after)]
    if requests[0] != requests[1] or before.unused != after.unused:
        yield f"the operation sends different requests ({len(requests[1])} instead of {len(requests[0])})"
    if len(before.records) != len(after.records):
        yield f"the operation returns {pluralize(len(after.records), 'record')} instead of {len(before.records)}"
    for number, (record, changed_record) in enumerate(zip(before.records, after.records, strict=False), 1):
        place = next(_unlike_places(record, changed_record, replacements, named_texts, ""), None)
        if place is not None:
            yield f"record {number} has a different shape{f' at {place}' if place else ''}"


def _failure(outcome: Outcome) -> tuple[type, str]:
    return type(outcome.error), getattr(outcome.error, "kind", getattr(outcome.error, "code", ""))


def _unlike_places(
    value: Any, other: Any, replacements: Replacements, named_texts: frozenset[str], place: str
) -> Iterator[str]:
    """Yield the places where two values differ in more than their strings and numbers, or in strings that the connector
    names: its expressions then chose another one."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        names = {replacements.change_key(str(name)): name for name in value}
        if names.keys() != other.keys():
            yield place
            return
        for replaced, name in names.items():
            below = f"{place}.{name}".lstrip(".")
            yield from _unlike_places(value[name], other[replaced], replacements, named_texts, below)
    elif isinstance(value, list) and isinstance(other, list):
        if len(value) != len(other):
            yield place
        for item, other_item in zip(value, other, strict=False):
            yield from _unlike_places(item, other_item, replacements, named_texts, place)
    elif type(value) is not type(other) or isinstance(value, bool):
        if value is not other:
            yield place
    elif isinstance(value, str) and value != other and {fold_case(value), fold_case(other)} <= named_texts:
        yield place
