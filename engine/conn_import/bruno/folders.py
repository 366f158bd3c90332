"""Read the folder of a Bruno collection, with .bru or YAML files, as one OpenCollection document.

Nothing outside the folder is read: links are not followed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conn_engine.documents import parse
from conn_engine.documents.files import read_text
from conn_engine.errors import ConfigurationError
from conn_import.bruno.bru_requests import to_defaults, to_request, to_variables
from conn_import.bruno.bru_text import parse_blocks
from conn_import.words import clean_text

__all__ = ["read_collection"]

_MOST_FILES = 5_000
_MOST_BYTES = 64 * 1024 * 1024
_MOST_BYTES_OF_A_FILE = 4_000_000
_DEEPEST = 20
_SKIPPED = frozenset({"node_modules", "environments"})
_DEFAULTS = frozenset({"collection", "folder", "opencollection"})
"""The names of the files that describe a folder."""
_YAML = frozenset({".yml", ".yaml"})


def read_collection(path: Path, shown: str) -> dict[str, Any]:
    """Return the OpenCollection document of a folder, or of one .bru file. What cannot be read is an item with a
    `problem`. Raises ConfigurationError if the folder has no request, or more than 5,000 files or 64 MiB."""
    reader = _FolderReader(path if path.is_dir() else path.parent, shown)
    if not path.is_dir():
        text = read_text(path, shown, limit=_MOST_BYTES_OF_A_FILE)
        return {"opencollection": "", "info": {"name": path.stem}, "items": [to_request(parse_blocks(text, shown))]}
    root = reader.read_root()
    items = reader.read_items(path, 0)
    if not items:
        raise ConfigurationError(
            f"{shown} has no request of a Bruno collection",
            hint="pass the folder with bruno.json or opencollection.yml, or another document",
        )
    environments = reader.read_environments()
    return {"opencollection": "", **root, "items": items + reader.problems, "config": {"environments": environments}}


@dataclass
class _FolderReader:
    folder: Path
    shown: str
    problems: list[dict[str, Any]] = field(default_factory=list)
    files: int = 0
    size: int = 0
    has_yaml: bool = False
    """Whether YAML files are requests: only below an opencollection.yml."""

    def read_root(self) -> dict[str, Any]:
        """Return the name and the defaults of the collection."""
        root = self._read_defaults(self.folder, "opencollection")
        self.has_yaml = bool(root)
        root = root or self._read_defaults(self.folder, "collection")
        written = self._read_file(self.folder / "bruno.json", lambda text, file: parse(text, file).data)
        name = written.get("name") if isinstance(written, dict) else None
        info = root.get("info") if isinstance(root.get("info"), dict) else {}
        return {**root, "info": {"name": name or self.folder.resolve().name, **(info or {})}}

    def read_items(self, folder: Path, depth: int) -> list[dict[str, Any]]:
        """Return the requests and folders in a folder, in Bruno's order."""
        items = []
        for path in self._list(folder):
            if path.is_dir():
                if depth < _DEEPEST and path.name not in _SKIPPED:
                    inner = self.read_items(path, depth + 1)
                    defaults = self._read_defaults(path, "folder") if inner else {}
                    items += [{"info": {"name": path.name}, **defaults, "items": inner}] if inner else []
            elif path.stem not in _DEFAULTS:
                request = self._read_request(path)
                items += [request] if request is not None else []
        return sorted(items, key=_get_position)

    def read_environments(self) -> list[dict[str, Any]]:
        """Return the environments with their variables."""
        found = []
        for path in self._list(self.folder / "environments"):
            if path.suffix == ".bru":
                variables = self._read_file(path, lambda text, file: to_variables(parse_blocks(text, file)))
                found.append({"name": path.stem, "variables": variables or []})
            elif path.suffix in _YAML:
                data = self._read_file(path, lambda text, file: parse(text, file).data)
                found += [{"name": path.stem, **data}] if isinstance(data, dict) else []
        return found

    def _read_request(self, path: Path) -> dict[str, Any] | None:
        if path.suffix == ".bru":
            request = self._read_file(path, lambda text, file: to_request(parse_blocks(text, file)))
        elif path.suffix in _YAML and self.has_yaml:
            request = self._read_file(path, lambda text, file: parse(text, file).data)
        else:
            return None
        if not isinstance(request, dict):
            return None
        info = request.get("info")
        return {**request, "info": {"name": path.stem, **(info if isinstance(info, dict) else {})}}

    def _read_defaults(self, folder: Path, name: str) -> dict[str, Any]:
        for suffix in (".yml", ".yaml"):
            data = self._read_file(folder / f"{name}{suffix}", lambda text, file: parse(text, file).data)
            if isinstance(data, dict):
                return data
        data = self._read_file(folder / f"{name}.bru", lambda text, file: to_defaults(parse_blocks(text, file)))
        return data if isinstance(data, dict) else {}

    def _list(self, folder: Path) -> Iterator[Path]:
        """Yield the files and folders in a folder that are not links, by name."""
        for path in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ():
            if path.is_symlink():
                self._add_problem("links to other files", path)
            elif not path.name.startswith("."):
                yield path

    def _read_file(self, path: Path, read: Callable[[str, str], Any]) -> Any:
        """Return what `read` makes of a file; None if it does not exist or cannot be read."""
        if path.is_symlink() or not path.is_file():
            return None
        self.files += 1
        self.size += path.stat().st_size
        if self.files > _MOST_FILES or self.size > _MOST_BYTES:
            raise ConfigurationError(
                f"{self.shown} has more than {_MOST_FILES:,} files or {_MOST_BYTES // 2**20} MiB",
                hint="import a folder of the collection",
            )
        file = self._format(path)
        try:
            return read(read_text(path, file, limit=_MOST_BYTES_OF_A_FILE), file)
        except ConfigurationError as error:
            self._add_problem(f"files that cannot be read: {clean_text(error.message, 120)}", path)
            return None

    def _add_problem(self, problem: str, path: Path) -> None:
        self.problems.append({"info": {"name": self._format(path)}, "problem": problem})

    def _format(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _get_position(item: dict[str, Any]) -> float:
    """Return the number by which Bruno sorts; folders without one come last, as files without one do."""
    info = item.get("info")
    position = info.get("seq") if isinstance(info, dict) else None
    try:
        return float(position) if isinstance(position, str | int | float) else float("inf")
    except ValueError:
        return float("inf")
