"""What `conn test` selects, and the accounts and operations of a selection. `planning` has its cases."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.runtime.variants import up_to
from conn_engine.testing.keyword import KeywordExpression
from conn_engine.testing.syncs.cases import PREFIX, SyncName, select_syncs

__all__ = [
    "FailedCases",
    "ReachCheck",
    "Selection",
    "SuiteKey",
    "SuiteRow",
    "build_key",
    "check_any_is_enabled",
    "is_pattern",
    "select_effectives",
    "select_rows",
]


ReachCheck = Callable[[str, str], bool]
"""Returns whether a change reaches an account of a connector; the account is "" for a connector without one."""


class SuiteKey(NamedTuple):
    """Identifies an operation, or a recorded delivery, of an account in the results. `account` is "" for a connector
    without one."""

    connector: str
    account: str
    environment: str
    operation: str


FailedCases = Mapping[SuiteKey, frozenset[str]]
"""The scenarios of cases by operation. Without scenarios, all cases of the operation are meant."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to test. Without `operations`, every operation, sync and recorded delivery is tested; without `accounts`,
    every account that has the operation.

    `operations` and `scenarios` are names or patterns such as `contacts.*`; `sync:NAME` is a sync. `deliveries` limits
    the test to the recorded deliveries with these names; an empty tuple means all of them. `only` limits it to these
    operations.
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
    only: FailedCases | None = None

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


def build_key(effective: Effective, name: OperationName) -> SuiteKey:
    """Return what identifies an operation of an account in the results."""
    return SuiteKey(effective.connector_name, effective.account or "", effective.environment or "", name.text)


def is_pattern(text: str) -> bool:
    """Return whether a name on the command line is a pattern such as `contacts.*`."""
    return any(character in text for character in "*?[")


def select_rows(workspace: Workspace, selection: Selection, is_reached: ReachCheck | None = None) -> list[SuiteRow]:
    """Return the effective configurations to test, and the operations of each; with `is_reached`, only those of the
    connectors and accounts for which it returns true.

    Raises UsageError for an unknown account and, without `is_reached`, for a name or pattern that no account has an
    operation for, and if nothing matches.
    """
    rows: list[SuiteRow] = []
    refusals: dict[str, UsageError] = {}
    matched: set[str] = set()
    effectives = select_effectives(workspace, selection, is_reached)
    for effective in effectives:
        names: dict[OperationName, None] = {}
        named: set[OperationName] = set()
        models = {name.model for name in effective.operations() if name.model}
        for text in selection.operations:
            pattern = f"{text}.*" if text in models else text
            try:
                found: Sequence[OperationName] = (
                    select_syncs(workspace, effective, text)
                    if text.startswith(PREFIX)
                    else _find_operations(effective, pattern, raw=selection.raw)
                )
            except UsageError as error:
                refusals.setdefault(text, error)
                continue
            matched.add(text)
            names |= dict.fromkeys(found)
            named |= set() if is_pattern(pattern) else set(found)
        if not selection.operations:
            names = dict.fromkeys(_list_operations(effective, raw=selection.raw))
        if names:
            rows.append(SuiteRow(effective, list(names), frozenset(named)))
    if is_reached is not None:
        return rows
    for text, refusal in refusals.items():
        if text not in matched:
            raise _refuse_name(effectives, text, refusal, raw=selection.raw)
    if not rows:
        raise UsageError("there is no operation to test", hint="create a connector: conn new NAME")
    return rows


def select_effectives(
    workspace: Workspace, selection: Selection, is_reached: ReachCheck | None = None
) -> list[Effective]:
    """Return the effective configurations of the selected accounts, and of connectors that no account uses.

    Raises UsageError for an unknown name, and ConfigurationError for an account that cannot be used.
    """
    is_reached = is_reached or (lambda _connector, _account: True)
    if selection.connector and selection.alone:
        return [up_to(workspace.effective(account=None, connector=selection.connector), "base")]
    if selection.accounts:
        return [
            workspace.effective(account=name, environment=selection.environment)
            for name in selection.accounts
            if is_reached("", name)
        ]
    accounts = {name: workspace.account(name) for name in workspace.accounts()}
    chosen = []
    for connector in [selection.connector] if selection.connector else workspace.connectors():
        using = sorted(name for name, account in accounts.items() if account.connector == connector)
        if selection.environment is not None:
            default = workspace.settings.default_environment
            using = [name for name in using if (accounts[name].environment or default) == selection.environment]
        if using:
            chosen += [workspace.effective(account=name) for name in using if is_reached(connector, name)]
        elif is_reached(connector, ""):
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
    if text.startswith(PREFIX):
        return refusal
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
    if all(not isinstance(name, SyncName) and effective.explain_disabled(name) for effective, name in selected):
        effective, name = selected[0]
        effective.check_enabled(name)
