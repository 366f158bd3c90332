"""Format proposals as a `unified/<model>.yaml`, with the confidence and evidence of each line as a comment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_import.proposals.resources import FieldProposal, ResourceProposal
from conn_import.words import to_comment
from conn_import.writing import format_scalar

__all__ = ["format_unified"]

_SCHEMA = "# yaml-language-server: $schema=../../../schemas/unified.schema.json"
_LONGEST = 160
Lines = Iterator[str]
Rows = Sequence[tuple[Sequence[str], FieldProposal]]


def format_unified(proposals: Sequence[ResourceProposal], model: str, origin: str) -> str:
    """Format the document. `origin` names the source of the proposals for people."""
    lines = [
        _SCHEMA,
        f"# Proposed for the model {to_comment(model)} from {to_comment(origin, 120)}. Each line has its",
        "# confidence, up to 1. Check it against the vendor's documentation or a recording, then delete the comment.",
        "resources:",
    ]
    for number, proposal in enumerate(proposals):
        lines += [""] if number else []
        lines += _format_resource(proposal)
    return "\n".join(lines) + "\n"


def _format_resource(one: ResourceProposal) -> Lines:
    yield f"  {format_scalar(one.resource)}:{_format_note(one.confidence, one.evidence)}"
    if one.missing:
        yield f"    # Not found: {to_comment(', '.join(one.missing), 400)}."
    if any(operation != "delete" for operation in one.operations):
        yield "    response_mapping:"
        yield from (f"      {format_scalar(row.field)}: {_format_expression(row)}" for row in one.fields)
    shared = _find_shared_body(one)
    if shared:
        yield "    request_body_mapping:"
        yield from _format_body(shared, 3)
    for operation in one.operations:
        lines = list(_format_operation(one, operation, shared=bool(shared)))
        yield f"    {operation}:" if lines else f"    {operation}: {{}}"
        yield from lines


def _format_operation(one: ResourceProposal, operation: str, *, shared: bool) -> Lines:
    if one.vendor.name != one.resource:
        yield f"      resource: {format_scalar(one.vendor.name)}"
    if operation == "delete":
        deleted = ", deleted: true" if any(field == "deleted" for field in _list_names(one)) else ""
        yield f"      response_mapping: {{ id: id{deleted} }}"
        return
    if operation == "update" and one.is_without_record(operation):
        yield "      response_mapping: { replace: { id: id } } # guess: the response has no record"
    size, changed = one.vendor.size_parameters.get(operation), one.vendor.change_parameters.get(operation)
    if size or changed:
        yield "      query_mapping:"
    if size:
        yield f"        {format_scalar(size)}: query.limit"
    if changed:
        yield f"        {format_scalar(changed)}: query.updated_after # guess, from the parameter's name"
    if not shared and (rows := one.bodies.get(operation)):
        yield "      request_body_mapping:"
        yield from _format_body(rows, 4)


def _list_names(one: ResourceProposal) -> list[str]:
    return [*(row.field for row in one.fields), *one.missing]


def _find_shared_body(one: ResourceProposal) -> Rows:
    """Return the request mapping that all writes of a resource share; empty if they differ."""
    bodies = [one.bodies.get(operation) or () for operation in one.operations if operation in ("create", "update")]
    return bodies[0] if bodies and all(rows == bodies[0] for rows in bodies) else ()


def _format_body(rows: Rows, depth: int) -> Lines:
    tree: dict[str, Any] = {}
    for path, proposal in rows:
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = proposal
    yield from _format_tree(tree, depth)


def _format_tree(tree: Mapping[str, Any], depth: int) -> Lines:
    for name, inner in tree.items():
        if isinstance(inner, FieldProposal):
            yield f"{'  ' * depth}{format_scalar(name)}: {_format_expression(inner)}"
        else:
            yield f"{'  ' * depth}{format_scalar(name)}:"
            yield from _format_tree(inner, depth + 1)


def _format_expression(row: FieldProposal) -> str:
    return f"{format_scalar(row.expression)}{_format_note(row.confidence, row.evidence)}"


def _format_note(confidence: float, evidence: Sequence[str]) -> str:
    return f" # {confidence:.2f}: {to_comment('; '.join(evidence), _LONGEST)}"
