"""Select the tests that cover all accounts: each operation, sync and delivery once for accounts that behave alike."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from conn_engine.analysis.population.content import Digests, join_digests
from conn_engine.analysis.population.groups import AccountGroup, group_accounts
from conn_engine.analysis.population.recorded_files import RecordedFile, RecordedFiles
from conn_engine.analysis.population.sides import Side
from conn_engine.analysis.population.slices import Slicer
from conn_engine.analysis.population.sync_slices import cut_syncs
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.syncs import compile_sync, find_syncs, load_sync_levels
from conn_engine.testing.cases import Case
from conn_engine.testing.deliveries.cases import DeliveryName, delivery_name, find_deliveries
from conn_engine.testing.suite import (
    OperationReport,
    Selection,
    SharedRuns,
    delivery_report,
    report_on,
)
from conn_engine.testing.syncs.cases import SyncCase, SyncName, find_calling_operations, find_sync_cases
from conn_engine.testing.syncs.judging import describe_target
from conn_engine.testing.syncs.reporting import report_on_sync

__all__ = ["Trial", "Trials"]

Trial = tuple[Effective, OperationName, list[RecordedFile]]


class Trials:
    """Selects which operation of which account is tested on which recordings; equal ones are tested once.

    `connectors` are those tested through accounts.
    """

    def __init__(self, workspace: Workspace, files: RecordedFiles | None = None) -> None:
        self.workspace = workspace
        self.side = Side(workspace, Digests(), files=files)
        self.slicer = Slicer(self.side.digests)
        self.connectors: set[str] = set()

    def select(self, accounts: Sequence[str] = (), *, lenient: bool = False) -> list[Trial]:
        """Return the trials of all accounts, or of some, sorted by operation.

        Raises ConfigurationError for an account whose configuration cannot be used; `lenient` leaves it out.
        """
        trials: dict[str, Trial] = {}
        for group in group_accounts(self.side, None, accounts):
            if group.effective is None:
                if lenient:
                    continue
                raise ConfigurationError(group.broken)
            self.connectors.add(group.effective.connector_name)
            for effective in self._representatives(group, group.effective):
                self._add(trials, effective)
        return sorted(trials.values(), key=lambda trial: (trial[0].connector_name, trial[1].text))

    def reports(self, chosen: Sequence[Trial]) -> Iterator[OperationReport]:
        """Replay the trials and yield their reports. Raises ConfigurationError for a configuration that cannot be
        used."""
        checked: set[str | None] = set()
        for _, equal_trials in groupby(chosen, key=lambda trial: (trial[0].connector_name, trial[1])):
            shared_runs = SharedRuns(self.build_request_key)
            for effective, name, files in equal_trials:
                if effective.account not in checked:
                    effective.check_shared()
                    checked.add(effective.account)
                if isinstance(name, SyncName):
                    yield report_on_sync(self.workspace, effective, name, self._find_sync_cases(effective, name))
                    continue
                if isinstance(name, DeliveryName):
                    for case in find_deliveries(self.workspace, effective, [name.method]):
                        yield delivery_report(self.workspace, effective, case, shared_runs=shared_runs)
                    continue
                cases = [self.case(effective, name, file) for file in files]
                yield report_on(self.workspace, effective, name, cases, Selection(), shared_runs=shared_runs)

    def _representatives(self, group: AccountGroup, first: Effective) -> Iterator[Effective]:
        """Yield the first account of a group, and those with their own goldens."""
        goldens = self.workspace.root / "connectors" / first.connector_name / "expected"
        syncs = goldens / "syncs"
        folders = (goldens, goldens / "deliveries", *(syncs.iterdir() if syncs.is_dir() else ()))
        accounts = [account for account in group.accounts if any((folder / account).is_dir() for folder in folders)]
        rest = [account for account in group.accounts if account not in accounts]
        for account in sorted([*accounts, *rest[:1]]):
            yield first if account == first.account else self.workspace.effective(account=account)

    def _add(self, trials: dict[str, Trial], effective: Effective) -> None:
        recordings = self.side.recordings(effective.connector_name, effective.account or "")
        by_operation: dict[str, list[RecordedFile]] = {}
        for file in recordings.values():
            by_operation.setdefault(file.operation, []).append(file)
        for name in effective.enabled_operations():
            files = by_operation.get(name.text, [])
            if files or name.kind == "unified":
                trials.setdefault(self.build_key(effective, name, files), (effective, name, files))
        syncs = cut_syncs(self.slicer, self.workspace, effective, find_syncs(self.workspace, effective))
        for synced, cut in syncs.items():
            fetched = cut.plan.fetch.operation
            files = by_operation.get(fetched.text, [])
            if not files and fetched.kind == "vendor":
                calling = find_calling_operations(effective, fetched)
                files = [file for name in calling for file in by_operation.get(name.text, [])]
            trials.setdefault(self.build_key(effective, synced, files), (effective, synced, files))
        for file in self.side.deliveries(effective.connector_name, effective.account or "").values():
            received = delivery_name(file.path.stem)
            trials.setdefault(self.build_key(effective, received, [file]), (effective, received, [file]))

    def build_key(self, effective: Effective, name: OperationName, files: Sequence[RecordedFile]) -> str:
        """Return a key that is equal if the tests have equal results."""
        contexts: list[Mapping[str, Any]] = [effective.context]
        texts = [effective.connector_name, self.side.schema(effective.data, name)]
        if isinstance(name, SyncName):
            synced = cut_syncs(self.slicer, self.workspace, effective, [name.method]).get(name)
            if synced is None:  # it cannot run: the test says why
                return join_digests(*texts, name.text, effective.account or "", self._read_sync(name))
            cut = synced.events
            texts += [repr(describe_target(synced.plan)), synced.plan.on_error]
        else:
            cut = self.slicer.cut(effective, name)
        texts.append(cut.in_context(self.side.digests, *contexts))
        for file in files:
            golden = self._goldens(effective, file, name)[0]
            golden_text = golden.read_text(encoding="utf-8") if golden.is_file() else ""
            texts += [
                file.path.name,
                file.digest,
                cut.in_context(self.side.digests, *contexts, file.context),
                golden_text,
            ]
        return join_digests(*texts)

    def _read_sync(self, name: SyncName) -> str:
        return self.workspace.document("sync", name.method).text

    def build_request_key(self, effective: Effective, case: Case) -> str:
        """Return a key that is equal if the accounts' requests on a recording are equal."""
        cut = self.slicer.cut(effective, case.name)
        key = cut.requests_in_context(self.side.digests, effective.context, case.recording.context)
        return join_digests(effective.connector_name, str(case.path), key)

    def case(self, effective: Effective, name: OperationName, file: RecordedFile) -> Case:
        """Return a recording with its goldens, as in `conn test`."""
        return Case(name, _load_recording(file.path, self.workspace.format_path(file.path)), file.path,
                    *self._goldens(effective, file, name))  # fmt: skip

    def _find_sync_cases(self, effective: Effective, name: SyncName) -> list[SyncCase]:
        plan = compile_sync(self.workspace, load_sync_levels(self.workspace, name.method, effective), effective)
        return find_sync_cases(self.workspace, effective, name.method, plan.fetch.operation, _load_recording)

    def _goldens(self, effective: Effective, file: RecordedFile, name: OperationName) -> tuple[Path, Path]:
        folder = self.workspace.root / "connectors" / effective.connector_name
        kind, goldens = "recordings", folder / "expected"
        if folder / "deliveries" in file.path.parents:
            kind, goldens = "deliveries", folder / "expected" / "deliveries"
        if isinstance(name, SyncName):
            goldens = folder / "expected" / "syncs" / name.method
        golden = goldens / (effective.account or "") / file.path.name
        is_of_account = file.path.parent != folder / kind
        return golden, golden if is_of_account else goldens / file.path.name


@lru_cache(maxsize=16)
def _load_recording(path: Path, path_text: str) -> Recording:
    return load_recording(path, path_text)
