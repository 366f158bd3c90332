"""`conn.lock`: where each copied connector came from, and which version of it was copied."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.documents import dump_yaml, read_document, write_whole
from conn_engine.documents.copied_files import Files, compute_files_digest
from conn_engine.errors import ConfigurationError
from conn_engine.updates.copies import write_base

__all__ = [
    "BUNDLED",
    "LOCK_FILE",
    "LockedConnector",
    "lock_bundled",
    "lock_connector",
    "lock_copy",
    "read_lock",
    "unlock_connector",
]

LOCK_FILE = "conn.lock"
BUNDLED = "bundled"
_VERSION = 1
_HEADER = "# Written by conn new and conn update. Commit it together with .conn/base.\n"
_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class LockedConnector:
    """What a connector was copied from.

    `source` is "bundled", or the URL of another source. `revision` names the version there, and `digest` is that of
    its files. For a connector from Git, `revision` is the commit, `reference` the branch or tag that an update follows,
    and `hosts` and `environment` are what a person has confirmed that it may use.
    """

    source: str
    revision: str
    digest: str
    reference: str = ""
    hosts: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def is_bundled(self) -> bool:
        """Whether it is a copy of a bundled connector."""
        return self.source == BUNDLED

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
    lock_copy(root, name, LockedConnector.from_files(files), files)


def lock_copy(root: Path, name: str, entry: LockedConnector, files: Files) -> None:
    """Add a connector with these files to conn.lock, and then store them as the base copy."""
    lock_connector(root, name, entry)
    write_base(root, name, files)


def lock_connector(root: Path, name: str, entry: LockedConnector) -> None:
    """Add a connector to conn.lock, or replace it there."""
    data: dict[str, Any] = {"source": entry.source, "revision": entry.revision, "digest": entry.digest}
    if not entry.is_bundled:
        confirmed = {"hosts": list(entry.hosts), "environment": list(entry.environment)}
        data |= {"reference": entry.reference, "confirmed": confirmed}
    _write_entries(root, {**_read_entries(root), name: data})


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
    confirmed = entry.get("confirmed", {})
    lists = [confirmed.get(key, []) if isinstance(confirmed, dict) else None for key in ("hosts", "environment")]
    reference, known = entry.get("reference", ""), all(isinstance(item, list) for item in lists)
    if not (isinstance(reference, str) and known and all(isinstance(one, str) for item in lists for one in item or ())):
        raise _build_invalid_error(f'"{name}" has an invalid reference, or invalid confirmed hosts and variables')
    hosts, environment = (tuple(item or ()) for item in lists)
    return LockedConnector(source, revision, digest, reference, hosts, environment)


def _build_invalid_error(reason: str) -> ConfigurationError:
    return ConfigurationError(f"{LOCK_FILE} is invalid: {reason}", hint="restore it from version control")
