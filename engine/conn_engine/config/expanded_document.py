"""A document as its schema describes it: with the dotted places of its overrides expanded."""

from collections.abc import Iterator
from typing import Any

from conn_engine.config.dotted_places import ExpandedOverride, expand_places, format_place
from conn_engine.config.merge import Path_, lookup
from conn_engine.diagnostics import Diagnostic, Edit, Fix, Span, diagnostic
from conn_engine.documents import Document, format_path

__all__ = ["ExpandedDocument", "find_configurations"]


def find_configurations(kind: str, data: Any) -> Iterator[Path_]:
    """Yield the paths of a document that have a connector or a part of one."""
    if kind == "connector":
        yield ()
    elif kind == "account" and isinstance(data.get("override"), dict):
        yield ("override",)
    elif kind == "environment" and isinstance(data.get("connectors"), dict):
        yield from (("connectors", name) for name, part in data["connectors"].items() if isinstance(part, dict))


class ExpandedDocument:
    """A document of a kind, its expanded data, and the places of the author for paths of this data."""

    def __init__(self, document: Document, kind: str, data: dict[str, Any]) -> None:
        self._document = document
        self.data = data
        self.overrides: dict[Path_, ExpandedOverride] = {}
        """The overrides of the document, by their path."""
        if kind in ("account", "environment"):
            self.data = {key: dict(value) if isinstance(value, dict) else value for key, value in data.items()}
            for at in find_configurations(kind, data):
                self.overrides[at] = expand_places(lookup(data, at))
                lookup(self.data, at[:-1])[at[-1]] = self.overrides[at].data

    def key_span(self, path: Path_) -> Span:
        """Return the place of the key at a path."""
        return self._document.key_span(self._find_written(path))

    def span(self, path: Path_) -> Span:
        """Return the place of the value at a path."""
        return self._document.span(self._find_written(path))

    def read_source(self, path: Path_) -> str:
        """Return the value at a path as it is written."""
        return self._document.read_source(self._find_written(path))

    def build_rename(self, path: Path_, name: str, *, is_certain: bool) -> Fix | None:
        """Return the fix that renames the key at a path; None without a name, or if a dotted place has the key."""
        written = self._find_written(path)
        if not name or written[-1:] != path[-1:]:
            return None
        return Fix(self._document.file, (Edit("rename", written, name),), is_certain)

    def build_put(self, path: Path_, value: Any, *, is_certain: bool = True) -> Fix:
        """Return the fix that replaces the value at a path."""
        return Fix(self._document.file, (Edit("put", self._find_written(path), value),), is_certain)

    def build_move(self, path: Path_, below: str, value: Any) -> Fix:
        """Return the fix that moves a key of an object below another key of it. It is not certain if a comment would
        get lost."""
        written = self._find_written(path)
        edits = (Edit("put", (*written[:-1], below, str(path[-1])), value), Edit("drop", written))
        start, end = self._document.key_span(written).line, self._document.span(written).end_line
        above, lines = self._document.line(start - 1), [self._document.line(line) for line in range(start, end + 1)]
        has_comment = above.lstrip().startswith("#") or any(" #" in line for line in lines)
        return Fix(self._document.file, edits, is_certain=not has_comment)

    def format(self, path: Path_) -> str:
        """Format a path for a finding: in an override, as a place that can be pasted into it."""
        at = self._find_override(path)
        return format_path(path) if at is None or path == at else format_place(path[len(at) :])

    def find_place_faults(self) -> Iterator[Diagnostic]:
        """Yield findings for keys at the top of overrides that are not places, or set what another key sets."""
        for at, override in self.overrides.items():
            for fault in override.faults:
                span = self._document.key_span((*at, *fault.path))
                first = [] if fault.first is None else [(self._document.key_span((*at, *fault.first)), "first here")]
                yield diagnostic(fault.code, fault.message, span, path=fault.place, hint=fault.hint, related=first)

    def find_implied_model(self, path: Path_) -> str:
        """Return the name that is taken for a model at a path to a model or a resource, if `unified` is left out."""
        at = self._find_override(path)
        inside = path[len(at or ()) :]
        if at is None or inside[:1] != ("unified",) or len(inside) not in (2, 3):
            return ""
        return "" if self._find_written(path)[len(at)] == "unified" else str(inside[1])

    def _find_override(self, path: Path_) -> Path_ | None:
        return next((path[:end] for end in (1, 2) if path[:end] in self.overrides), None)

    def _find_written(self, path: Path_) -> Path_:
        at = self._find_override(path)
        return path if at is None else (*at, *self.overrides[at].find_written(path[len(at) :]))
