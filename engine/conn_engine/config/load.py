"""A workspace folder: its connectors, environments and accounts, and the effective configuration of each.

Everything is read once, when it is first needed. A name is checked before it becomes a path, and a file outside the
workspace is refused. `merge` merges, `Effective` converts, and `validate` checks a document.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final, Literal, Protocol, TypeVar

from conn_engine.config.braced_expressions import remove_expression_braces
from conn_engine.config.convert import convert
from conn_engine.config.corrections import replace_by_match
from conn_engine.config.dotted_places import expand_places
from conn_engine.config.effective import Effective
from conn_engine.config.grants import Grants
from conn_engine.config.merge import Path_, lookup, merge_over
from conn_engine.config.models import (
    NAME,
    WORD,
    AcceptedChange,
    Account,
    Configuration,
    Environment,
    EnvironmentSettings,
    WorkspaceSettings,
)
from conn_engine.config.origins import DocumentFragment, Layer, Level
from conn_engine.config.record_schemas import SchemaFiles
from conn_engine.config.short_form import expand
from conn_engine.config.strays import SUFFIXES, find_strays
from conn_engine.config.sync_models import SyncDocument
from conn_engine.config.tree import DraftTree, FolderTree, Tree
from conn_engine.config.validate import validate
from conn_engine.config.vendor_endpoints import fill_endpoints
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic, did_you_mean
from conn_engine.documents import Document
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.responses.ratelimit import Budgets
from conn_engine.transport.egress import Trust

__all__ = ["DocumentKind", "File", "Workspace", "load_workspace"]

T = TypeVar("T")
DocumentKind = Literal["workspace", "connector", "unified", "environment", "account", "change", "sync"]
_IN_FOLDERS: Final[tuple[DocumentKind, ...]] = ("environment", "account", "change", "sync")
_NAME = re.compile(NAME)
_MODEL = re.compile(WORD)


@dataclass(frozen=True, slots=True, order=True)
class File:
    """A document of a workspace: its kind, its name (`<connector>/<model>` for a unified document) and its path."""

    kind: DocumentKind
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class WorkspaceSource:
    """What another process needs to load the same workspace: its folder, and the strings that are not saved, by
    path."""

    root: Path
    texts: tuple[tuple[str, str | None], ...] = ()

    def load(self) -> "Workspace":
        """Return the workspace. Raises the errors of `load_workspace`."""
        return load_workspace(self.root).with_texts(dict(self.texts))


def load_workspace(root: Path | str) -> "Workspace":
    """Return the workspace in a folder. Reads only conn.yaml; raises ConfigurationError when it is missing or
    invalid."""
    workspace = Workspace(Path(root))
    _ = workspace.settings
    return workspace


class WorkspaceChoice(Protocol):
    """What has another workspace for some accounts, such as that of a release that only a part of them uses."""

    def choose(self, workspace: "Workspace", account: str) -> "Workspace":
        """Return the workspace that configures an account, `workspace` without a choice for most."""
        ...

    def revise(self, change: Callable[["Workspace"], "Workspace"]) -> "WorkspaceChoice":
        """Return the same with a change of each workspace."""
        ...


class Workspace:
    """A folder with conn.yaml, or what stands for one (`tree`). Files are shown by their path relative to it.

    `place` is the folder that may use stored credentials, by default its real path. `identity` separates the
    credentials of workspaces: the ID in conn.yaml, else the place. A caller who passes one is responsible for it,
    whatever the folder.
    """

    def __init__(self, root: Path, tree: Tree | None = None, *, identity: str = "", place: str = "") -> None:
        self.root = root.absolute()
        self.tree = tree or FolderTree(root)
        self.place = "" if identity else place or str(root.resolve())
        self._identity = identity
        self._documents: dict[Path, Document] = {}
        self._schemas: dict[Path, Document | None] = {}
        self._bases: dict[str, Layer] = {}
        self._files: dict[str, dict[str, File]] = {}
        self._converted: dict[Path, tuple[Document, Any]] = {}
        self._choice: WorkspaceChoice | None = None
        self._plain: Workspace | None = None
        self.release = ""
        """The ID of the release that this is, or ""."""
        self.budgets = Budgets()
        """What the live accounts of this workspace have requested together. Replays count separately."""

    # --- drafts ---

    def with_texts(self, texts: Mapping[str, str | None]) -> "Workspace":
        """Return this workspace with strings that are not saved, by path below the root; None removes a file.

        Nothing is written. Documents that do not differ are shared, and so are connectors without a changed file.
        Raises UsageError for a path outside the workspace.
        """
        if self._choice is not None:
            return self.revise(lambda workspace: workspace.with_texts(texts))
        drafts = {self._resolve_draft(name): text for name, text in texts.items()}
        saved, earlier = (self.tree.saved, self.tree.texts) if isinstance(self.tree, DraftTree) else (self.tree, {})
        draft = self._copy_without(drafts)
        draft.tree = DraftTree(saved, {**earlier, **drafts})
        if all(text is not None and self.tree.is_file(path) for path, text in drafts.items()):
            draft._files = dict(self._files)  # the same files, so the folders need not be listed again
        return draft

    def with_choice(self, choice: "WorkspaceChoice | None") -> "Workspace":
        """Return this workspace with what chooses another one for some accounts. Everything that was read is shared."""
        if choice is None:
            return self._plain or self
        other = copy(self)
        other._plain, other._choice = self._plain or self, choice
        return other

    def revise(self, change: Callable[["Workspace"], "Workspace"]) -> "Workspace":
        """Return this workspace with a change, also of those that are chosen for some accounts."""
        choice = self._choice
        changed = change(self.with_choice(None))
        return changed.with_choice(None if choice is None else choice.revise(change))

    @property
    def choice(self) -> WorkspaceChoice | None:
        """What chooses another workspace for some accounts, or None."""
        return self._choice

    def of_account(self, account: str) -> "Workspace":
        """Return the workspace that configures an account: this one, unless a release channel has another release for
        it. Everything that is about one account is read there. An unknown account is unknown in this one."""
        if self._choice is None or not self.has_account(account):
            return self.with_choice(None)
        return self._choice.choose(self, account)

    def reread(self, paths: Collection[Path]) -> "Workspace":
        """Return this workspace with these files as they are now on disk; other documents are not read again.

        Files that were added or removed must be among them, or a folder that contains them.
        """
        folders = {path for path in paths if not path.suffix}
        inside = {
            path for path in (*self._documents, *self._schemas) if folders and not folders.isdisjoint(path.parents)
        }
        return self._copy_without({*paths, *inside})

    def _copy_without(self, paths: Collection[Path]) -> "Workspace":
        """Return a copy that reads these files again, and shares everything that does not depend on them."""
        other = copy(self)
        other._documents = {path: document for path, document in [*self._documents.items()] if path not in paths}
        other._schemas = {path: document for path, document in [*self._schemas.items()] if path not in paths}
        other._bases = {
            name: base
            for name, base in [*self._bases.items()]
            if not any(path.is_relative_to(self.root / "connectors" / name) for path in paths)
        }
        other._files = {}
        other.__dict__.pop("settings", None)
        return other

    def _resolve_draft(self, name: str) -> Path:
        parts, windows = PurePosixPath(name).parts, PureWindowsPath(name)  # both, so that every system refuses the same
        if not parts or windows.anchor or ".." in windows.parts or "\0" in name:
            raise UsageError(f'"{name}" is not a path in the workspace', hint="write it as accounts/acme.yaml")
        return self.root.joinpath(*parts)

    @property
    def source(self) -> WorkspaceSource:
        """What another process needs to load this workspace."""
        if not isinstance(self.tree, DraftTree):
            return WorkspaceSource(self.root)
        texts = {self.format_path(path): text for path, text in self.tree.texts.items()}
        return WorkspaceSource(self.root, tuple(sorted(texts.items())))

    def is_draft(self, path: Path) -> bool:
        """Return whether a file has a string that is not saved."""
        return isinstance(self.tree, DraftTree) and path in self.tree.texts

    @property
    def identity(self) -> str:
        """The key under which the workspace's credentials are stored."""
        return self._identity or self.settings.id or self.place

    # --- contents ---

    @cached_property
    def settings(self) -> WorkspaceSettings:
        """conn.yaml, typed."""
        path = self._pick(self.root, "conn")
        if path is None:
            raise ConfigurationError(
                f"no conn.yaml in {self.root}", hint="run `conn init` in the folder to create a workspace"
            )
        return self._convert_file(File("workspace", "conn", path), WorkspaceSettings)

    @property
    def trust(self) -> Trust:
        """What requests may reach in addition to the public internet, and the authorities that servers may use."""
        file_name = self.settings.trusted_certificates
        certificates = self.tree.on_disk(self.root / file_name) if file_name is not None else None
        return Trust(tuple(host.lower() for host in self.settings.trusted_hosts), certificates)

    @property
    def models(self) -> list[Path]:
        """The existing folders for the workspace's own unified models."""
        folders = [self.root / folder for folder in self.settings.models]
        return [folder for folder in folders if self.tree.is_dir(folder) and self.tree.is_inside(folder)]

    def connectors(self) -> list[str]:
        """Return the names of the connectors, sorted."""
        return sorted(self._get_files("connector"))

    def environments(self) -> list[str]:
        """Return the names of the environments that have a document, sorted."""
        return sorted(self._get_files("environment"))

    def accounts(self) -> list[str]:
        """Return the names of the accounts, sorted."""
        return sorted(self._get_files("account"))

    def has_account(self, name: str) -> bool:
        """Return whether there is an account with this name."""
        return name in self._get_files("account")

    def changes(self) -> list[str]:
        """Return the names of the accepted changes, sorted."""
        return sorted(self._get_files("change"))

    def syncs(self) -> list[str]:
        """Return the names of the syncs, sorted."""
        return sorted(self._get_files("sync"))

    def unified_models(self, connector: str) -> list[str]:
        """Return the names of the unified models that a connector maps to, sorted."""
        self.file("connector", connector)
        return sorted(file.name.partition("/")[2] for file in self._unified_files(connector))

    def files(self) -> list[File]:
        """Return every document of the workspace, sorted by kind and name."""
        found = [File("workspace", "conn", path) for path in [self._pick(self.root, "conn")] if path is not None]
        for kind in ("connector", *_IN_FOLDERS):
            found.extend(self._get_files(kind).values())
        for connector in self._get_files("connector"):
            found.extend(self._unified_files(connector))
        return sorted(found)

    def documents(self) -> Iterator[tuple[File, Document]]:
        """Yield every document in turn. Raises ConfigurationError for one that cannot be read."""
        for file in self.files():
            yield file, self.read(file)

    def strays(self) -> list[Diagnostic]:
        """Return findings for files among the documents that no command reads."""
        return [
            diagnostic(
                "CFG107",
                stray.message,
                Span(self.format_path(stray.path)),
                hint=stray.hint,
                severity=None if stray.sure else Severity.INFO,
            )
            for stray in find_strays(self.tree, self.root, self.models)
        ]

    # --- reading ---

    def format_path(self, path: Path) -> str:
        """Return a path as people see it: relative to the workspace, with forward slashes."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def find_recorded(self, folder: Path) -> list[Path]:
        """Return the JSON files in a folder, sorted: recordings or recorded deliveries, also those of a release."""
        return [path for path in self.tree.entries(folder) if path.suffix == ".json"]

    def read(self, file: File) -> Document:
        """Return the document of a file, read once. Raises ConfigurationError when it cannot be read or is outside the
        workspace."""
        if file.path not in self._documents:
            self.check_inside(file.path)
            self._documents[file.path] = self.tree.document(file.path, self.format_path(file.path))
        return self._documents[file.path]

    def check_inside(self, path: Path) -> None:
        """Raise ConfigurationError for a path that a link leads out of the workspace, whether or not it exists."""
        if not self.tree.is_inside(path):
            raise ConfigurationError(
                f"{self.format_path(path)} leads out of the workspace",
                hint="replace the link with the file itself",
            )

    def document(self, kind: DocumentKind, name: str) -> Document:
        """Return the document of a connector, environment or account. Raises UsageError for an unknown name."""
        return self.read(self.file(kind, name))

    def account(self, name: str) -> Account:
        """Return an account, typed. Raises UsageError for an unknown name."""
        workspace = self.of_account(name)
        return workspace._convert_file(workspace.file("account", name), Account)

    def change(self, name: str) -> AcceptedChange:
        """Return an accepted change, typed. Raises UsageError for an unknown name."""
        return self._convert_file(self.file("change", name), AcceptedChange)

    def sync(self, name: str) -> SyncDocument:
        """Return a sync, typed. Raises UsageError for an unknown name."""
        return self._convert_file(self.file("sync", name), SyncDocument)

    def check_names(self, account: str, typed: Account) -> None:
        """Raise ConfigurationError when an account refers to a connector or environment that the workspace does not
        have."""
        self._connector_of(account, typed, None)
        self._environment_of(account, typed, None)

    def environment(self, name: str) -> Environment:
        """Return an environment, typed. Raises UsageError for an unknown name."""
        return self._convert_file(self.file("environment", name), Environment)

    # --- the three levels ---

    def effective(
        self, *, account: str | None, connector: str | None = None, environment: str | None = None
    ) -> Effective:
        """Return the effective configuration for an account, or for a connector without one (`account=None`).

        `environment` replaces the account's own. Raises UsageError for unknown names, and ConfigurationError for
        documents that cannot be used.
        """
        if self._choice is not None and account is not None:
            return self.of_account(account).effective(account=account, connector=connector, environment=environment)
        typed = self.account(account) if account is not None else None
        name = self._connector_of(account, typed, connector)
        base = self._base(name)
        layers = [base]
        used = self._environment_of(account, typed, environment)
        if used in self._get_files("environment"):
            file = self.file("environment", used)
            self.environment(used)
            layers.append(self._override(file, "environment", ("connectors", name), layers))
        if account is not None:
            layers.append(self._override(self.file("account", account), "account", ("override",), layers))
        return Effective(
            connector_name=name,
            layers=layers,
            account=account,
            environment=used,
            context=typed.context if typed is not None else {},
            grants=self._grants(used),
            schemas=self._schema_files(name),
            evaluator=self.settings.evaluator or "",
        )

    def _schema_files(self, connector: str) -> SchemaFiles:
        folder = self.file("connector", connector).path.parent
        return SchemaFiles(tuple(self.models), folder, self._find_document)

    def _find_document(self, path: Path) -> Document | None:
        """Return a file below the root that is not a document of the workspace, read once."""
        if path not in self._schemas:
            self.check_inside(path)
            exists = self.tree.is_file(path)
            self._schemas[path] = self.tree.document(path, self.format_path(path)) if exists else None
        return self._schemas[path]

    def _grants(self, environment: str) -> Grants:
        settings = self.settings
        own = settings.environments.get(environment, EnvironmentSettings())
        return Grants(settings.trusted_hosts, settings.env, environment, own.allow)

    def _connector_of(self, account: str | None, typed: Account | None, connector: str | None) -> str:
        if typed is None or account is None:
            if connector is None:
                raise UsageError("pass an account or a connector")
            self.file("connector", connector)
            return connector
        if connector is not None and connector != typed.connector:
            raise UsageError(
                f'account "{account}" uses the connector "{typed.connector}", not "{connector}"',
                hint="omit the connector, or pass it without an account",
            )
        if typed.connector not in self._get_files("connector"):
            raise self._build_unknown_name("account", account, "connector", typed.connector, self.connectors())
        return typed.connector

    def _environment_of(self, account: str | None, typed: Account | None, asked: str | None) -> str:
        if asked is not None:
            if asked != self.settings.default_environment:
                self.file("environment", asked)
            return asked
        if typed is None or account is None or typed.environment is None:
            return self.settings.default_environment
        known = self.environments()
        if typed.environment not in (*known, self.settings.default_environment):
            raise self._build_unknown_name("account", account, "environment", typed.environment, known)
        return typed.environment

    def _build_unknown_name(
        self, kind: DocumentKind, name: str, key: str, value: str, known: Sequence[str]
    ) -> ConfigurationError:
        document = self.document(kind, name)
        message = f'{kind} "{name}" refers to the {key} "{value}", which the workspace does not have'
        hint = did_you_mean(value, known) or (
            f"use one of: {', '.join(known[:8])}" if known else f"add the {key}: the workspace has none"
        )
        fix = replace_by_match(document, (key,), value, known)
        finding = diagnostic("REF101", message, document.span((key,)), path=key, hint=hint, fix=fix)
        return ConfigurationError(message, hint=hint, findings=[finding])

    def _base(self, connector: str) -> Layer:
        if connector not in self._bases:
            self._bases[connector] = self._read_base(connector)
        return self._bases[connector]

    def _read_base(self, connector: str) -> Layer:
        document = self.document("connector", connector)
        data, written = expand(self._object(document, "connector"), Configuration)
        data = {key: value for key, value in data.items() if key != "$schema"}
        if "unified" in data:
            self._refuse(document, "connector")
        sources = [DocumentFragment(document, (), (), written)]
        data, endpoints = fill_endpoints(data, {}, sources[0])
        sources += endpoints
        for file in self._unified_files(connector):
            mapped = self.read(file)
            model = file.name.partition("/")[2]
            resources = lookup(self._object(mapped, "unified"), ("resources",))
            if not isinstance(resources, dict):
                self._refuse(mapped, "unified")
            data = {**data, "unified": {**data.get("unified", {}), model: resources}}
            sources.append(DocumentFragment(mapped, ("resources",), ("unified", model)))
        return Layer("base", remove_expression_braces(data, Configuration), tuple(sources))

    def _override(self, file: File, level: Level, at: Path_, below: Sequence[Layer]) -> Layer:
        document = self.read(file)
        piece: Any = lookup(document.data, at)
        if not isinstance(piece, dict):
            if piece:
                self._refuse(document, file.kind)
            piece = {}
        merged: Any = {}
        for layer in below:
            merged = merge_over(merged, layer.data) if merged else layer.data
        places = expand_places(piece)
        if places.faults:
            self._refuse(document, file.kind)
        data, written = expand(places.data, Configuration, merged)
        fragment = DocumentFragment(document, at, (), written.add_earlier(places.moves))
        data, endpoints = fill_endpoints(data, merged, fragment)
        return Layer(level, remove_expression_braces(data, Configuration), (fragment, *endpoints))

    # --- files ---

    def _convert_file(self, file: File, kind: type[T]) -> T:
        document = self.read(file)
        converted = self._converted.get(file.path)
        if converted is None or converted[0] is not document:
            converted = self._converted[file.path] = (document, self._convert_document(document, file, kind))
        typed: T = converted[1]
        return typed

    def _convert_document(self, document: Document, file: File, kind: type[T]) -> T:
        data = {} if document.data is None and file.kind != "account" else document.data
        try:
            if not isinstance(data, dict):
                raise ConfigurationError(f"{document.file} is not an object")
            return convert({key: value for key, value in data.items() if key != "$schema"}, kind, at=document.file)
        except ConfigurationError as error:
            self._refuse(document, file.kind, error)
            raise

    def _object(self, document: Document, kind: DocumentKind) -> dict[str, Any]:
        if not isinstance(document.data, dict):
            self._refuse(document, kind)
            raise ConfigurationError(f"{document.file} is not an object")
        return document.data

    def _refuse(self, document: Document, kind: DocumentKind, error: ConfigurationError | None = None) -> None:
        findings = validate(document, kind)
        if findings:
            raise ConfigurationError(f"{document.file}: {findings[0].message}", findings=findings)
        if error is not None:
            message = error.message
            raise ConfigurationError(message, findings=[diagnostic("CFG104", message, document.span(()))])

    def file(self, kind: DocumentKind, name: str) -> File:
        """Return the file of a connector, environment or account. Raises UsageError for an unknown name."""
        known = self._get_files(kind)
        if name not in known:
            listed = ", ".join(sorted(known)[:8])
            hint = did_you_mean(name, known) or (f"use one of: {listed}" if known else self._first(kind, name))
            raise UsageError(f'no {kind} "{name}" in the workspace', hint=hint, category="unknown")
        return known[name]

    def _first(self, kind: DocumentKind, name: str) -> str:
        """Return how to add the first connector, environment or account."""
        if not _NAME.match(name):
            return "start the name with a letter or digit, and use only letters, digits, dots, dashes and underscores"
        if kind == "connector":
            return f"add the first connector: conn new {name}"
        inside = ""
        if kind == "account":
            inside = f', with "connector: {next(iter(sorted(self._get_files("connector"))), "NAME")}" in it'
        return f"add the first {kind}: write {kind}s/{name}.yaml{inside}"

    def _get_files(self, kind: DocumentKind) -> dict[str, File]:
        if kind not in self._files:
            self._files[kind] = dict(self._find(kind))
        return self._files[kind]

    def _find(self, kind: DocumentKind) -> Iterator[tuple[str, File]]:
        if kind == "connector":
            for folder in self.tree.entries(self.root / "connectors"):
                path = self._pick(folder, "connector") if _NAME.match(folder.name) else None
                if path is not None:
                    yield folder.name, File("connector", folder.name, path)
        elif kind in _IN_FOLDERS:
            for path in self._named_documents(self.root / f"{kind}s"):
                yield path.stem, File(kind, path.stem, path)

    def _unified_files(self, connector: str) -> list[File]:
        folder = self._get_files("connector")[connector].path.parent / "unified"
        return [File("unified", f"{connector}/{path.stem}", path) for path in self._named_documents(folder, _MODEL)]

    def _named_documents(self, folder: Path, name: re.Pattern[str] = _NAME) -> list[Path]:
        """Return the documents in a folder, by name. Raises ConfigurationError when a name has two."""
        found: dict[str, Path] = {}
        for path in self.tree.entries(folder):
            if path.suffix not in SUFFIXES or not name.match(path.stem):
                continue
            if path.stem in found:
                raise ConfigurationError(
                    f'{found[path.stem]} and {path.name} both define "{path.stem}"', hint="remove one of them"
                )
            found[path.stem] = path
        return list(found.values())

    def _pick(self, folder: Path, stem: str) -> Path | None:
        paths = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
        found = [path for path in paths if self.tree.is_file(path)]
        if len(found) > 1:
            raise ConfigurationError(f"{found[0]} and {found[1].name} are the same document", hint="remove one of them")
        return found[0] if found else None
