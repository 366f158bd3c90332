"""One open document with what is known of it: its text, its data as far as they can be read, and its configuration."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conn_engine.config import Effective, File, OperationName, Path_, load_schema
from conn_engine.config.models import Configuration
from conn_engine.config.operations import singular
from conn_engine.config.reads import find_note
from conn_engine.errors import ConnError
from conn_engine.roles import OUTER, Note
from conn_engine.schemas.published import MODELS
from conn_service.lsp.config_places import ConfigPlace, find_config_place, find_operations
from conn_service.lsp.drafts import DraftWorkspace
from conn_service.lsp.positions import TextPositions
from conn_service.lsp.samples import Sample
from conn_service.lsp.schema_nodes import SchemaNodes

__all__ = ["EditedDocument"]

_MAPPINGS = frozenset({"response_mapping", "request_body_mapping"})


@dataclass(frozen=True)
class EditedDocument:
    """A document that is open in an editor."""

    drafts: DraftWorkspace
    file: File
    positions: TextPositions

    @property
    def text(self) -> str:
        """The text as it is in the editor."""
        return self.positions.text

    @cached_property
    def data(self) -> Any:
        """The data; those of the last text that could be read, while the present one cannot."""
        return self.drafts.read_data(self.file)

    @cached_property
    def schema(self) -> SchemaNodes:
        """The published schema of this kind of document."""
        return SchemaNodes.from_schema(load_schema(self.file.kind), self.data)

    def find_config_place(self, path: Path_) -> ConfigPlace | None:
        """Return the place in the configuration that a path of the document means."""
        return find_config_place(self.file, self.data, path)

    def find_schema_nodes(self, path: Path_) -> SchemaNodes:
        """Return the schemas of a path. One below a dotted place is found where the place is."""
        nodes = self.schema.follow(path)
        place = self.find_config_place(path)
        if nodes.nodes or place is None:
            return nodes
        start = {"account": ("override",), "environment": ("connectors", place.connector)}.get(self.file.kind, ())
        return self.schema.follow((*start, *place.path))

    def find_note(self, path: Path_) -> Note:
        """Return what is declared about the text at a path: its role and its scope."""
        place = self.find_config_place(path)
        model = MODELS[self.file.kind][0] if place is None else Configuration
        path = path if place is None else place.path
        note = find_note(model, path)
        if note.over != OUTER:
            return note
        above = (find_note(model, path[:end]).inner for end in range(len(path), 0, -1))
        return note._replace(over=next((inner for inner in above if inner), note.over))

    def find_effective(self, place: ConfigPlace) -> Effective | None:
        """Return the configuration that a place belongs to, or the last one that could be used."""
        return self.drafts.find_effective(place.connector, place.account, place.environment)

    def find_sample(self, place: ConfigPlace | None, over: str) -> Sample | None:
        """Return what an expression at a place sees on a recording; None outside of a connector's configuration."""
        effective = None if place is None else self.find_effective(place)
        if place is None or effective is None:
            return None
        names = self.find_operations(place)
        return self.drafts.samples.find_sample(self.drafts.current, effective, names, over)

    def find_operations(self, place: ConfigPlace) -> list[OperationName]:
        """Return the operations that a place belongs to."""
        effective = self.find_effective(place)
        return [] if effective is None else find_operations(effective, place.path)

    def find_record_schema(self, place: ConfigPlace | None) -> SchemaNodes | None:
        """Return the schema of the unified record whose fields a mapping at this place sets, or reads."""
        effective = None if place is None else self.find_effective(place)
        path = () if place is None else place.path
        if place is None or effective is None or path[:1] != ("unified",) or len(path) < 4:
            return None
        _, model, resource, *_ = map(str, path)
        record = ""
        for name in self.find_operations(place):
            try:
                operation = effective.get_unified(model, resource, name.method) if name.kind == "unified" else None
            except ConnError:
                continue
            record = record or (operation.record if operation is not None else None) or ""
        schema = effective.schemas.find_record(model, record or singular(resource))
        return None if schema is None else SchemaNodes.from_schema(schema, None)

    def find_mapping(self, place: ConfigPlace) -> tuple[str, Path_] | None:
        """Return the key of the mapping that a place is in, and the path inside it; None outside of a mapping."""
        for index, step in enumerate(place.path):
            if place.path[:1] == ("unified",) and index in (3, 4) and step in _MAPPINGS:
                return str(step), place.path[index + 1 :]
        return None
