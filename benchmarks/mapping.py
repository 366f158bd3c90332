"""Mapping throughput per page of 100 records, against the same mapping written by hand in Python."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.by_hand import MAPPINGS
from benchmarks.measure import Row, Spread, alternate, ratios, timed
from benchmarks.records import base_level, made
from conn_engine.conditions import USUAL
from conn_engine.config import mapping_layers
from conn_engine.expressions import LeafFailures, compile_mapping

__all__ = ["run"]

GOAL = 6.0
PAGE = 100


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    return [_row(connector, operation, hand, quick=quick) for (connector, operation), hand in MAPPINGS.items()]


def _row(connector: str, operation: str, hand: Callable[[Any, Any], Any], *, quick: bool) -> Row:
    effective = base_level(connector)
    name = effective.resolve(operation)
    unified = effective.get_unified(name.model, name.resource, name.method)
    if unified is None:
        raise RuntimeError(f"{connector} has no {operation}")
    compiled = compile_mapping(mapping_layers(unified.response_mapping))
    pages = 10 if quick else 50
    records, context = made(connector, operation, PAGE * pages)
    rows = [records[start : start + PAGE] for start in range(0, len(records), PAGE)]
    scope = {"query": {}, "raw_query": {}, "body": None, "headers": {}, "params": {}, "context": context, "before": {}}

    def ours(page: list[Any]) -> list[Any]:
        scopes = [{**scope, "page": page, "status": 200, "response": record} for record in page]
        return compiled.apply(scopes, USUAL, failures=LeafFailures())

    def theirs(page: list[Any]) -> list[Any]:
        return [hand(record, context) for record in page]

    for page in rows:
        _compare(ours(page), theirs(page))

    def each(side: Callable[[list[Any]], list[Any]]) -> None:
        for page in rows:
            side(page)

    values = alternate(
        {"conn": lambda: timed(partial(each, ours)), "hand": lambda: timed(partial(each, theirs))}, 5 if quick else 15
    )
    own, other = (Spread.of(values[side]).median * 1000 / pages for side in ("conn", "hand"))
    detail = f"{own:.2f} ms / {other:.2f} ms a page of {PAGE}"
    against = ratios(values["conn"], values["hand"])
    return Row("mapping", f"{connector} {operation}", "hand-written Python", against, GOAL, detail)


def _compare(ours: list[Any], theirs: list[Any]) -> None:
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            wrong = sorted(key for key in {**one, **other} if one.get(key, ...) != other.get(key, ...))
            raise RuntimeError(
                f"record {index} differs in {', '.join(wrong)}: {[(one.get(k), other.get(k)) for k in wrong]}"
            )
