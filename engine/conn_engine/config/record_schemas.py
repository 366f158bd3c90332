"""The JSON Schemas of unified records and of request bodies: find them, read them as data, or compile them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from conn_engine.diagnostics import diagnostic, did_you_mean
from conn_engine.documents import Document, iterate_texts, read_document
from conn_engine.documents.locate import find_packaged
from conn_engine.documents.pointers import get_pointer
from conn_engine.errors import ConfigurationError
from conn_engine.schema_keywords import PERSONAL, PERSONAL_MARKS

__all__ = ["SchemaFiles", "compile_part", "compile_schema"]

Schema = dict[str, Any]


def _find_nothing(_path: Path) -> None:
    return None


@dataclass(frozen=True)
class SchemaFiles:
    """Where a workspace has the schemas that one connector's operations refer to.

    `models` are folders of unified models, and `connector` is the connector's folder. `find` reads a file of the
    workspace and returns None if it does not exist.
    """

    models: tuple[Path, ...] = ()
    connector: Path = Path()
    find: Callable[[Path], Document | None] = _find_nothing

    def find_record(self, model: str, record: str) -> Schema | None:
        """Return the schema of a unified record, the workspace's own first; None if it does not exist or cannot be
        read."""
        name = f"{record}.schema.json"
        try:
            documents = (self.find(folder / model / name) for folder in self.models)
            document = next((candidate for candidate in documents if candidate is not None), None) or _find_bundled(
                model, name
            )
        except ConfigurationError:
            return None
        return document.data if document is not None and isinstance(document.data, dict) else None

    def find_closed_fields(self, model: str, record: str) -> frozenset[str] | None:
        """Return the fields of a unified record; None if it has no schema or the schema allows any field."""
        schema = self.find_record(model, record)
        if schema is None or schema.get("additionalProperties", True) is not False:
            return None
        return frozenset(schema.get("properties", {}))

    def find_schema(self, schema: str | Schema | None, key: str = "request_schema") -> Schema | None:
        """Return the schema that an operation has under a key: inline, a file in the connector's folder, or a part of
        one (`schemas/people.json#/create`) with the `$defs` that it refers to.

        Raises ConfigurationError for a file or a part that does not exist or cannot be read.
        """
        node, whole = self.find_part(schema, key)
        return node if node is None or node is whole else _with_definitions(node, whole)

    def find_part(self, schema: str | Schema | None, key: str) -> tuple[Schema | None, Any]:
        """Return the same without definitions, and the document that it is part of."""
        if not isinstance(schema, str):
            return schema, schema
        name, _, pointer = schema.partition("#")
        document = self.find(self.connector / name)
        if document is None:
            raise ConfigurationError(
                f"{key} refers to {name}, which is not in the connector's folder",
                hint="correct the path; it is relative to connector.yaml",
            )
        node = get_pointer(document.data, pointer) if pointer else document.data
        if not isinstance(node, dict):
            problem = f'{document.file} has nothing at "{pointer}"' if node is None else f"{schema} is not an object"
            raise ConfigurationError(f"{key}: {problem}", hint="refer to a JSON Schema, which is an object")
        return node, document.data


def _with_definitions(part: Schema, whole: Any) -> Schema:
    """Return a part of a document with the `$defs` that it refers to, at any depth."""
    definitions = whole.get("$defs") if isinstance(whole, dict) else None
    if not isinstance(definitions, dict):
        return part
    needed: dict[str, Any] = {}
    waiting = [part]
    while waiting:
        for path, text in iterate_texts(waiting.pop()):
            name = text.removeprefix("#/$defs/")
            if path[-1:] == ("$ref",) and name != text and name in definitions and name not in needed:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
    return {**part, "$defs": needed} if needed else part


@lru_cache(maxsize=256)
def _find_bundled(model: str, name: str) -> Document | None:
    path = find_packaged("schemas", "models") / model / name
    return read_document(path, path.name) if path.is_file() else None


def compile_schema(path: Path, path_text: str) -> Any:
    """Compile the schema in a file, which messages call `shown`.

    Raises ConfigurationError for a file that cannot be read, is not a JSON Schema, refers to another file (nothing is
    fetched), or marks personal data with an unknown word.
    """
    document = read_document(path, path_text)
    for place, mark in iterate_texts(document.data):
        if place[-1:] == (PERSONAL,) and mark not in PERSONAL_MARKS:
            message = f'{path_text} marks personal data by "{mark}", which is not a mark'
            hint = did_you_mean(mark, list(PERSONAL_MARKS)) or f"use one of: {', '.join(PERSONAL_MARKS)}"
            finding = diagnostic("CFG104", message, document.span(place), hint=hint)
            raise ConfigurationError(message, hint=hint, findings=[finding])
    try:
        return _compile(document.data, path_text, formats=True)
    except ConfigurationError as error:
        finding = diagnostic("CFG104", error.message, document.span(()), hint="write the complete schema in this file")
        raise ConfigurationError(error.message, hint=finding.hint, findings=[finding]) from None


def compile_part(schema: Schema, path_text: str, *, formats: bool = False) -> Any:
    """Compile a schema that is already data, by default without checks of `format`. Raises ConfigurationError."""
    return _compile(schema, path_text, formats=formats)


def _compile(schema: Any, path_text: str, *, formats: bool) -> Any:
    import jsonschema_rs  # loaded only when a result is checked: it costs 20 ms

    try:
        return jsonschema_rs.validator_for(schema, validate_formats=formats, retriever=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigurationError(f"{path_text} is not a usable JSON Schema: {reason}") from None


def _refuse(address: str) -> Any:
    raise ValueError("nothing is fetched")
