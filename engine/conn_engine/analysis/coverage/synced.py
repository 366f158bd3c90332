"""Measure which fields of the events of syncs have a value in their cases."""

from collections.abc import Iterator, Sequence

from conn_engine.analysis.coverage.measured import FieldCoverage, OperationCoverage
from conn_engine.analysis.population import AccountGroup, Side
from conn_engine.config import Effective
from conn_engine.syncs import SyncPlan, compile_sync, load_sync_levels
from conn_engine.testing.coverage import measure
from conn_engine.testing.syncs.absences import list_transformed_fields
from conn_engine.testing.syncs.cases import SyncName, find_sync_cases
from conn_engine.testing.syncs.enriching import RecordedEnricher
from conn_engine.testing.syncs.replaying import replay_sync

__all__ = ["measure_syncs"]


def measure_syncs(side: Side, groups: Sequence[AccountGroup], only: str | None) -> Iterator[OperationCoverage]:
    """Yield the coverage of each sync, or of `only` that one, for accounts that behave the same, sorted by name."""
    shapes: dict[tuple[SyncName, str], tuple[Effective, list[str]]] = {}
    for group in groups:
        for name, cut in group.slices.items():
            if group.effective is not None and isinstance(name, SyncName) and only in (None, name.text):
                key = (name, cut.in_context(side.digests, group.context))
                shapes.setdefault(key, (group.effective, []))[1].extend(group.accounts)
    for (name, _), (effective, accounts) in sorted(shapes.items(), key=lambda item: (item[0][0], item[1][1])):
        plan = compile_sync(side.workspace, load_sync_levels(side.workspace, name.method, effective), effective)
        yield _measure(side, effective, plan, name, tuple(sorted(accounts)))


def _measure(
    side: Side, effective: Effective, plan: SyncPlan, name: SyncName, accounts: tuple[str, ...]
) -> OperationCoverage:
    cases, broken, values = 0, [], []
    for case in find_sync_cases(side.workspace, effective, plan.name, plan.fetch.operation):
        enrich = RecordedEnricher(side.workspace, effective)
        outcome = replay_sync(effective, plan, case.operation, case.recording, enrich=enrich)
        if outcome.is_listed and outcome.fetched:
            cases += 1
            values += [record.value for record in outcome.outgoing]
            if outcome.error is not None:
                broken.append(f"{side.workspace.format_path(case.path)}: {outcome.error.message}")
    keys = [key for value in values if isinstance(value, dict) for key in value]
    counted = measure(dict.fromkeys([*list_transformed_fields(plan), *keys]), values)
    fields = [
        FieldCoverage(field, "seen" if number else "empty", number, False) for field, number in counted.seen.items()
    ]
    fields.sort(key=lambda row: row.field)
    return OperationCoverage(
        effective.connector_name, name.text, accounts, cases, len(values), tuple(fields), (), tuple(broken)
    )
