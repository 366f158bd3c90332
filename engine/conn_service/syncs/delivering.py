"""Deliver what a run has spooled: into a file, into tables, or as one event. No newer version is overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.syncs import DeliverStep, SyncPlan
from conn_engine.wire import Clock
from conn_service.delivery.claims import ClaimStore, ClaimStoreError
from conn_service.delivery.queue import add_deliveries
from conn_service.delivery.stored_secrets import EndpointSecrets
from conn_service.store import is_unreachable
from conn_service.syncs.destinations import DestinationBusyError, Spooled, TableLoads, deliver_spooled
from conn_service.syncs.events import to_spooled_events
from conn_service.syncs.following import prepare_following
from conn_service.syncs.opening import ReleaseLookup, compile_for_run
from conn_service.syncs.pausing import describe_internal
from conn_service.syncs.phases import Advance, is_partial
from conn_service.syncs.store import PageHook, RunRow, SyncStore
from conn_service.syncs.superseding import drop_superseded
from conn_service.syncs.targets import find_endpoint_of_run, find_target

__all__ = ["SpoolDelivery"]

_BUSY_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class SpoolDelivery:
    """Delivers what runs have spooled."""

    store: SyncStore
    releases: ReleaseLookup
    secrets: EndpointSecrets
    clock: Clock
    loads: TableLoads

    def prepare(self, run: RunRow, plan: SyncPlan) -> None:
        """Start what loads the tables of a run, while it reads."""
        target = find_target(run, plan)
        if target is not None:
            self.loads.prepare(target)

    def deliver(self, run: RunRow) -> Advance:
        """Deliver what a run has spooled, and give the run its verdict as status. A run whose delivery fails keeps what
        it has spooled, and is `undelivered`."""
        if run.status != "delivering":
            return Advance("end")
        try:
            workspace = self.releases.get_workspace(run.release)
            self._deliver(run, workspace, compile_for_run(workspace, run))
        except (DestinationBusyError, ClaimStoreError) as error:
            self.store.set_status(run.id, "delivering", error.message)
            return Advance("wait", _BUSY_PAUSE, error.message)
        except Exception as error:
            if is_unreachable(error):
                raise
            reason = error.message if isinstance(error, ConnError) else describe_internal(error)
            if isinstance(error, ConnError):
                self.store.set_report(run.id, {**run.report, "hint": error.hint})
            self.store.set_status(run.id, "undelivered", reason)
            return Advance("failed", reason=reason)
        return Advance("end")

    def _deliver(self, run: RunRow, workspace: Workspace, plan: SyncPlan) -> None:
        target = find_target(run, plan)
        if target is not None and target.type == "file" and not target.to.endswith("/"):
            newer = self.store.find_newer_run(run)
            if newer is not None:
                reason = f"not delivered: the newer run {newer} has replaced {target.to}"
                self._hand_over(run, {**run.report, "reason": reason})
                return
        drop_superseded(run, self.store)
        if target is not None and target.type == "webhook":
            self._deliver_at_once(run, plan, target, workspace)
            return
        partial = plan.changes_only or is_partial(run, plan, run.report.get("state_before"))
        spooled = Spooled(self.store, run, partial, plan.key if plan.key.isidentifier() else "")
        count = 0 if target is None else deliver_spooled(target, spooled, self.releases.root, self.loads)
        report = {**run.report, "delivered": int(run.report.get("delivered", 0)) + count}
        self._hand_over(run, report, clears=target is not None and target.type != "stdout")

    def _deliver_at_once(self, run: RunRow, plan: SyncPlan, target: DeliverStep, workspace: Workspace) -> None:
        """Deliver all records of a run as one event, and those that are deleted as another one."""
        endpoint = find_endpoint_of_run(workspace, run, target, self.secrets)
        if endpoint is None:
            return
        claims = ClaimStore.of_endpoint(endpoint.claim_check, self.releases.root)
        events, now = to_spooled_events(run, plan, self.store, claims), self.clock.now()
        self._hand_over(
            run, run.report, lambda connection, _seq: add_deliveries(connection, [endpoint.key], run.id, events, now)
        )

    def _hand_over(self, run: RunRow, report: Mapping[str, Any], *more: PageHook, clears: bool = True) -> None:
        following = prepare_following(run, report, self.releases, self.clock.now())
        self.store.hand_over(run, report, clears=clears, more=[*more, *following])
