"""Whether an operation does the same with personal data replaced (the same requests, and a result of the same shape),
and whether a written file is free of it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents import read_regular, remove_file
from conn_engine.errors import ConfigurationError
from conn_engine.personal import PersonalValues, Replacements, find_values, fold_case
from conn_engine.recordings.files import MAX_BYTES
from conn_engine.testing.cases import Outcome

__all__ = ["check_file", "check_unchanged", "refuse_personal", "refuse_values"]


def check_unchanged(
    before: Outcome, after: Outcome, replacements: Replacements, values: PersonalValues, file: str
) -> None:
    """Raise ConfigurationError (REC005) where a replay with replacements does something else."""
    fault = next(_differences(before, after, replacements, values.named), None)
    if fault is not None:
        refuse_personal(file, f"with personal data replaced, {fault}")


def check_file(path: Path, within: Path | None, check: Callable[[str], None]) -> None:
    """Give the text of a written file to `check`; where that raises ConfigurationError, the file is removed."""
    try:
        check(read_regular(path, MAX_BYTES).decode("utf-8", "replace"))
    except ConfigurationError:
        remove_file(path, within)
        raise


def refuse_values(file: str, text: str, values: PersonalValues, *, changes: bool) -> None:
    """Raise ConfigurationError (REC005) where a text still has a value, or where to replace them again `changes` the
    data that it is of."""
    kinds = find_values(text, values)
    if kinds or changes:
        refuse_personal(file, f"personal data was still found in it ({', '.join(kinds) or 'in a form that hid it'})")


def refuse_personal(file: str, what: str) -> NoReturn:
    """Raise ConfigurationError (REC005): the file is not written."""
    hint = "--keep-personal-data records it as it came; conn explain REC005 tells what else helps"
    finding = diagnostic("REC005", what, Span(file), hint=hint)
    raise ConfigurationError(f"{file} was not written: {what}", hint=hint, findings=[finding])


def _differences(before: Outcome, after: Outcome, replacements: Replacements, named: frozenset[str]) -> Iterator[str]:
    if _failure(before) != _failure(after):
        how = f"ends with: {after.error.message}" if after.error is not None else "ends without its error"
        yield f"the operation {how}"
    sent = [[(request.method, request.status) for request in outcome.sent] for outcome in (before, after)]
    if sent[0] != sent[1] or before.unused != after.unused:
        yield f"the operation makes other requests ({len(sent[1])}, and {len(sent[0])} before)"
    if len(before.records) != len(after.records):
        yield f"the operation gives {len(after.records)} records, and {len(before.records)} before"
    for number, (one, other) in enumerate(zip(before.records, after.records, strict=False), 1):
        place = next(_unlike_places(one, other, replacements, named, ""), None)
        if place is not None:
            yield f"record {number} has another shape{f' at {place}' if place else ''}"


def _failure(outcome: Outcome) -> tuple[type, str]:
    return type(outcome.error), getattr(outcome.error, "kind", getattr(outcome.error, "code", ""))


def _unlike_places(
    one: Any, other: Any, replacements: Replacements, named: frozenset[str], place: str
) -> Iterator[str]:
    """Where two values differ in more than their texts and numbers, or in texts that the connector names: it chose
    another one."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = {replacements.change_key(str(name)): name for name in one}
        if names.keys() != other.keys():
            yield place
            return
        for made, name in names.items():
            below = f"{place}.{name}".lstrip(".")
            yield from _unlike_places(one[name], other[made], replacements, named, below)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield place
        for left, right in zip(one, other, strict=False):
            yield from _unlike_places(left, right, replacements, named, place)
    elif type(one) is not type(other) or isinstance(one, bool):
        if one is not other:
            yield place
    elif isinstance(one, str) and one != other and {fold_case(one), fold_case(other)} <= named:
        yield place
