"""`conn.lock`: where each copied connector came from, and which version of it was copied."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.documents import dump_yaml, read_document, write_whole
from conn_engine.documents.copied_files import Files, compute_files_digest
from conn_engine.errors import ConfigurationError
from conn_engine.updates.copies import write_base

__all__ = ["BUNDLED", "LOCK_FILE", "LockedConnector", "lock_bundled", "lock_connector", "read_lock", "unlock_connector"]

LOCK_FILE = "conn.lock"
BUNDLED = "bundled"
_VERSION = 1
_HEADER = "# Written by conn new and conn update. Commit it together with .conn/base.\n"
_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class LockedConnector:
    """What a connector was copied from.

    `source` is "bundled", or the URL of another source. `revision` names the version there, and `digest` is that of
    its files.
    """

    source: str
    revision: str
    digest: str

    @classmethod
    def from_files(cls, files: Files) -> "LockedConnector":
        """Return the entry for a bundled connector with these files."""
        digest = compute_files_digest(files)
        return cls(BUNDLED, digest[:12], _DIGEST + digest)


def read_lock(root: Path) -> dict[str, LockedConnector]:
    """Return the connectors of conn.lock in the workspace at `root`, by name. Raises ConfigurationError for a file
    that cannot be read."""
    return {name: _convert(name, entry) for name, entry in _read_entries(root).items()}


def lock_bundled(root: Path, name: str, files: Files) -> None:
    """Add a bundled connector to conn.lock, and then store its files as the base copy.

    In this order, an interruption is noticed: the base copy does not fit conn.lock.
    """
    lock_connector(root, name, LockedConnector.from_files(files))
    write_base(root, name, files)


def lock_connector(root: Path, name: str, entry: LockedConnector) -> None:
    """Add a connector to conn.lock, or replace it there."""
    _write_entries(
        root,
        {**_read_entries(root), name: {"source": entry.source, "revision": entry.revision, "digest": entry.digest}},
    )


def unlock_connector(root: Path, name: str) -> None:
    """Remove a connector from conn.lock, if it is there: it is no longer a copy."""
    entries = _read_entries(root)
    if entries.pop(name, None) is not None:
        _write_entries(root, entries)


def _read_entries(root: Path) -> dict[str, Any]:
    path = root / LOCK_FILE
    if not path.exists():
        return {}
    document = read_document(path, LOCK_FILE, language="yaml")
    data = document.data
    if isinstance(data, dict) and data.get("version", _VERSION) != _VERSION:
        raise ConfigurationError(
            f"{LOCK_FILE} has the version {data['version']}, which this version of Conn cannot read",
            hint="upgrade conn-engine",
        )
    entries = data.get("connectors") if isinstance(data, dict) else None
    if not isinstance(entries, dict):
        raise _build_invalid_error("it has no `connectors`")
    return entries


def _write_entries(root: Path, entries: dict[str, Any]) -> None:
    data = {"version": _VERSION, "connectors": dict(sorted(entries.items()))}
    write_whole(root / LOCK_FILE, _HEADER + dump_yaml(data), within=root)


def _convert(name: str, entry: Any) -> LockedConnector:
    texts = [entry.get(key) if isinstance(entry, dict) else None for key in ("source", "revision", "digest")]
    source, revision, digest = texts
    if not (isinstance(source, str) and isinstance(revision, str) and isinstance(digest, str)):
        raise _build_invalid_error(f'"{name}" needs source, revision and digest')
    return LockedConnector(source, revision, digest)


def _build_invalid_error(reason: str) -> ConfigurationError:
    return ConfigurationError(f"{LOCK_FILE} is invalid: {reason}", hint="restore it from version control")
