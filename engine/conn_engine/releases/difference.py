"""Compare two releases: files, and the effective configuration of accounts. Nothing is run.

Values are only for people at a terminal; reports have paths, names and counts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from conn_engine.analysis.impact.statements import shorten_around_difference
from conn_engine.analysis.population import AccountShape, Digests, Side
from conn_engine.config import MISSING, Effective, Layers, Path_, Workspace, format_place, leaves, mapping_layers
from conn_engine.config.literals import literal_secrets
from conn_engine.errors import ConnError
from conn_engine.releases.content import Manifest, collect
from conn_engine.releases.store import Store
from conn_engine.releases.stored import Documents, stored_workspace
from conn_engine.secrets import REDACTED

__all__ = ["Difference", "FileChange", "Note", "PathChange", "ReleaseContent", "compare", "content_of"]

Note = Literal["added", "removed", "changed"]
_NOT_CONFIGURATION = ("recordings", "deliveries", "expected")


@dataclass(frozen=True, slots=True)
class ReleaseContent:
    """One side: the manifest, and a function that returns the bytes of digests. `name` is for people."""

    name: str
    manifest: Manifest
    contents: Callable[[list[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that only one side has, or that differs."""

    path: str
    note: Note


@dataclass(frozen=True, slots=True)
class PathChange:
    """A path of the effective configuration (or of `context`) that differs, and the number of accounts.

    `connector` is "" for settings of conn.yaml. `accounts` is 0 for a connector without accounts. `before` and `after`
    are the shortened values of the first account; `varied` is set if other accounts have different ones.
    """

    connector: str
    path: str
    note: Note
    accounts: int
    before: str
    after: str
    varied: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """The complete result, sorted. `broken` has the messages of invalid configurations with the number of accounts."""

    before: ReleaseContent
    after: ReleaseContent
    files: tuple[FileChange, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    paths: tuple[PathChange, ...] = ()
    broken: tuple[tuple[str, int], ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.files


def content_of(store: Store, side: str | Workspace) -> ReleaseContent:
    """Return a release of the store by its name, or the current workspace. Raises like `Store.resolve`."""
    if isinstance(side, Workspace):
        collected = collect(side)
        return ReleaseContent(
            "the workspace", collected.manifest, lambda digests: {d: collected.blobs[d] for d in digests}
        )
    release = store.resolve(side)
    manifest = store.manifest(release)
    return ReleaseContent(side, manifest, lambda digests: dict(store.contents(digests)))


def compare(before: ReleaseContent, after: ReleaseContent) -> Difference:
    """Compare the two sides. Raises StoreFault for damaged content."""
    files = tuple(_files(before.manifest.files, after.manifest.files))
    changed = [file.path for file in files if _configures(file.path)]
    if not changed:
        return Difference(before, after, files)
    old, new = _workspace(before), _workspace(after)
    tally = _AccountTally()
    tally.settings(old, new)
    accounts_in_both = set(old.accounts()) & set(new.accounts())
    reached = (
        accounts_in_both
        if any(not path.startswith("accounts/") for path in changed)
        else accounts_in_both & _accounts(changed)
    )
    for group in _alike(old, new, sorted(reached)):
        tally.group(old, new, group)
    for connector in sorted(set(old.connectors()) & set(new.connectors()) - tally.connectors):
        tally.connector(old, new, connector)
    return Difference(
        before,
        after,
        files,
        tuple(sorted(set(new.accounts()) - set(old.accounts()))),
        tuple(sorted(set(old.accounts()) - set(new.accounts()))),
        tuple(tally.changes()),
        tuple(sorted(tally.broken.items())),
    )


def _files(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FileChange]:
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield FileChange(path, "added")
        elif path not in after:
            yield FileChange(path, "removed")
        elif before[path] != after[path]:
            yield FileChange(path, "changed")


def _configures(path: str) -> bool:
    """Return whether a file is part of an effective configuration."""
    parts = path.split("/")
    if parts[0] == "connectors":
        return len(parts) > 2 and parts[2] not in _NOT_CONFIGURATION
    return parts[0] in ("environments", "accounts") or (len(parts) == 1 and parts[0].startswith("conn."))


def _accounts(paths: list[str]) -> set[str]:
    return {Path(path).stem for path in paths if path.startswith("accounts/")}


def _workspace(side: ReleaseContent) -> Workspace:
    """Return a workspace of the documents of a side. They are fetched together, as there may be thousands."""
    digests = sorted({digest for path, digest in side.manifest.files.items() if _configures(path)})
    contents = side.contents(digests)
    documents = Documents(lambda digest: contents[digest] if digest in contents else side.contents([digest])[digest])
    return stored_workspace(side.manifest, documents, identity=side.manifest.id, scratch=Path())


def _alike(old: Workspace, new: Workspace, names: list[str]) -> list[list[tuple[AccountShape, AccountShape]]]:
    """Return groups of accounts that differ only in their contexts, on both sides."""
    digests = Digests()
    sides = Side(old, digests), Side(new, digests)
    groups: dict[object, list[tuple[AccountShape, AccountShape]]] = {}
    for name in names:
        pair = sides[0].shape(name), sides[1].shape(name)
        groups.setdefault((pair[0].key, pair[1].key), []).append(pair)
    return list(groups.values())


@dataclass(slots=True)
class _FileCount:
    accounts: int = 0
    said: dict[tuple[str, str], None] = field(default_factory=dict)


class _AccountTally:
    """Counts the accounts with a difference, by connector and path."""

    def __init__(self) -> None:
        self.connectors: set[str] = set()
        self.broken: dict[str, int] = {}
        self._found: dict[tuple[str, str, Note], _FileCount] = {}

    def settings(self, old: Workspace, new: Workspace) -> None:
        """Compare the settings of conn.yaml."""
        data = [next((w.read(f).data for f in w.files() if f.kind == "workspace"), None) or {} for w in (old, new)]
        self._differences("", dict(leaves(data[0])), dict(leaves(data[1])), 0)

    def group(self, old: Workspace, new: Workspace, group: list[tuple[AccountShape, AccountShape]]) -> None:
        """Compare accounts that differ only in their contexts."""
        first = group[0]
        connector = first[1].connector
        self.connectors |= {first[0].connector, connector}
        for before, after in group:
            contexts = [{("context", *path): value for path, value in leaves(s.context)} for s in (before, after)]
            self._differences(connector, contexts[0], contexts[1], 1)
        changes = [{("connector",): shape.connector, ("environment",): shape.environment} for shape in first]
        self._differences(connector, changes[0], changes[1], len(group))
        if first[0].connector != connector:
            return  # with another connector, everything differs
        try:
            sides = old.effective(account=first[0].name), new.effective(account=first[1].name)
        except ConnError as error:
            self.broken[error.message] = self.broken.get(error.message, 0) + len(group)
            return
        self._effectives(sides, len(group))

    def connector(self, old: Workspace, new: Workspace, connector: str) -> None:
        """Compare a connector that no account uses on both sides."""
        try:
            sides = [side.effective(account=None, connector=connector) for side in (old, new)]
        except ConnError as error:
            self.broken.setdefault(error.message, 0)
            return
        self._effectives((sides[0], sides[1]), 0)

    def changes(self) -> Iterator[PathChange]:
        """Yield the result by connector and path."""
        for (connector, path, note), count in sorted(self._found.items()):
            before, after = shorten_around_difference(*next(iter(count.said)))
            yield PathChange(connector, path, note, count.accounts, before, after, len(count.said) > 1)

    def _effectives(self, sides: tuple[Effective, Effective], accounts: int) -> None:
        before, after = (_leaves(side.data) for side in sides)
        hidden = {path for side in sides for path, _ in literal_secrets(side.data)}
        self._differences(sides[1].connector_name, before, after, accounts, hidden)

    def _differences(
        self,
        connector: str,
        before: Mapping[Any, Any],
        after: Mapping[Any, Any],
        accounts: int,
        hidden: set[Any] = frozenset(),  # type: ignore[assignment]
    ) -> None:
        for path in before.keys() | after.keys():
            old, new = before.get(path, MISSING), after.get(path, MISSING)
            if old == new and type(old) is type(new):
                continue
            note: Note = "added" if old is MISSING else "removed" if new is MISSING else "changed"
            count = self._found.setdefault((connector, format_place(path), note), _FileCount())
            count.accounts += accounts
            if len(count.said) < 2:
                values = (REDACTED, REDACTED) if path in hidden else (_list_settings(old), _list_settings(new))
                count.said.setdefault(values)


def _leaves(data: Any) -> dict[Path_, Any]:
    """Return the leaves by path; for composed levels of a mapping, the highest level's value of each field."""
    values: dict[Path_, Any] = {}
    for path, value in leaves(data):
        if not isinstance(value, Layers):
            values[path] = value
            continue
        for layer in mapping_layers(value):
            values.update({(*path, *inner): item for inner, item in leaves(layer)})
    return values


def _list_settings(value: Any) -> str:
    if value is MISSING:
        return ""
    return " ".join((value if isinstance(value, str) else json.dumps(value, default=list)).split())
