"""Rules for `contract.yaml` of a connector, which the score reads."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from conn_engine.config import Effective, Workspace, singular
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import Document
from conn_engine.lint.models import load_models

__all__ = ["CONTRACT_FILE", "NOT_OFFERED_PARTS", "check_contract"]

CONTRACT_FILE: Final = "contract.yaml"
NOT_OFFERED_PARTS: Final = ("webhooks", "incremental", "deletes", "rate_limit", "login")
"""The parts of the score that a vendor may not offer."""
_Models = Mapping[str, Mapping[str, Mapping[str, Any]]]
_METHODS: Final = ("list", "get", "create", "update", "delete")


def check_contract(workspace: Workspace, effective: Effective, document: Document) -> Iterator[Diagnostic]:
    """CFG101: `not_offered` or `gaps` has a name that is not a part of the score, an operation or a field."""
    data = document.data
    models = load_models(tuple(workspace.models))
    operations = {name.text for name in effective.operations()}
    known = {"not_offered": {*NOT_OFFERED_PARTS, *_list_names(models, _find_records(effective))}, "gaps": operations}
    for key, names in known.items():
        written = data.get(key)
        for name in written if isinstance(written, dict) else ():
            if name not in names and name not in _list_unmapped(models, str(name)):
                what = (
                    "an operation"
                    if key == "gaps"
                    else f"{', '.join(NOT_OFFERED_PARTS)}, an operation or a field of a model"
                )
                yield diagnostic(
                    "CFG101",
                    f'unknown key "{name}" in {key}: it is not {what}',
                    document.key_span((key, name)),
                    path=f"{key}.{name}",
                    hint=did_you_mean(str(name), sorted(names)) or "remove it, or write it as MODEL.RESOURCE.NAME",
                )


def _find_records(effective: Effective) -> dict[tuple[str, str], str]:
    """Return the record of each resource that the connector maps."""
    records = {}
    for name in effective.operations():
        if name.kind == "unified":
            operation = effective.get_unified(name.model, name.resource, name.method)
            record = operation.record if operation is not None else None
            records[name.model, name.resource] = record or singular(name.resource)
    return records


def _list_unmapped(models: _Models, name: str) -> set[str]:
    """Return the names of the resource that a name has, if a model has it: the connector may not map it yet."""
    model, _, rest = name.partition(".")
    resource = rest.partition(".")[0]
    return set(_list_names(models, {(model, resource): singular(resource)})) if resource else set()


def _list_names(models: _Models, records: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield the operations and the fields of resources."""
    for (model, resource), record in records.items():
        schema = models.get(model, {}).get(record)
        if schema is None:
            continue
        prefix = f"{model}.{resource}"
        yield from (f"{prefix}.{method}" for method in (*_METHODS, *schema.get("x-operations", ())))
        yield from _list_fields(schema, f"{prefix}.")


def _list_fields(schema: Any, above: str, depth: int = 0) -> Iterator[str]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for key, value in properties.items() if isinstance(properties, Mapping) and depth < 6 else ():
        yield f"{above}{key}"
        yield from _list_fields(value, f"{above}{key}.", depth + 1)
