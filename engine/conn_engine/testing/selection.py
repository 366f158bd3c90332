"""Selects what `conn test` runs: accounts, operations, recorded cases and deliveries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.runtime.variants import up_to
from conn_engine.testing.cases import Case, find_cases
from conn_engine.testing.deliveries.cases import find_deliveries
from conn_engine.testing.keyword import KeywordExpression

__all__ = [
    "CaseChoice",
    "PlannedTest",
    "Selection",
    "SuiteKey",
    "build_key",
    "check_any_is_enabled",
    "is_pattern",
    "plan_tests",
    "select_rows",
]


class SuiteKey(NamedTuple):
    """Identifies an operation, or a recorded delivery, of an account in the results. `account` is "" for a connector
    without one."""

    connector: str
    account: str
    environment: str
    operation: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What to test. Without `operations`, every operation and recorded delivery is tested; without `accounts`, every
    account that has the operation.

    `operations` and `scenarios` are names or patterns such as `contacts.*`. `deliveries` limits the test to the
    recorded deliveries with these names; an empty tuple means all of them. `only` limits it to these operations.
    `alone` tests the connector without its accounts.
    """

    operations: tuple[str, ...] = ()
    deliveries: tuple[str, ...] | None = None
    accounts: tuple[str, ...] = ()
    connector: str | None = None
    environment: str | None = None
    raw: bool = False
    cross_check: bool = False
    alone: bool = False
    keyword: KeywordExpression | None = None
    scenarios: tuple[str, ...] = ()
    only: frozenset[SuiteKey] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it leaves out nothing of the workspace but what passed before."""
        return replace(self, only=None, cross_check=False) == Selection()


@dataclass(frozen=True, slots=True)
class SuiteRow:
    """An effective configuration to test, its operations, and those of them that were named without a pattern."""

    effective: Effective
    names: list[OperationName]
    named: frozenset[OperationName] = frozenset()


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """An operation, or a recorded delivery, to test for one account. `chosen` are the cases to report; all of them are
    replayed, because the coverage of an operation is that of all its recordings."""

    effective: Effective
    name: OperationName
    cases: Sequence[Case]
    chosen: Sequence[Case]

    @property
    def key(self) -> SuiteKey:
        """What identifies the test in the results."""
        return build_key(self.effective, self.name)


def build_key(effective: Effective, name: OperationName) -> SuiteKey:
    """Return what identifies an operation of an account in the results."""
    return SuiteKey(effective.connector_name, effective.account or "", effective.environment or "", name.text)


def is_pattern(text: str) -> bool:
    """Return whether a name on the command line is a pattern such as `contacts.*`."""
    return any(character in text for character in "*?[")


# --- accounts and operations ---


def select_rows(workspace: Workspace, selection: Selection) -> list[SuiteRow]:
    """Return the effective configurations to test, and the operations of each.

    Raises UsageError for an unknown account, for a name or pattern that no account has an operation for, and if nothing
    matches.
    """
    rows: list[SuiteRow] = []
    refusals: dict[str, UsageError] = {}
    matched: set[str] = set()
    effectives = _select_effectives(workspace, selection)
    for effective in effectives:
        names: dict[OperationName, None] = {}
        named: set[OperationName] = set()
        for text in selection.operations:
            try:
                found = _find_operations(effective, text, raw=selection.raw)
            except UsageError as error:
                refusals.setdefault(text, error)
                continue
            matched.add(text)
            names |= dict.fromkeys(found)
            named |= set() if is_pattern(text) else set(found)
        if not selection.operations:
            names = dict.fromkeys(_list_operations(effective, raw=selection.raw))
        if names:
            rows.append(SuiteRow(effective, list(names), frozenset(named)))
    for text, refusal in refusals.items():
        if text not in matched:
            raise _refuse_name(effectives, text, refusal, raw=selection.raw)
    if not rows:
        raise UsageError("there is no operation to test", hint="create a connector: conn new NAME")
    return rows


def _select_effectives(workspace: Workspace, selection: Selection) -> list[Effective]:
    if selection.connector and selection.alone:
        return [up_to(workspace.effective(account=None, connector=selection.connector), "base")]
    if selection.accounts:
        return [workspace.effective(account=name, environment=selection.environment) for name in selection.accounts]
    accounts = {name: workspace.account(name) for name in workspace.accounts()}
    chosen = []
    for connector in [selection.connector] if selection.connector else workspace.connectors():
        using = sorted(name for name, account in accounts.items() if account.connector == connector)
        if selection.environment is not None:
            default = workspace.settings.default_environment
            using = [name for name in using if (accounts[name].environment or default) == selection.environment]
        if using:
            chosen += [workspace.effective(account=name) for name in using]
        else:
            alone = workspace.effective(account=None, connector=connector, environment=selection.environment)
            chosen.append(alone if selection.environment is not None else up_to(alone, "base"))
    return chosen


def _list_operations(effective: Effective, *, raw: bool) -> list[OperationName]:
    return [name for name in effective.operations() if not raw or name.kind == "vendor"]


def _find_operations(effective: Effective, text: str, *, raw: bool) -> list[OperationName]:
    """Return the operations that a name or pattern stands for. Raises UsageError if there is none."""
    if not is_pattern(text):
        return [effective.resolve(text, raw=raw)]
    connector, colon, pattern = text.rpartition(":")
    names = _list_operations(effective, raw=raw or bool(colon))
    found = [name for name in names if any(fnmatchcase(spelling, pattern) for spelling in _spell(name))]
    if not found or (colon and not fnmatchcase(effective.connector_name, connector)):
        raise UsageError(
            f'connector "{effective.connector_name}" has no operation that matches "{text}"',
            hint=_suggest_operation([effective], pattern, raw=raw),
        )
    return found


def _spell(name: OperationName) -> tuple[str, ...]:
    return (name.text, f"{name.resource}.{name.method}")


def _refuse_name(effectives: Sequence[Effective], text: str, refusal: UsageError, *, raw: bool) -> UsageError:
    """Return the error for a name that no account has an operation for. `refusal` is that of the first account."""
    connectors = {effective.connector_name: effective for effective in effectives}
    if len(connectors) == 1 or (":" in text and not is_pattern(text)):
        return refusal
    what = f'that matches "{text}"' if is_pattern(text) else f'"{text}"'
    return UsageError(
        f"none of the {len(connectors):,} connectors has an operation {what}",
        hint=_suggest_operation(connectors.values(), text.rpartition(":")[2], raw=raw),
    )


def _suggest_operation(effectives: Iterable[Effective], text: str, *, raw: bool) -> str:
    known: dict[str, None] = {}
    for effective in effectives:
        for name in _list_operations(effective, raw=raw):
            parts = [f"{name.model}.*"] * bool(name.model) + [f"{name.resource}.*", f"*.{name.method}"]
            known |= dict.fromkeys(parts if is_pattern(text) else _spell(name))
    return did_you_mean(text, sorted(known)) or "conn show --connector NAME lists the operations"


def check_any_is_enabled(rows: Sequence[SuiteRow], selection: Selection) -> None:
    """Raise DisabledError if the selection names operations, and each of them is disabled for each account."""
    if not selection.operations:
        return
    selected = [(row.effective, name) for row in rows for name in row.names]
    if all(effective.explain_disabled(name) for effective, name in selected):
        effective, name = selected[0]
        effective.check_enabled(name)


# --- cases ---


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
        if selection.only is not None and build_key(effective, name) not in selection.only:
            return None
        self.scenarios |= dict.fromkeys(case.scenario for case in cases)
        chosen = [case for case in cases if _is_scenario(selection.scenarios, case.scenario)]
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
            raise UsageError("none of the operations that failed last time is selected", hint="run all: conn test")
        if selection.keyword is not None:
            hint = selection.keyword.suggest(self.texts)
            raise UsageError(f'no operation, account or scenario matches -k "{selection.keyword.text}"', hint=hint)


def _is_scenario(patterns: Iterable[str], scenario: str) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(scenario, pattern) for pattern in patterns)


def plan_tests(workspace: Workspace, selection: Selection) -> Iterator[PlannedTest]:
    """Yield the tests of a selection, in the order in which they are run.

    Raises the errors of `select_rows`, ConfigurationError for an account whose settings cannot be used, and UsageError
    at the end if the selection has no case.
    """
    choice = CaseChoice(selection)
    if selection.deliveries is not None:
        yield from _plan_deliveries_only(workspace, choice, selection.deliveries)
    else:
        rows = select_rows(workspace, selection)
        check_any_is_enabled(rows, selection)
        for row in rows:
            yield from _plan_row(workspace, choice, row)
    choice.check()


def _plan_row(workspace: Workspace, choice: CaseChoice, row: SuiteRow) -> Iterator[PlannedTest]:
    effective, selection = row.effective, choice.selection
    effective.check_shared()
    cases = find_cases(workspace, effective, row.names)
    for name in row.names:
        operation_cases = [case for case in cases if case.name == name]
        if not operation_cases and name not in row.named and _is_left_out(effective, name, selection):
            continue
        if (planned := choice.plan(effective, name, operation_cases)) is not None:
            yield planned
    if not selection.operations and not selection.raw:
        for case in find_deliveries(workspace, effective):
            if (planned := choice.plan(effective, case.name, [case])) is not None:
                yield planned


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


def _plan_deliveries_only(workspace: Workspace, choice: CaseChoice, names: Sequence[str]) -> Iterator[PlannedTest]:
    known: dict[str, None] = {}
    for effective in _select_effectives(workspace, choice.selection):
        for case in find_deliveries(workspace, effective):
            known[case.path.stem] = None
            if names and not any(fnmatchcase(case.path.stem, name) for name in names):
                continue
            if (planned := choice.plan(effective, case.name, [case])) is not None:
                yield planned
    _check_deliveries(names, known)


def _check_deliveries(names: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    if not known:
        raise UsageError("there is no recorded delivery", hint="record one: conn webhook record NAME FILE")
    for name in names:
        if not any(fnmatchcase(stem, name) for stem in known):
            near = did_you_mean(name, known) or f"choose one of {', '.join(known[:10])}"
            raise UsageError(f'no recorded delivery is named "{name}"', hint=near)
