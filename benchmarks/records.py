"""Vendor records in any number, made from the bundled recordings: their shapes, their nulls and gaps, other values."""

import copy
from typing import Any

from benchmarks.measure import CHECKOUT
from conn_engine import Effective, load_workspace
from conn_engine.testing.cases import find_cases, replay

__all__ = ["base_level", "made"]


def base_level(connector: str) -> Effective:
    """A bundled connector without any override."""
    return load_workspace(CHECKOUT).effective(account=None, connector=connector)


def made(connector: str, operation: str, count: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`count` records of a listing and the account values its default recording was made with."""
    effective = base_level(connector)
    name = effective.resolve(operation)
    cases = find_cases(effective_workspace(), effective, [name])
    context = next(case.recording.context for case in cases if case.scenario == "default")
    patterns = [record for case in cases for record in replay(effective, name, case.recording).raw]
    if not patterns:
        raise RuntimeError(f"no recording of {connector} {operation} has a record")
    return [_other(patterns[number % len(patterns)], number) for number in range(count)], dict(context)


def effective_workspace() -> Any:
    """The workspace of the bundled connectors."""
    return load_workspace(CHECKOUT)


def _other(pattern: dict[str, Any], number: int) -> dict[str, Any]:
    record = copy.deepcopy(pattern)
    for key in ("id", "number"):
        if key in record:
            value = 1_000_000 + number
            record[key] = str(value) if isinstance(record[key], str) else value
    _vary(record, number)
    return record


def _vary(node: Any, number: int) -> None:
    """Make names and addresses of one record differ from the next, so that no equal texts are cached anywhere."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if isinstance(value, str) and "@" in value and ";" not in value:
            node[key] = f"p{number}.{value}"
        elif isinstance(value, str) and key in ("firstname", "first_name", "title", "address"):
            node[key] = f"{value} {number}" if value else value
        else:
            _vary(value, number)
