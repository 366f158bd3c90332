"""Find what an override of one field is for: the resource or operation, the mapping, and a field that its model has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from conn_engine.config import MAPPINGS, RESOURCE_MAPPINGS, Effective, OperationName, Path_
from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import format_path, parse_path
from conn_engine.documents.edits import SharedChoice
from conn_engine.errors import UsageError
from conn_engine.runtime.body_schemas import SchemaPlace

__all__ = ["FieldOverride", "check_field", "find_resource", "parse_field"]

_MOST_NAMES: Final = 8


@dataclass(frozen=True, slots=True)
class FieldOverride:
    """An override to write. `resource` is `contacts`, `crm.contacts` or an operation such as `contacts.list`, and
    `field` a field of its response mapping, or one of another mapping: `request_body_mapping.email`.

    With the action "replace", the expression of a complete mapping discards the levels below. The expression "null"
    removes the field. With the action "steps", `field` is `before` or `after`, and `expression` the YAML of all steps;
    the operation then has those of the levels below if it is empty. With `environment`, the override is for every
    account of the connector in this environment.
    """

    account: str
    resource: str
    field: str
    expression: str = ""
    action: Literal["set", "replace", "remove", "steps"] = "set"
    environment: str | None = None
    shared: SharedChoice = "refuse"


def find_resource(effective: Effective, text: str) -> tuple[list[OperationName], Path_]:
    """Return the unified operations that a name stands for, and the path of the resource or operation. Raises
    UsageError."""
    known: dict[str, dict[Path_, list[OperationName]]] = {}
    for name in effective.operations():
        if name.kind == "unified":
            for length in (3, 4):
                path = name.path[:length]
                for spelling in (".".join(map(str, path[1:])), ".".join(map(str, path[2:]))):
                    known.setdefault(spelling, {}).setdefault(path, []).append(name)
    if not known:
        raise UsageError(
            f'the connector "{effective.connector_name}" has no unified resource',
            hint=f"map its operations in connectors/{effective.connector_name}/unified/MODEL.yaml",
        )
    places = known.get(text, {})
    if len(places) == 1:
        [(path, names)] = places.items()
        return names, path
    if places:
        spellings = " or ".join(".".join(map(str, path[1:])) for path in places)
        raise UsageError(f'"{text}" is in several models', hint=f"write {spellings}")
    resources = sorted({".".join(map(str, path[1:])) for paths in known.values() for path in paths if len(path) == 3})
    listed = ", ".join(resources[:_MOST_NAMES])
    what = "operation" if any(text.startswith(f"{name}.") for name in known) else "resource"
    raise UsageError(
        f'the account "{effective.account}" has no unified {what} "{text}"',
        hint=did_you_mean(text, list(known)) or f"use one of: {listed}",
    )


def parse_field(override: FieldOverride, place: Path_) -> tuple[str, Path_]:
    """Return the key of the mapping, and the path of the field in it. Raises UsageError."""
    try:
        path = parse_path(override.field)
    except UsageError as error:
        hint = 'write it as email or custom_fields.vip; quote a name with a space or a dot: custom_fields."a b"'
        raise UsageError(error.message, hint=hint) from None
    if not path:
        raise UsageError("FIELD is empty", hint="name a field of the record, such as email, or response_mapping")
    key, inside = (str(path[0]), path[1:]) if path and path[0] in MAPPINGS else ("response_mapping", path)
    if len(place) == 3 and key not in RESOURCE_MAPPINGS:
        raise UsageError(
            f"{key} is set for single operations",
            hint=f"name one, such as {override.resource}.list",
        )
    index = next((at for at, part in enumerate(inside) if isinstance(part, int)), None)
    if index is not None:
        whole = format_path(inside[:index])
        raise UsageError(f'"{override.field}" names an item of a list', hint=f"set the complete list: {whole}")
    if override.action == "replace" and inside:
        command = f"conn override {override.account} {override.resource} {key} EXPRESSION --replace"
        raise UsageError(
            "--replace needs a complete mapping: the override of a field already replaces its inherited expression",
            hint=f"omit --replace, or replace every field: {command}",
        )
    return key, inside


def check_field(effective: Effective, names: Sequence[OperationName], path: Path_, inside: Path_) -> None:
    """Raise UsageError if the unified model does not have a field that no level maps yet."""
    operation = effective.get_unified(names[0].model, names[0].resource, names[0].method)
    record = operation.record if operation is not None and operation.record else ""
    schema = effective.schemas.find_record(names[0].model, record)
    if schema is None or any(
        effective.origins((*name.path, path[len(path) - len(inside) - 1], *inside)) for name in names
    ):
        return
    places = [SchemaPlace(schema, schema)]
    for depth, part in enumerate(inside):
        fields = sorted({field for place in places for field in place.names()})
        if part not in fields:
            if any(place.is_open() for place in places):
                return
            near = did_you_mean(str(part), fields)
            custom = f"use custom_fields.{format_path(inside)}, or " if "custom_fields" in fields and depth == 0 else ""
            raise UsageError(
                f'{names[0].model}.{record} has no field "{format_path(inside[: depth + 1])}"',
                hint=near or f"{custom}a field that the model has: conn schema {names[0].model}.{record}",
            )
        places = [child for place in places for child in place.find_children(str(part))]
