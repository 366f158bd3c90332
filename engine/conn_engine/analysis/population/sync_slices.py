"""The slice of a sync: what the events that it makes of a recording depend on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from conn_engine.analysis.population.content import join_digests
from conn_engine.analysis.population.slices import OperationSlice, Slicer, find_context_names
from conn_engine.config import Account, Effective, Workspace
from conn_engine.config.delivery_models import AccountEndpoint, SyncEndpoint
from conn_engine.errors import ConnError
from conn_engine.syncs import (
    DeliverStep,
    EnrichStep,
    FetchStep,
    SyncPlan,
    TransformStep,
    WriteStep,
    compile_sync,
    load_sync_levels,
)
from conn_engine.testing.syncs.cases import SyncName, find_calling_operations, sync_name

__all__ = ["SyncSlice", "cut_syncs", "describe_selection"]


@dataclass(frozen=True, slots=True)
class SyncSlice:
    """The plan of a sync, and the slice that its events depend on. `plan` has the account for which it was compiled.

    `endpoint` is what receives the events, None if it has no name or no definition.
    """

    plan: SyncPlan
    events: OperationSlice
    endpoint: SyncEndpoint | AccountEndpoint | None = None


def cut_syncs(
    slicer: Slicer,
    workspace: Workspace,
    effective: Effective,
    names: Iterable[str],
    own: Account | None = None,
) -> dict[SyncName, SyncSlice]:
    """Return the slices of syncs for a configuration, without those that cannot run. `own` is the account as
    it is in another workspace."""
    slices, overrides = {}, None if own is None else own.syncs
    for name in names:
        try:
            plan = compile_sync(workspace, load_sync_levels(workspace, name, effective, overrides), effective)
            if plan.enabled:
                endpoint = _find_endpoint(workspace, effective, plan, own)
                slices[sync_name(name)] = SyncSlice(plan, _cut(slicer, effective, plan), endpoint)
        except ConnError:
            continue
    return slices


def _find_endpoint(
    workspace: Workspace, effective: Effective, plan: SyncPlan, own: Account | None
) -> SyncEndpoint | AccountEndpoint | None:
    """Return the endpoint that the account, else the environment or conn.yaml, defines by the name in the plan."""
    deliver = plan.deliver
    if deliver is None or deliver.type != "webhook":
        return None
    known: Mapping[str, SyncEndpoint | AccountEndpoint] = workspace.settings.endpoints
    if effective.environment in workspace.environments():
        known = {**known, **workspace.environment(effective.environment).endpoints}
    if effective.account is not None:
        known = {**known, **(own or workspace.account(effective.account)).endpoints}
    return known.get(deliver.endpoint)


def _cut(slicer: Slicer, effective: Effective, plan: SyncPlan) -> OperationSlice:
    if plan.drift is not None:  # no recording shows its events, so its settings are compared
        return OperationSlice(join_digests(plan.name), join_digests(plan.name), frozenset())
    fetched = plan.fetch.operation
    called = [step.operation for step in plan.steps if isinstance(step, EnrichStep)]
    below = [slicer.cut(effective, name) for name in (fetched, *called)]
    if fetched.kind == "vendor":
        below += [slicer.cut(effective, name) for name in find_calling_operations(effective, fetched)]
    steps = [_without_calls(step) for step in plan.steps if not isinstance(step, DeliverStep | WriteStep)]
    text = repr((steps, plan.key, plan.version))
    reads = [find_context_names(text), *(cut.context for cut in below)]
    return OperationSlice(
        join_digests(plan.name, text, *(cut.digest for cut in below)),
        join_digests(plan.name, *(cut.requests for cut in below)),
        None if None in reads else frozenset(name for names in reads for name in names or ()),
    )


def _without_calls(step: object) -> object:
    """Return a step without the parameters of its call, because a recording has its own."""
    if isinstance(step, FetchStep):
        return replace(step, params={})
    return (step.layers, step.each) if isinstance(step, TransformStep) else step


def describe_selection(workspace: Workspace, account: str, tags: Collection[str]) -> str:
    """Return which syncs the name and the tags of an account select, for comparing accounts."""
    chosen = []
    for name in workspace.syncs():
        try:
            selection = workspace.sync(name).accounts
        except ConnError:
            continue
        if isinstance(selection, tuple):
            chosen.append(f"{name}={account in selection}")
        elif selection is not None:
            chosen.append(f"{name}={not {*tags}.isdisjoint(selection.tags)}")
    return "\n".join(chosen)
