"""Read the files that a document refers to from the document's own folder, and from nowhere else."""

from pathlib import Path, PurePosixPath
from typing import Any

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents import parse
from conn_engine.documents.files import read_text
from conn_engine.errors import ConfigurationError

__all__ = ["NeighborFiles"]

_MOST_BYTES = 4_000_000
_MOST_NODES = 300_000
_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


class NeighborFiles:
    """The folder of a document. Nothing outside it is read, whatever a name or a link refers to. `repeated` has the
    findings for duplicate keys in the files."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.repeated: list[Diagnostic] = []

    def read_first(self, *names: str) -> Any:
        """Return the data of the first file that can be read, by its path below the folder, or None."""
        for name in names:
            path = self._find_path(name)
            if path is not None:
                try:
                    text = read_text(path, path.name, limit=_MOST_BYTES)
                    repeated: list[Diagnostic] = []
                    document = parse(text, path.name, max_bytes=_MOST_BYTES, max_nodes=_MOST_NODES, repeated=repeated)
                    self.repeated += repeated
                    return document.data
                except ConfigurationError:
                    continue
        return None

    def _find_path(self, name: str) -> Path | None:
        relative = PurePosixPath(name)
        if self._folder is None or relative.is_absolute() or relative.suffix.lower() not in _SUFFIXES:
            return None
        root = self._folder.resolve()
        try:
            path = (root / relative).resolve()
        except (OSError, ValueError):
            return None
        return path if path.is_relative_to(root) and path.is_file() else None
