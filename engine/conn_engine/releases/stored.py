"""A release as a workspace: its documents are loaded from the store on demand. `serving` chooses the release.

No files are written, so switching to another release costs only as much as the changed documents.
"""

import threading
from collections.abc import Callable, Set
from pathlib import Path, PurePosixPath

from conn_engine.config import Workspace
from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents import Document, parse, write_whole
from conn_engine.errors import ConfigurationError
from conn_engine.releases.content import Manifest

__all__ = ["Documents", "stored_workspace"]

Fetch = Callable[[str], bytes]
"""Returns the content of a digest, verified."""


class Documents:
    """Parsed documents by path and digest. Successive releases share unchanged documents."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[tuple[str, str], Document] = {}
        self._lock = threading.Lock()

    def get(self, path: str, digest: str) -> Document:
        """Return the document of a content. Raises ConfigurationError if it cannot be parsed, StoreFault if damaged."""
        document = self._known.get((path, digest))
        if document is None:
            document = parse(_text(self._fetch(digest), path), path)
            with self._lock:
                document = self._known.setdefault((path, digest), document)
        return document

    def content(self, digest: str) -> bytes:
        """Return the bytes of a content."""
        return self._fetch(digest)

    def keep(self, files: Set[tuple[str, str]]) -> None:
        """Remove documents that are not among these paths and digests. Documents in use stay valid."""
        with self._lock:
            self._known = {key: document for key, document in self._known.items() if key in files}


def stored_workspace(
    manifest: Manifest, documents: Documents, *, identity: str, place: str = "", scratch: Path
) -> Workspace:
    """Return the workspace of a release. `scratch` is a folder for the few files that other libraries must open.

    `identity` separates its credentials from those of other workspaces, and must be the same for all releases. If it
    is "", the identity of the release's conn.yaml is used, for the folder `place`.
    """
    root = Path("/release") / manifest.id
    tree = _StoredTree(root.absolute(), manifest, documents, scratch)
    workspace = Workspace(root, tree, identity=identity, place=place)
    workspace.release = manifest.id
    return workspace


class _StoredTree:
    """The files of a manifest, with the interface that a workspace needs."""

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
        """Return the entries of a folder."""
        names = self._folders.get(self._inner(folder), set())
        return [folder / name for name in sorted(names) if name[0] != "."]

    def is_file(self, path: Path) -> bool:
        """Return whether the release has the file."""
        return self._inner(path) in self._manifest.files

    def is_dir(self, path: Path) -> bool:
        """Return whether the release has files below the path."""
        return self._inner(path) in self._folders

    def is_inside(self, path: Path) -> bool:
        """Return whether a path is inside. A release has no links, so the path itself decides."""
        return path.is_relative_to(self._root) and ".." not in path.parts

    def document(self, path: Path, path_text: str) -> Document:
        """Return a document of the release."""
        return self._documents.get(path_text, self._digest(path, path_text))

    def content(self, path: Path) -> bytes:
        """Return the bytes of a file of the release."""
        return self._documents.content(self._digest(path, self._inner(path)))

    def on_disk(self, path: Path) -> Path:
        """Write a copy of the file, named by its digest, and return its path."""
        path_text = self._inner(path)
        digest = self._digest(path, path_text)
        place = self._scratch / f"{digest}{PurePosixPath(path_text).suffix}"
        if not place.exists():
            write_whole(place, self._documents.content(digest), mode=0o600)
        return place

    def _digest(self, path: Path, path_text: str) -> str:
        digest = self._manifest.files.get(self._inner(path))
        if digest is None:
            message = f"the release has no file {path_text}"
            raise ConfigurationError(message, findings=[diagnostic("DOC001", message, Span(path_text))])
        return digest

    def _inner(self, path: Path) -> str:
        """Return the path in the manifest. A path outside it is never found."""
        text = path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else ".."
        return "" if text == "." else text


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = f"{path}: the text is not UTF-8"
        raise ConfigurationError(message, findings=[diagnostic("DOC001", message, Span(path))]) from None
