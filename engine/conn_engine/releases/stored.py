"""A release as a workspace: its documents come from the store as they are asked for. Which release is `serving`'s.

Nothing is laid out on disk: to serve another release costs what it changes, not what a workspace holds.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from conn_engine.config import Workspace
from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents import Document, parse, write_whole
from conn_engine.errors import ConfigurationError
from conn_engine.releases.content import Manifest

__all__ = ["Documents", "stored_workspace"]

Fetch = Callable[[str], bytes]
"""The content of a digest, held against it."""


class Documents:
    """Parsed documents by path and digest: releases that follow each other share those that are the same."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[tuple[str, str], Document] = {}
        self._lock = threading.Lock()

    def get(self, path: str, digest: str) -> Document:
        """The document of that content. Raises ConfigurationError when it cannot be parsed, StoreFault when damaged."""
        known = self._known.get((path, digest))
        if known is None:
            known = parse(_text(self._fetch(digest), path), path)
            with self._lock:
                known = self._known.setdefault((path, digest), known)
        return known

    def content(self, digest: str) -> bytes:
        """A content as it is."""
        return self._fetch(digest)

    def keep(self, files: Mapping[str, str]) -> None:
        """Forget documents that these files do not have. Whoever uses one goes on using it."""
        with self._lock:
            self._known = {key: document for key, document in self._known.items() if files.get(key[0]) == key[1]}


def stored_workspace(
    manifest: Manifest, documents: Documents, *, identity: str, place: str = "", scratch: Path
) -> Workspace:
    """The workspace of a release. `scratch` is a folder for the few files that other libraries must open.

    `identity` tells its credentials from those of other workspaces, and must not change from release to release. With
    "" it is that of the release's conn.yaml, for the folder `place`.
    """
    root = Path("/release") / manifest.id
    return Workspace(root, _StoredTree(root.absolute(), manifest, documents, scratch), identity=identity, place=place)


class _StoredTree:
    """The files of a manifest, as a workspace asks for them."""

    def __init__(self, root: Path, manifest: Manifest, documents: Documents, scratch: Path) -> None:
        self._root = root
        self._manifest = manifest
        self._documents = documents
        self._scratch = scratch
        folders: dict[str, set[str]] = {}
        for path in manifest.files:
            parent, _, name = path.rpartition("/")
            while name not in folders.setdefault(parent, set()):
                folders[parent].add(name)
                if not parent:
                    break
                parent, _, name = parent.rpartition("/")
        self._folders = folders

    def entries(self, folder: Path) -> list[Path]:
        """What is in a folder."""
        names = self._folders.get(self._inner(folder), set())
        return [folder / name for name in sorted(names) if name[0] != "."]

    def is_file(self, path: Path) -> bool:
        """Whether the release has the file."""
        return self._inner(path) in self._manifest.files

    def is_dir(self, path: Path) -> bool:
        """Whether the release has files below."""
        return self._inner(path) in self._folders

    def inside(self, path: Path) -> bool:
        """There are no links in a release: a path leads where it says."""
        return path.is_relative_to(self._root) and ".." not in path.parts

    def document(self, path: Path, shown: str) -> Document:
        """A document of the release."""
        return self._documents.get(shown, self._digest(path, shown))

    def on_disk(self, path: Path) -> Path:
        """A copy of the file, named by its content."""
        shown = self._inner(path)
        digest = self._digest(path, shown)
        place = self._scratch / f"{digest}{PurePosixPath(shown).suffix}"
        if not place.exists():
            write_whole(place, self._documents.content(digest), mode=0o600)
        return place

    def _digest(self, path: Path, shown: str) -> str:
        digest = self._manifest.files.get(self._inner(path))
        if digest is None:
            message = f"the release has no file {shown}"
            raise ConfigurationError(message, findings=[diagnostic("DOC001", message, Span(shown))])
        return digest

    def _inner(self, path: Path) -> str:
        """The path in the manifest; one that leads elsewhere is nowhere in it."""
        text = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else ".."
        return "" if text == "." else text


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = f"{path}: the text is not UTF-8"
        raise ConfigurationError(message, findings=[diagnostic("DOC001", message, Span(path))]) from None
