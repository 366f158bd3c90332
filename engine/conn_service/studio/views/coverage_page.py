"""The map of coverage: for each unified record, its fields by connector, and the vendor's fields that nobody reads."""

from collections import defaultdict
from typing import Any

from conn_engine.analysis.coverage import OperationCoverage, measure_coverage
from conn_engine.errors import UsageError
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest

__all__ = ["show_coverage"]

_WORDS = {"seen": "good", "empty": "unknown", "unmapped": ""}
_ORDER = ("unmapped", "empty", "seen")


def show_coverage(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return, for each resource, a row per model field with its state in each connector."""
    connector = request.query.get("connector", "")
    try:
        rows = list(measure_coverage(studio.saved, connector=connector or None, alone=True))
    except UsageError as error:
        return {"resources": [], "problem": error.message, "fix": error.hint, "connector": connector}
    by_resource: dict[str, dict[str, list[OperationCoverage]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.operation.count(".") == 2 and not row.operation.endswith(".delete"):
            by_resource[row.operation.rpartition(".")[0]][row.connector].append(row)
    resources = [_describe_resource(name, found) for name, found in sorted(by_resource.items())]
    return {"resources": resources, "problem": "", "fix": "", "connector": connector}


def _describe_resource(name: str, found: dict[str, list[OperationCoverage]]) -> dict[str, Any]:
    connectors = sorted(found)
    states: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for connector, rows in found.items():
        for row in rows:
            for field in row.fields:
                state, records = states[field.field].get(connector, ("unmapped", 0))
                best = max(state, field.state, key=_ORDER.index)
                states[field.field][connector] = (best, records + field.records)
    return {
        "name": name,
        "connectors": [
            {
                "name": connector,
                "records": sum(row.records for row in found[connector]),
                "recordings": sum(row.cases for row in found[connector]),
                "unread": sorted({field for row in found[connector] for field in row.unread}),
                "operation": found[connector][0].operation,
            }
            for connector in connectors
        ],
        "fields": [
            {
                "name": field,
                "cells": [
                    {"state": state, "class": _WORDS[state], "records": records}
                    for state, records in (cells.get(connector, ("unmapped", 0)) for connector in connectors)
                ],
            }
            for field, cells in sorted(states.items())
        ],
    }
