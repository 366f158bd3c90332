"""One side of a comparison: the accounts of a workspace with what their results depend on, and its recordings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from conn_engine.analysis.population.content import Digests, join_digests
from conn_engine.analysis.population.recorded_files import RecordedFile, RecordedFiles
from conn_engine.analysis.population.sync_slices import describe_selection
from conn_engine.config import Account, OperationName, Workspace, lookup, singular
from conn_engine.errors import ConfigurationError
from conn_engine.runtime.model_schemas import schema_path

__all__ = ["AccountShape", "Side"]


@dataclass(frozen=True, slots=True)
class AccountShape:
    """What an account's results can depend on. `own` is set if the account has its own recordings, and `syncs`
    describes which syncs its name and its tags select."""

    name: str
    connector: str
    environment: str
    override: str
    own: bool
    syncs: str
    context: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """A key that is equal for accounts that differ only in their contexts."""
        return (self.connector, self.environment, self.override, self.name if self.own else "", self.syncs)


class Side:
    """A workspace before or after a change. `lenient` ignores recordings that cannot be read. `files` are recordings
    that the caller has already read."""

    def __init__(
        self, workspace: Workspace, digests: Digests, *, lenient: bool = False, files: RecordedFiles | None = None
    ) -> None:
        self.workspace = workspace
        self.digests = digests
        self._files = files or RecordedFiles()
        self._lenient = lenient
        self._recordings: dict[tuple[str, str], dict[str, RecordedFile]] = {}
        self._deliveries: dict[tuple[str, str], dict[str, RecordedFile]] = {}
        self._accounts: dict[str, Account] = {}
        self._schemas: dict[tuple[str, str], str] = {}

    @cached_property
    def own_recordings(self) -> frozenset[tuple[str, str]]:
        """(connector, account) of every account with its own folder of recordings or deliveries."""
        accounts = set()
        for connector in self.workspace.connectors():
            for kind in ("recordings", "deliveries"):
                folder = self.workspace.root / "connectors" / connector / kind
                if folder.is_dir():
                    accounts |= {(connector, entry.name) for entry in folder.iterdir() if entry.is_dir()}
        return frozenset(accounts)

    def shape(self, account: str, like: "Side | None" = None) -> AccountShape:
        """Return the shape of one account. If its document is the same on the side `like`, it is not parsed again.

        Raises ConfigurationError for an account that cannot be read.
        """
        typed = self._load_account(account, like)
        return AccountShape(
            account,
            typed.connector,
            typed.environment or self.workspace.settings.default_environment,
            self._digest_override(account, typed),
            (typed.connector, account) in self.own_recordings,
            describe_selection(self.workspace, account, typed.tags) if self.workspace.syncs() else "",
            typed.context,
        )

    def _digest_override(self, account: str, typed: Account) -> str:
        override = self.digests.digest(typed.override)
        others = [key for key, value in (("syncs", typed.syncs), ("endpoints", typed.endpoints)) if value]
        if not others:
            return override
        data = self.workspace.document("account", account).data
        return join_digests(override, *(self.digests.digest({key: data[key]}) for key in others))

    def check_names(self, account: str) -> None:
        """Raise ConfigurationError if an account refers to something that the workspace does not have. Call `shape`
        first."""
        self.workspace.check_names(account, self._accounts[account])

    def _load_account(self, account: str, like: "Side | None") -> Account:
        if like is None or account not in like._accounts:
            self._accounts[account] = self.workspace.account(account)
        else:
            file, other_file = self.workspace.file("account", account), like.workspace.file("account", account)
            same = not (self.workspace.is_draft(file.path) or like.workspace.is_draft(other_file.path)) and (
                file.path.samefile(other_file.path) or file.path.read_bytes() == other_file.path.read_bytes()
            )
            self._accounts[account] = like._accounts[account] if same else self.workspace.account(account)
        return self._accounts[account]

    @cached_property
    def evaluator(self) -> str:
        """The evaluator that conn.yaml sets, or "" for the default."""
        return self.workspace.settings.evaluator or ""

    def recordings(self, connector: str, account: str) -> dict[str, RecordedFile]:
        """Return the recordings of an account by file name: the shared ones, replaced by its own if it has them."""
        shared = self._folder(connector, "")
        account_files = self._folder(connector, account) if (connector, account) in self.own_recordings else {}
        return {
            name: file
            for name, file in {**shared, **account_files}.items()
            if not file.account or file.account == account
        }

    def deliveries(self, connector: str, account: str) -> dict[str, RecordedFile]:
        """Return the recorded deliveries of an account by file name, in the same way as `recordings`."""
        shared = self._load_deliveries(connector, "")
        account_files = self._load_deliveries(connector, account) if (connector, account) in self.own_recordings else {}
        return {**shared, **account_files}

    def _load_deliveries(self, connector: str, account: str) -> dict[str, RecordedFile]:
        key = (connector, account)
        if key not in self._deliveries:
            folder = self.workspace.root / "connectors" / connector / "deliveries"
            self._deliveries[key] = dict(self._read_deliveries(folder / account if account else folder))
        return self._deliveries[key]

    def _read_deliveries(self, folder: Path) -> Iterator[tuple[str, RecordedFile]]:
        for path in sorted(folder.glob("*.json")):
            self.workspace.check_inside(path)
            try:
                yield path.name, self._files.read_delivery(path, self.workspace.format_path(path))
            except ConfigurationError:
                if not self._lenient:
                    raise

    def _folder(self, connector: str, account: str) -> dict[str, RecordedFile]:
        key = (connector, account)
        if key not in self._recordings:
            self._recordings[key] = dict(self._read(connector, account))
        return self._recordings[key]

    def _read(self, connector: str, account: str) -> Iterator[tuple[str, RecordedFile]]:
        folder = self.workspace.root / "connectors" / connector / "recordings"
        if account:
            folder /= account
        for path in sorted(folder.glob("*.json")):
            self.workspace.check_inside(path)
            try:
                yield path.name, self._files.read_recording(path, self.workspace.format_path(path))
            except ConfigurationError:
                if not self._lenient:
                    raise

    def schema(self, data: Mapping[str, Any], name: OperationName) -> str:
        """Return the digest of the model's schema for an operation's records, or "" if there is none."""
        if name.kind != "unified":
            return ""
        shared = lookup(data, name.path[:3])
        record_name = lookup(shared, (name.method, "record"))
        record = record_name if isinstance(record_name, str) else lookup(shared, ("record",))
        key = (name.model, record if isinstance(record, str) else singular(name.resource))
        if key not in self._schemas:
            path = schema_path(self.workspace.models, *key)
            self._schemas[key] = "" if path is None else join_digests(path.read_bytes().hex())
        return self._schemas[key]
