"""Where a configuration comes from: a fragment of a document (`DocumentFragment`), a level (`Layer`), and the origin of
a value (`Origin`).

Documents may be in the short form, and a fragment's path in its file differs from its path in the configuration. This
module translates between them. Nothing here reads files or decides what overrides what.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from conn_engine.config.merge import Path_
from conn_engine.config.short_form import WrittenPlaces
from conn_engine.diagnostics import Span
from conn_engine.documents import Document

__all__ = ["DocumentFragment", "Layer", "Level", "Origin"]

Level = Literal["base", "environment", "account"]


@dataclass(frozen=True, slots=True)
class DocumentFragment:
    """A fragment of a document: `at` in the file becomes `to` in the configuration.

    `start` is the path in the canonical form of `at` from which on it does: the mapping that a resource sets, for one
    of its operations.
    """

    document: Document
    at: Path_ = ()
    to: Path_ = ()
    written: WrittenPlaces = field(default_factory=WrittenPlaces)
    start: Path_ = ()

    def place(self, path: Path_) -> Path_:
        """Return the path in the document of a configuration path at or below `to`."""
        return (*self.at, *self.written.find((*self.start, *path[len(self.to) :])))


@dataclass(frozen=True, slots=True)
class Layer:
    """One level: its canonical data, and the fragments it was made from.

    `of_resources` is set for mappings that a level's resources set for their operations, expanded into each of them.
    """

    level: Level
    data: dict[str, Any]
    sources: tuple[DocumentFragment, ...]
    of_resources: bool = False

    def sets(self, path: Path_) -> bool:
        """Return whether one of the fragments contains the path."""
        return any(path[: len(source.to)] == source.to for source in self.sources)

    def source(self, path: Path_) -> DocumentFragment:
        """Return the fragment that contains the path, the nearest one."""
        holding = [source for source in self.sources if path[: len(source.to)] == source.to]
        return max(holding, key=lambda source: len(source.to), default=self.sources[0])

    def span(self, path: Path_) -> Span:
        """Return the position of a path in its file."""
        source = self.source(path)
        return source.document.span(source.place(path))


@dataclass(frozen=True, slots=True)
class Origin:
    """What one level sets at a path of the configuration.

    `path` is where it sets the value (the requested path, or an ancestor with a complete value), and `place` is the
    same inside `document`. `overridden` is true when a higher level overrides it.
    """

    level: Level
    path: Path_
    value: Any
    document: Document
    place: Path_
    overridden: bool = False

    @property
    def span(self) -> Span:
        """The position of the value."""
        return self.document.span(self.place)

    @property
    def key_span(self) -> Span:
        """The position of the value's key."""
        return self.document.key_span(self.place)
