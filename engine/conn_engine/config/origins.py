"""Where a configuration comes from: a piece of a document (`Source`), a level (`Layer`), who said a value
(`Origin`).

Keys may be written as an alias and pieces stand elsewhere in their file than in the configuration; this is
where one is translated into the other. Nothing here reads files or decides what overrides what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conn_engine.config.merge import Path_
from conn_engine.diagnostics import Span
from conn_engine.documents import Document

__all__ = ["DocumentFragment", "Layer", "Level", "Origin"]

Level = Literal["base", "environment", "account"]


@dataclass(frozen=True, slots=True)
class DocumentFragment:
    """A piece of a document: what stands at `at` in the file is laid at `to` in the configuration."""

    document: Document
    at: Path_ = ()
    to: Path_ = ()
    renamed: Mapping[Path_, str] = field(default_factory=dict)

    def place(self, path: Path_) -> Path_:
        """The path inside the document of a configuration path at or below `to`."""
        inside = path[len(self.to) :]
        if not self.renamed:
            return (*self.at, *inside)
        written = [self.renamed.get(inside[: i + 1], key) for i, key in enumerate(inside)]
        return (*self.at, *written)


@dataclass(frozen=True, slots=True)
class Layer:
    """One level: its data with aliases renamed, and the pieces it was made from.

    `of_resources` for what the resources of a level set for their operations, written into each of these.
    """

    level: Level
    data: dict[str, Any]
    sources: tuple[DocumentFragment, ...]
    of_resources: bool = False

    def sets(self, path: Path_) -> bool:
        """Whether one of its pieces holds the path."""
        return any(path[: len(source.to)] == source.to for source in self.sources)

    def source(self, path: Path_) -> DocumentFragment:
        """The piece that holds the path: the one laid nearest above it."""
        holding = [source for source in self.sources if path[: len(source.to)] == source.to]
        return max(holding, key=lambda source: len(source.to), default=self.sources[0])

    def span(self, path: Path_) -> Span:
        """Where a path stands in its file."""
        source = self.source(path)
        return source.document.span(source.place(path))


@dataclass(frozen=True, slots=True)
class Origin:
    """What one level says about a place of the configuration.

    `path` is where in the configuration it says it (the place asked for, or an ancestor whose whole value is
    meant), `place` the same inside `document`. `shadowed` when a higher level has the last word.
    """

    level: Level
    path: Path_
    value: Any
    document: Document
    place: Path_
    shadowed: bool = False

    @property
    def span(self) -> Span:
        """Where the value stands."""
        return self.document.span(self.place)

    @property
    def key_span(self) -> Span:
        """Where its key stands."""
        return self.document.key_span(self.place)
