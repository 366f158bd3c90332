"""The phases of a run, and what is known of its place: the items of a loop, the pages, what is deleted, the end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from conn_engine.config import Workspace
from conn_engine.syncs import EffectiveSync, FetchStep, LoopStep, SyncPlan, compile_sync, limit_to_window
from conn_engine.syncs.event_names import uses_event
from conn_service.syncs.store import RunRow

__all__ = [
    "Advance",
    "compile_run",
    "find_loop",
    "get_fetch",
    "get_next_phase",
    "is_partial",
    "keep_verdict",
    "list_phases",
    "note_verdict",
    "reads_event",
]


@dataclass(frozen=True, slots=True)
class Advance:
    """What a step of a run came to. `seconds` is how long to wait before the next one, and `seq` the number of pages
    that the run has stored.

    `page`: there is more to read; `end`: everything is read; `wait`: the vendor wants a pause, or does not respond;
    `login`: the account needs a new login; `failed`: the run cannot continue.
    """

    kind: Literal["page", "end", "wait", "login", "failed"]
    seconds: float = 0.0
    reason: str = ""
    seq: int = 0


_RANKS: Final = ("complete", "stopped", "unknown", "incomplete")


def compile_run(workspace: Workspace, sync: EffectiveSync, settings: Mapping[str, Any]) -> SyncPlan:
    """Return the plan of a run: that of its sync, limited to a window in a backfill. Raises the errors of
    `compile_sync` and of `limit_to_window`."""
    plan = compile_sync(workspace, sync)
    return limit_to_window(plan, workspace.effective(account=sync.account)) if "window" in settings else plan


def reads_event(plan: SyncPlan) -> bool:
    """Return whether what a run fetches depends on the event that started it, so that it reads only a part."""
    return uses_event(_list_fetches(plan))


def list_phases(plan: SyncPlan) -> list[str]:
    """Return the phases of a run in order: `loop` collects the items to repeat for, `fetch` reads the records,
    `write` writes them, `deletes` reads what is deleted, and `end` reads nothing. A check of drift has the phase
    `drift` instead."""
    loop = find_loop(plan)
    loops = loop is not None and loop.fetch is not None
    phases = {
        "drift": plan.drift is not None,
        "loop": loops,
        "fetch": plan.drift is None,
        "write": plan.write is not None,
        "deletes": plan.deletes_fetch is not None,
        "end": True,
    }
    return [phase for phase, happens in phases.items() if happens]


def get_next_phase(plan: SyncPlan, phase: str) -> str:
    """Return the phase after another one."""
    phases = list_phases(plan)
    return phases[phases.index(phase) + 1]


def find_loop(plan: SyncPlan) -> LoopStep | None:
    """Return the step of a plan that repeats the others."""
    return next((step for step in plan.steps if isinstance(step, LoopStep)), None)


def get_fetch(plan: SyncPlan, phase: str) -> FetchStep:
    """Return what a phase fetches."""
    loop = find_loop(plan)
    if phase == "loop" and loop is not None and loop.fetch is not None:
        return loop.fetch
    if phase == "deletes" and plan.deletes_fetch is not None:
        return plan.deletes_fetch
    return plan.fetch


def note_verdict(place: dict[str, Any], state: str, reason: str) -> None:
    """Combine the verdicts of several listings in a place: the worst one counts."""
    worst = max(place.get("verdict", "complete"), state, key=_RANKS.index)
    if worst == state and state != "complete":
        place["reason"] = reason
    place["verdict"] = "incomplete" if worst == "stopped" else worst


def keep_verdict(place: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """Return what a place stores when the run continues with another listing: the verdict, and these names."""
    return {name: place[name] for name in ("verdict", "reason", *more) if name in place}


def is_partial(run: RunRow, plan: SyncPlan, state: Any) -> bool:
    """Return whether a run may have left out records that exist: by a filter, by a time or an event in its parameters,
    or by the state that it began with."""
    fetches = _list_fetches(plan)
    asks_for_changes = run.since is not None and any("last_run_at" in json.dumps(dict(one.params)) for one in fetches)
    if "window" in run.settings or "deleted" in run.settings or (run.settings.get("event") and reads_event(plan)):
        return True
    return (
        bool(run.counts.get("filtered") or run.counts.get("empty"))
        or asks_for_changes
        or (state is not None and not run.is_full)
    )


def _list_fetches(plan: SyncPlan) -> list[FetchStep]:
    if plan.drift is not None:
        return []
    loop = find_loop(plan)
    return [plan.fetch, *([loop.fetch] if loop is not None and loop.fetch is not None else [])]
