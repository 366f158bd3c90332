"""The fixed texts that the model allows for a field of a unified record."""

from conn_engine.config import Path_
from conn_engine.lint.target import LintTarget

__all__ = ["find_allowed_values"]


def find_allowed_values(target: LintTarget, path: Path_) -> frozenset[str]:
    """Return the values that the schema of the record lists for the field that a mapping sets at a path; empty if it
    lists none."""
    if path[:1] != ("unified",) or path[-2:-1] != ("response_mapping",):
        return frozenset()
    model, resource, field = path[1], path[2], path[-1]
    effective = target.effective
    for name in effective.operations():
        if name.kind == "unified" and (name.model, name.resource) == (model, resource):
            operation = effective.get_unified(name.model, name.resource, name.method)
            record = operation.record if operation is not None else None
            schema = effective.schemas.find_record(name.model, record) if record else None
            if schema is not None:
                values = schema.get("properties", {}).get(field, {}).get("enum") or ()
                return frozenset(value for value in values if isinstance(value, str))
    return frozenset()
