"""The connector that is being built, as `proposals` see it; the mappings that they propose for models, as files."""

from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.analysis.drift.contract import Shape
from conn_import.operation import BuiltOperation
from conn_import.proposals import VendorResource, format_unified, list_shape_fields, propose_resources
from conn_import.records import find_shape

__all__ = ["build_vendor_resources", "propose_mappings"]

_READS = ("get", "list")
_WRITES = ("create", "update")


def propose_mappings(
    operations: Sequence[BuiltOperation], models: Mapping[str, Mapping[str, Mapping[str, Any]]], origin: str
) -> tuple[dict[str, str], dict[str, int]]:
    """Propose mappings for resources that look like records of these models (schemas by record, by model). Returns
    the files, and how many fields each of them maps."""
    resources = build_vendor_resources(operations) if models else []
    files: dict[str, str] = {}
    counts: dict[str, int] = {}
    for model, records in models.items():
        proposals = propose_resources(resources, records)
        counts[model] = sum(len(one.fields) for one in proposals)
        if proposals:
            files[f"unified/{model}.yaml"] = format_unified(proposals, model, origin)
    return files, counts


def build_vendor_resources(operations: Sequence[BuiltOperation]) -> list[VendorResource]:
    """Return the resources with the fields that the document shows in their records and in their write requests."""
    rows: dict[str, dict[str, BuiltOperation]] = {}
    for one in operations:
        rows.setdefault(one.name.resource, {})[one.name.method] = one
    return [_build_resource(name, found) for name, found in rows.items()]


def _build_resource(name: str, operations: Mapping[str, BuiltOperation]) -> VendorResource:
    shapes = [shape for method in _READS if method in operations and (shape := _find_record_shape(operations[method]))]
    fields = {field.path: field for shape in shapes for field in list_shape_fields(shape)}
    writable = {
        method: tuple(list_shape_fields(body))
        for method in _WRITES
        if method in operations and (body := operations[method].endpoint.body) is not None
    }
    sizes = {
        method: one.paging.size.name
        for method, one in operations.items()
        if one.paging is not None and one.paging.size is not None and one.paging.size.name not in one.form.query
    }
    return VendorResource(name, tuple(fields.values()), writable, tuple(operations), sizes)


def _find_record_shape(one: BuiltOperation) -> Shape | None:
    """Return the shape of one record of an operation."""
    found = find_shape(one.endpoint.answer.shape, one.records)
    items = found.items() if found is not None and found.type == "array" else None
    return items or (found if found is not None and found.properties() else None)
