"""End the reading of a run: find deleted records, write its report, and move where the next run begins."""

from conn_engine.diagnostics import pluralize
from conn_engine.syncs import SyncPlan
from conn_service.syncs.filling import PageDraft, fill_deleted
from conn_service.syncs.following import prepare_following
from conn_service.syncs.judging import find_missing
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.paging import commit_draft
from conn_service.syncs.phases import is_partial
from conn_service.syncs.store import RunRow, SyncStore
from conn_service.syncs.targets import find_target

__all__ = ["finish_run"]


def finish_run(run: RunRow, opened: OpenRun, store: SyncStore, releases: ReleaseLookup, now: float) -> None:
    """End the reading of a run. Where the next run begins moves when this one is complete, or when nothing tells
    whether it is and the sync does not require it."""
    place = {"verdict": "complete", "reason": "", **run.place}
    gaps = run.seq - store.pages.count(run.id)
    missing = find_missing(run.counts, gaps)
    if missing and place["verdict"] != "incomplete":
        place |= {"verdict": "incomplete", "reason": missing}
    if (
        place["verdict"] == "complete"
        and _sweeps(opened.plan)
        and not is_partial(run, opened.plan, opened.stream.state)
    ):
        place |= _sweep(run, opened, store, now)
        run = store.get_run(run.id)
    verdict = place["verdict"]
    moves = verdict == "complete" or (verdict == "unknown" and not opened.plan.requires_complete)
    moves = moves and not run.settings.get("keeps_state")
    report = {
        **run.counts,
        "verdict": verdict,
        "reason": place["reason"],
        "since": run.since,
        "state_before": opened.stream.state,
        "state_after": place.get("state_after") if moves else opened.stream.state,
        "moved": moves,
        "gaps": gaps,
        **({"checks": place["checks"]} if "checks" in place else {}),
    }
    target = find_target(run, opened.plan)
    is_spooled = target is not None and (target.type != "webhook" or opened.plan.spools)
    delivers = bool(is_spooled and run.counts.get("spooled"))
    store.end_run(
        run,
        "delivering" if delivers else verdict,
        place["reason"],
        report,
        now=now,
        state=place.get("state_after"),
        completed_at=run.began if moves else None,
        log=": ".join(filter(None, ("read", verdict, place["reason"]))),
        more=[] if delivers else prepare_following(run, report, releases, now),
    )
    if opened.plan.write is not None and not is_spooled:
        store.spool.clear(run.id)


def _sweep(run: RunRow, opened: OpenRun, store: SyncStore, now: float) -> dict[str, str]:
    """Deliver the deletion of what a complete run did not contain. If that is too much, none is deleted, and
    another verdict is returned."""
    if run.counts.get("skipped_by_rule"):
        pages = pluralize(run.counts["skipped_by_rule"], "response")
        return {"reason": f"deleted records were not searched: a rule skipped {pages}, whose records may exist"}
    failed = run.counts.get("set_aside", 0) + run.counts.get("skipped", 0)
    if failed:
        return {"reason": f"deleted records were not searched: {pluralize(failed, 'record')} failed, and may exist"}
    most = opened.plan.deletes.max if opened.plan.deletes is not None else 0
    gone = store.known.find_unseen(opened.stream, run.id, most + 1)
    if len(gone) > most:
        reason = f"more than {most:,} records would be deleted, so none is: raise deletes.max if that is right"
        return {"verdict": "incomplete", "reason": reason}
    if gone:
        draft = PageDraft(run, opened, now)
        fill_deleted(draft, gone, store)
        commit_draft(draft, store, run.place, "end")
    return {}


def _sweeps(plan: SyncPlan) -> bool:
    return plan.deletes is not None and plan.deletes.by == "sweep"
