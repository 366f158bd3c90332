"""The impact of a change: compare every account before and after it, each side on its own recordings. Public API.

Accounts that behave the same are evaluated once, and operations that a change cannot affect are skipped (`plan`).
`revisions` provides the workspace before the change; the caller draws the result.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from conn_engine.analysis.impact.accepted import find_accepted_changes
from conn_engine.analysis.impact.endpoint_statements import find_changed_endpoints
from conn_engine.analysis.impact.model import (
    BREAKING,
    KINDS,
    AccountImpact,
    Approval,
    BaseVersion,
    ChangedSetting,
    ChangeKind,
    Consequence,
    FieldImpact,
    Impact,
    SideName,
    Status,
    Unjudged,
    Unknown,
    Work,
)
from conn_engine.analysis.impact.plan import ImpactPlan
from conn_engine.analysis.impact.processes import run_tasks
from conn_engine.analysis.impact.statements import (
    find_affected_overrides,
    find_changed_settings,
    find_changed_syncs,
    find_other_overrides,
)
from conn_engine.analysis.impact.tally import Tally
from conn_engine.analysis.population import Digests, Side

if TYPE_CHECKING:
    from conn_engine.analysis.impact.model import Effect
    from conn_engine.analysis.impact.plan import PairKey
    from conn_engine.config import Workspace

__all__ = [
    "BREAKING",
    "KINDS",
    "AccountImpact",
    "Approval",
    "BaseVersion",
    "ChangeKind",
    "ChangedSetting",
    "Consequence",
    "FieldImpact",
    "Impact",
    "SideName",
    "Status",
    "Unjudged",
    "Unknown",
    "build_empty_impact",
    "impact",
]

Progress = Callable[[int, int], None]


def impact(
    before: "Workspace",
    after: "Workspace",
    *,
    base: BaseVersion | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
    accounts: Sequence[str] = (),
) -> Impact:
    """Compare the results of every account, or of `accounts`, before and after a change, each side on its own
    recordings.

    A recording that only one side has is used for both. Either side may be a draft (`Workspace.with_texts`). `base`
    describes `before`. `processes` is the number of worker processes; None chooses it by the amount of work. `progress`
    receives the number of finished comparisons and their total. An account that cannot be used is listed in `unjudged`,
    and the others continue. Recordings that were unreadable before the change are ignored. Raises ConfigurationError
    for a recording that is unreadable after it, and UsageError for an unknown account.
    """
    digests = Digests()
    plan = ImpactPlan(Side(before, digests, lenient=True), Side(after, digests), accounts)
    effects: dict[PairKey, Effect] = {}
    by_place = {place: key for key, place in plan.pairs}
    total, work = len(by_place), Work()
    for job, start, task_result, seconds in run_tasks(
        list(plan.jobs.values()), (before, after), processes, effectives=plan.effectives
    ):
        for number, effect in enumerate(task_result, start):
            effects[by_place[job.key, number]] = effect
        work += seconds
        if progress is not None:
            progress(len(effects), total)
    tally = Tally(effects)
    for group in plan.groups:
        tally.add(group)
    return Impact(
        accounts=tuple(sorted(tally.accounts, key=lambda account: account.name)),
        fields=tuple(tally.fields()),
        statements=(
            *find_changed_settings(plan.groups, digests),
            *find_changed_syncs(before, after, plan.groups),
            *find_changed_endpoints(before, after, find_other_overrides(plan.groups)),
        ),
        overrides=tuple(find_affected_overrides(plan.groups)),
        unknown=tuple(tally.unknown()),
        work=work,
        pairs=total,
        unjudged=tuple(tally.find_unjudged()),
        consequences=tuple(tally.consequences),
        accepted=find_accepted_changes(before, after, tally.consequences),
        renamed=plan.renamed,
        base=base,
    )


def build_empty_impact(base: BaseVersion) -> Impact:
    """Return the result if no document differs from the base: it lists no accounts."""
    return Impact((), (), (), (), (), Work(), 0, base=base, compared=False)
