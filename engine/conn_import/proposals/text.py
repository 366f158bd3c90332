"""Proposals as a `unified/<model>.yaml`: beside each line how sure it is and why. A person checks and edits it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_import.proposals.resources import FieldProposal, ResourceProposal
from conn_import.words import comment
from conn_import.writing import scalar

__all__ = ["unified_text"]

_SCHEMA = "# yaml-language-server: $schema=../../../schemas/unified.schema.json"
_LONGEST = 160
Lines = Iterator[str]
Rows = Sequence[tuple[Sequence[str], FieldProposal]]


def unified_text(proposals: Sequence[ResourceProposal], model: str, origin: str) -> str:
    """The document. `origin` says for people what the proposals were made from."""
    lines = [
        _SCHEMA,
        f"# Proposed for the model {comment(model)} from {comment(origin, 120)}. Each line has its",
        "# confidence, up to 1. Check it against the vendor's documentation or a recording, then delete the comment.",
        "resources:",
    ]
    for number, proposal in enumerate(proposals):
        lines += [""] if number else []
        lines += _resource(proposal)
    return "\n".join(lines) + "\n"


def _resource(one: ResourceProposal) -> Lines:
    yield f"  {scalar(one.resource)}:{_note(one.confidence, one.evidence)}"
    if one.missing:
        yield f"    # Nothing was found for {comment(', '.join(one.missing), 400)}."
    if any(operation != "delete" for operation in one.operations):
        yield "    response_mapping:"
        yield from (f"      {scalar(row.field)}: {_expression(row)}" for row in one.fields)
    shared = _shared_body(one)
    if shared:
        yield "    request_body_mapping:"
        yield from _body(shared, 3)
    for operation in one.operations:
        lines = list(_operation(one, operation, shared=bool(shared)))
        yield f"    {operation}:" if lines else f"    {operation}: {{}}"
        yield from lines


def _operation(one: ResourceProposal, operation: str, *, shared: bool) -> Lines:
    if one.vendor.name != one.resource:
        yield f"      resource: {scalar(one.vendor.name)}"
    if operation == "delete":
        deleted = ", deleted: true" if any(field == "deleted" for field in _names(one)) else ""
        yield f"      response_mapping: {{ id: id{deleted} }}"
        return
    if size := one.vendor.size_parameters.get(operation):
        yield "      query_mapping:"
        yield f"        {scalar(size)}: query.limit"
    if not shared and (rows := one.bodies.get(operation)):
        yield "      request_body_mapping:"
        yield from _body(rows, 4)


def _names(one: ResourceProposal) -> list[str]:
    return [*(row.field for row in one.fields), *one.missing]


def _shared_body(one: ResourceProposal) -> Rows:
    """The request mapping that all writes of a resource have in common; nothing where they differ."""
    bodies = [one.bodies.get(operation) or () for operation in one.operations if operation in ("create", "update")]
    return bodies[0] if bodies and all(rows == bodies[0] for rows in bodies) else ()


def _body(rows: Rows, depth: int) -> Lines:
    tree: dict[str, Any] = {}
    for path, proposal in rows:
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = proposal
    yield from _tree(tree, depth)


def _tree(tree: Mapping[str, Any], depth: int) -> Lines:
    for name, inner in tree.items():
        if isinstance(inner, FieldProposal):
            yield f"{'  ' * depth}{scalar(name)}: {_expression(inner)}"
        else:
            yield f"{'  ' * depth}{scalar(name)}:"
            yield from _tree(inner, depth + 1)


def _expression(row: FieldProposal) -> str:
    return f"{scalar(row.expression)}{_note(row.confidence, row.evidence)}"


def _note(confidence: float, evidence: Sequence[str]) -> str:
    return f" # {confidence:.2f}: {comment('; '.join(evidence), _LONGEST)}"
