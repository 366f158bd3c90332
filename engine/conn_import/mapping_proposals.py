"""The connector that is being built, as `proposals` see it; the mappings that they propose for models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Shape
from conn_import.operation import BuiltOperation
from conn_import.pagination import find_change_parameter
from conn_import.proposals import ResourceProposal, VendorResource, format_unified, list_shape_fields, propose_resources
from conn_import.records import find_shape

__all__ = ["ProposedMappings", "build_vendor_resources", "propose_mappings"]

_READS = ("get", "list")
_WRITES = ("create", "update")


@dataclass(frozen=True, slots=True)
class ProposedMappings:
    """The proposed resources of each model."""

    proposals: dict[str, list[ResourceProposal]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many fields are mapped to each model."""
        return {model: sum(len(one.fields) for one in rows) for model, rows in self.proposals.items()}

    @property
    def vendor_resources(self) -> frozenset[str]:
        """The names of the vendor's resources that the mappings use."""
        return frozenset(one.vendor.name for rows in self.proposals.values() for one in rows)

    def format_files(self, origin: str) -> dict[str, str]:
        """Format the files. `origin` names the source of the proposals for people."""
        return {
            f"unified/{model}.yaml": format_unified(rows, model, origin)
            for model, rows in self.proposals.items()
            if rows
        }


def propose_mappings(
    operations: Sequence[BuiltOperation], models: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> ProposedMappings:
    """Propose mappings for resources that look like records of these models (schemas by record, by model)."""
    resources = build_vendor_resources(operations) if models else []
    return ProposedMappings({model: propose_resources(resources, records) for model, records in models.items()})


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
    changes = {
        method: parameter.name
        for method, one in operations.items()
        if method == "list" and (parameter := find_change_parameter(one.endpoint)) is not None
    }
    answers = {
        method: tuple(list_shape_fields(shape)) if (shape := _find_record_shape(operations[method])) else ()
        for method in _WRITES
        if method in operations and operations[method].endpoint.answer.example is UNSET
    }
    return VendorResource(name, tuple(fields.values()), writable, tuple(operations), sizes, answers, changes)


def _find_record_shape(one: BuiltOperation) -> Shape | None:
    """Return the shape of one record of an operation."""
    found = find_shape(one.endpoint.answer.shape, one.records)
    items = found.items() if found is not None and found.type == "array" else None
    if items is not None and one.wrapper:
        return items.properties()[one.wrapper]
    return items or (found if found is not None and found.properties() else None)
