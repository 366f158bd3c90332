"""Plans `conn test`: the recorded cases, syncs and deliveries of a selection, before any of them is replayed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.testing.cases import Case, find_cases
from conn_engine.testing.deliveries.cases import find_deliveries
from conn_engine.testing.selection import (
    ReachCheck,
    Selection,
    SuiteKey,
    SuiteRow,
    build_key,
    check_any_is_enabled,
    select_effectives,
    select_rows,
)
from conn_engine.testing.syncs.cases import SyncName, find_sync_cases, sync_name

__all__ = ["CaseChoice", "PlannedTest", "plan_tests"]

Loader = Callable[[Path, str], Recording]


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """An operation, sync or recorded delivery to test for one account. `chosen` are the cases to report. All cases of
    an operation are replayed, because its coverage is that of all its recordings."""

    effective: Effective
    name: OperationName
    cases: Sequence[Case]
    chosen: Sequence[Case]

    @property
    def key(self) -> SuiteKey:
        """What identifies the test in the results."""
        return build_key(self.effective, self.name)


@dataclass(slots=True)
class CaseChoice:
    """Chooses cases by scenario and keyword, and remembers what there was, for an error if it chooses nothing."""

    selection: Selection
    is_any_chosen: bool = False
    scenarios: dict[str, None] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)

    def plan(self, effective: Effective, name: OperationName, cases: Sequence[Case]) -> PlannedTest | None:
        """Return the test of an operation, or None if it is not selected."""
        selection = self.selection
        chosen = list(cases)
        if selection.only is not None:
            failed = selection.only.get(build_key(effective, name))
            chosen = [case for case in cases if not failed or case.scenario in failed]
            if failed is None or (failed and not chosen):
                return None
        self.scenarios |= dict.fromkeys(case.scenario for case in chosen)
        chosen = [case for case in chosen if _is_scenario(selection.scenarios, case.scenario)]
        if selection.scenarios and not chosen:
            return None
        if selection.keyword is not None:
            label = f"{name.text} {effective.account or effective.connector_name}"
            texts = [f"{label} {case.scenario}" for case in chosen]
            self.texts |= dict.fromkeys(texts or [label])
            chosen = [case for case, text in zip(chosen, texts, strict=True) if selection.keyword.is_match(text)]
            if not chosen and (texts or not selection.keyword.is_match(label)):
                return None
        self.is_any_chosen = True
        return PlannedTest(effective, name, cases, chosen)

    def check(self) -> None:
        """Raise UsageError for a scenario that no recording has, and if nothing was chosen."""
        selection = self.selection
        for scenario in selection.scenarios:
            if not any(_is_scenario((scenario,), known) for known in self.scenarios):
                listed = ", ".join(sorted(self.scenarios)[:8])
                hint = did_you_mean(scenario, self.scenarios) or (f"use one of: {listed}" if listed else "")
                raise UsageError(
                    f'no selected recording has the scenario "{scenario}"',
                    hint=hint or "record one: conn record OPERATION",
                )
        if self.is_any_chosen:
            return
        if selection.only is not None and not self.scenarios:
            raise UsageError("none of the cases that failed last time is selected", hint="run all: conn test")
        if selection.keyword is not None:
            hint = selection.keyword.suggest(self.texts)
            raise UsageError(f'no operation, account or scenario matches -k "{selection.keyword.text}"', hint=hint)


def _is_scenario(patterns: Iterable[str], scenario: str) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(scenario, pattern) for pattern in patterns)


def plan_tests(
    workspace: Workspace, selection: Selection, *, is_reached: ReachCheck | None = None, load: Loader = load_recording
) -> Iterator[PlannedTest]:
    """Yield the tests of a selection, in the order in which they are run. `is_reached` as in `select_rows`; `load`
    reads a recording.

    Raises the errors of `select_rows`, ConfigurationError for an account whose settings cannot be used, and UsageError
    at the end if the selection has no case.
    """
    choice = CaseChoice(selection)
    if selection.deliveries is not None:
        yield from _plan_deliveries_only(workspace, choice, selection.deliveries, is_reached)
    else:
        rows = select_rows(workspace, selection, is_reached)
        if is_reached is None:
            check_any_is_enabled(rows, selection)
        for row in rows:
            yield from _plan_row(workspace, choice, row, load)
    if is_reached is None:
        choice.check()


def _plan_row(workspace: Workspace, choice: CaseChoice, row: SuiteRow, load: Loader) -> Iterator[PlannedTest]:
    effective, selection = row.effective, choice.selection
    effective.check_shared()
    load = cache(load)
    names = [name for name in row.names if not isinstance(name, SyncName)]
    syncs = [name for name in row.names if isinstance(name, SyncName)]
    cases = find_cases(workspace, effective, names, load) if names else []
    for name in names:
        operation_cases = [case for case in cases if case.name == name]
        if not operation_cases and name not in row.named and _is_left_out(effective, name, selection):
            continue
        if (planned := choice.plan(effective, name, operation_cases)) is not None:
            yield planned
    if not selection.operations and not selection.raw:
        syncs = _list_syncs(workspace, effective)
    for name in syncs:
        if (planned := choice.plan(effective, name, _find_sync_cases(workspace, effective, name, load))) is not None:
            yield planned
    if not selection.operations and not selection.raw:
        for case in find_deliveries(workspace, effective):
            if (planned := choice.plan(effective, case.name, [case])) is not None:
                yield planned


def _list_syncs(workspace: Workspace, effective: Effective) -> list[SyncName]:
    if not workspace.syncs():
        return []
    from conn_engine.syncs import find_syncs

    return [sync_name(name) for name in find_syncs(workspace, effective)]


def _find_sync_cases(workspace: Workspace, effective: Effective, name: SyncName, load: Loader) -> Sequence[Case]:
    """Return the cases of a sync. One that cannot run has none: its test says why."""
    from conn_engine.syncs import compile_sync, load_sync_levels

    try:
        plan = compile_sync(workspace, load_sync_levels(workspace, name.method, effective), effective)
    except ConnError:
        return []
    return find_sync_cases(workspace, effective, name.method, plan.fetch.operation, load)


def _is_left_out(effective: Effective, name: OperationName, selection: Selection) -> bool:
    """Return whether a vendor operation needs no test: it is tested through the unified ones, or by name."""
    if name.kind != "vendor":
        return False
    if effective.explain_disabled(name) is not None:
        return not selection.operations
    try:
        effective.check_operation(name)
    except ConfigurationError:
        return False
    return True


def _plan_deliveries_only(
    workspace: Workspace, choice: CaseChoice, names: Sequence[str], is_reached: ReachCheck | None
) -> Iterator[PlannedTest]:
    known: dict[str, None] = {}
    for effective in select_effectives(workspace, choice.selection, is_reached):
        for case in find_deliveries(workspace, effective):
            known[case.path.stem] = None
            if names and not any(fnmatchcase(case.path.stem, name) for name in names):
                continue
            if (planned := choice.plan(effective, case.name, [case])) is not None:
                yield planned
    if is_reached is None:
        _check_deliveries(names, known)


def _check_deliveries(names: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    if not known:
        raise UsageError("there is no recorded delivery", hint="record one: conn webhook record NAME FILE")
    for name in names:
        if not any(fnmatchcase(stem, name) for stem in known):
            near = did_you_mean(name, known) or f"choose one of {', '.join(known[:10])}"
            raise UsageError(f'no recorded delivery is named "{name}"', hint=near)
