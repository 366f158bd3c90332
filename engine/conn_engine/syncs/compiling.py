"""Compile a sync to a plan."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace, mapping_layers
from conn_engine.config.merge import compose_mappings
from conn_engine.config.sync_models import (
    STEP_SETTINGS,
    Emission,
    SyncDeletes,
    SyncDocument,
    SyncDrift,
    SyncSource,
    SyncStep,
    SyncTrigger,
)
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.incremental.durations import parse_duration
from conn_engine.syncs.effective import EffectiveSync
from conn_engine.syncs.plan import USUAL_PRIORITY, SyncPlan
from conn_engine.syncs.planned_steps import (
    DEFAULT_ENDPOINT,
    DeliverStep,
    DriftStep,
    EnrichStep,
    FetchStep,
    FilterStep,
    Granularity,
    LoopStep,
    PlannedStep,
    SpoolStep,
    TransformStep,
    WriteStep,
    check_file_format,
)
from conn_engine.syncs.resources import find_operation, find_sources
from conn_engine.syncs.schedule import Schedule

__all__ = ["SyncFault", "compile_sync"]

_ADDRESSES = {"file": "contacts.jsonl", "duckdb": "contacts.duckdb", "dlt": "postgres"}
"""The types of delivery that need `to`, each with an example."""
_NOT_OF_DRIFT = ("source", "steps", "deletes", "backfill")


class SyncFault(ConfigurationError):
    """A sync that cannot run. `path` is the place in its document, as far as it is known."""

    def __init__(self, message: str, *path: str | int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.path = path


def compile_sync(workspace: Workspace, sync: EffectiveSync, effective: Effective | None = None) -> SyncPlan:
    """Return the plan of a sync for its account. `effective` is the account's configuration, or that of the levels
    below it, if the caller has loaded it already.

    Raises ConfigurationError for steps that cannot be run in their order, and UsageError for an operation that the
    account's connector does not have.
    """
    if effective is None:
        if sync.account is None:
            raise UsageError("a plan is made for an account", hint="pass the account")
        effective = workspace.effective(account=sync.account)
    document = sync.document
    compiler = _Compiler(sync, effective)
    if document.kind == "drift":
        steps = list(compiler.compile_drift())
    else:
        steps = list(compiler.compile())
        _check_order(sync.name, steps)
    trigger = document.trigger if isinstance(document.trigger, SyncTrigger) else None
    scheduled = document.schedule is not None and document.trigger in (None, "schedule")
    schedule = Schedule(document.schedule or "", document.timezone or "UTC") if scheduled else None
    if document.trigger == "schedule" and document.schedule is None:
        raise SyncFault(
            f'the sync "{sync.name}" has the trigger "schedule" and no schedule',
            "trigger",
            hint='add schedule: "*/15 * * * *"',
        )
    return SyncPlan(
        name=sync.name,
        title=document.name or sync.name,
        account=sync.account or "",
        connector=effective.connector_name,
        steps=tuple(steps),
        enabled=document.enabled is not False,
        schedule=schedule,
        trigger=trigger,
        key=document.key,
        version=document.version,
        lookback=_read_duration(sync.name, "lookback", document.lookback) or timedelta(),
        on_error=document.on_error or "stop",
        overlap=document.overlap or "skip",
        max_runtime=_read_duration(sync.name, "max_runtime", document.max_runtime),
        priority=document.priority or USUAL_PRIORITY,
        concurrency=document.concurrency,
        changes_only=document.changes_only,
        deletes=document.deletes,
        deletes_fetch=_find_deletes(effective, document.deletes),
        backfill=document.backfill,
        requires_complete=document.require == "complete",
    )


class _Compiler:
    def __init__(self, sync: EffectiveSync, effective: Effective) -> None:
        self.sync = sync
        self.effective = effective
        self._place: tuple[str | int, ...] = ()

    def compile_drift(self) -> Iterator[PlannedStep]:
        """Yield the steps of a check of drift. What it compares are records, as those of other syncs are."""
        document = self.sync.document
        for key in _NOT_OF_DRIFT:
            if getattr(document, key):
                raise SyncFault(
                    f'"{key}" is not a setting of kind: drift', key, hint="remove it; what to compare is in drift"
                )
        if self.sync.params:
            raise SyncFault(
                f'the account or the environment sets params of "{self.sync.name}", which has kind: drift',
                hint="remove params: the recorded calls are sent as they are",
            )
        settings = document.drift or SyncDrift()
        yield DriftStep(settings.operations, settings.pages, settings.record)
        if document.filter is not None:
            yield FilterStep(document.filter)
        yield from self._compile_transform(document.transform, document.each)
        yield self._compile_emission(document.emit or Emission(), "drift")

    def compile(self) -> Iterator[PlannedStep]:
        document = self.sync.document
        if document.drift is not None:
            raise SyncFault("drift is a setting of kind: drift", "drift", hint="add kind: drift")
        if document.source is not None and document.steps:
            raise SyncFault(
                f'the sync "{self.sync.name}" has both source and steps', "steps", hint="use one of the two forms"
            )
        if document.source is not None:
            yield from self._compile_source(document, document.source)
        elif document.steps:
            for position, step in enumerate(document.steps):
                yield from self._compile_step(step, position)
        else:
            raise SyncFault(
                f'the sync "{self.sync.name}" fetches nothing',
                hint="add source, or steps that begin with fetch_resource",
            )

    def _compile_source(self, document: SyncDocument, source: SyncSource) -> Iterator[PlannedStep]:
        yield FetchStep(find_operation(self.effective, source.resource), {**source.params, **self.sync.params})
        if document.filter is not None:
            yield FilterStep(document.filter)
        yield from self._compile_transform(document.transform, document.each)
        if document.emit is not None:
            yield self._compile_emission(document.emit, source.resource.rpartition(".")[2])

    def _compile_emission(self, emit: Emission, table: str) -> DeliverStep:
        self._place = ("emit",)
        return self._check_address(
            DeliverStep(
                type=emit.type,
                endpoint=emit.endpoint or DEFAULT_ENDPOINT,
                event=emit.event or self._name_event(),
                to=emit.to or "",
                table=emit.table or table,
                batch=emit.batch,
            )
        )

    def _compile_step(self, step: SyncStep, position: int) -> Iterator[PlannedStep]:
        self._place = ("steps", position)
        self._refuse_foreign_settings(step, position)
        if step.action == "fetch_resource":
            overridden = self.sync.params if position == self._main_fetch else {}
            yield FetchStep(self._find(step), {**step.params, **overridden})
            if step.filter is not None:
                yield FilterStep(step.filter)
            yield from self._compile_transform(step.transform, step.each, position)
        elif step.action == "for_each":
            fetch = None if step.resource is None else FetchStep(self._find(step), step.params)
            if any(item in (None, "") for item in step.ids):
                hint = "remove the item, or write its ID"
                raise SyncFault("an item of ids has no value", *self._place, "ids", hint=hint)
            yield LoopStep(step.ids, fetch, step.id or "record.id")
        elif step.action == "transform":
            yield from self._compile_transform(step.transform, step.each, position)
        elif step.action == "filter":
            yield FilterStep(self._need(step, step.filter, "filter"))
        elif step.action == "enrich":
            yield EnrichStep(self._find(step, "get"), step.params, self._need(step, step.into, "into"))
        elif step.action == "write_resource":
            policy = step.on_error or self.sync.document.on_error or "stop"
            yield WriteStep(self._find(step, "create"), step.body, policy)
        elif step.action == "spool":
            yield SpoolStep(step.event or self._name_event())
        else:
            yield self._compile_delivery(step)

    def _compile_delivery(self, step: SyncStep) -> DeliverStep:
        sources = find_sources(self.sync.document)
        return self._check_address(
            DeliverStep(
                type=step.type or "webhook",
                endpoint=step.endpoint or DEFAULT_ENDPOINT,
                event=step.event or self._name_event(),
                to=step.to or "",
                table=step.table or (sources[-1].resource.rpartition(".")[2] if sources else ""),
                batch=step.batch or 1,
            )
        )

    def _check_address(self, step: DeliverStep) -> DeliverStep:
        """Return the step. Raises SyncFault if it lacks its file or database, or if the file has no known format."""
        if step.type in _ADDRESSES and not step.to:
            raise SyncFault(
                f"the sync delivers to {step.type} without saying where",
                *self._place,
                hint=f"add to, such as: to: {_ADDRESSES[step.type]}",
            )
        if step.type == "file":
            try:
                check_file_format(step.to)
            except ConfigurationError as error:
                raise SyncFault(error.message, *self._place, "to", hint=error.hint) from None
        return step

    def _compile_transform(
        self, transform: Any, each: Granularity | None, position: int | None = None
    ) -> Iterator[TransformStep]:
        """Yield the transformation with what the levels above make of its result. Those apply to the last one."""
        above = self.sync.transform if position is None or position == self._last_transform else None
        if above is not None:
            transform = above if transform is None else compose_mappings(transform, above)
        layers = tuple(mapping_layers(transform))
        if layers:
            yield TransformStep(
                layers, each or ("page" if all(isinstance(layer, str) for layer in layers) else "record")
            )

    @property
    def _main_fetch(self) -> int:
        return max(
            (at for at, step in enumerate(self.sync.document.steps) if step.action == "fetch_resource"), default=-1
        )

    @property
    def _last_transform(self) -> int:
        steps = self.sync.document.steps
        own = [at for at, step in enumerate(steps) if step.transform is not None]
        return own[-1] if own else self._main_fetch

    def _find(self, step: SyncStep, method: str = "list") -> OperationName:
        return find_operation(self.effective, self._need(step, step.resource, "resource"), method=method)

    def _need(self, step: SyncStep, value: str | None, key: str) -> str:
        if value is None:
            raise SyncFault(
                f'a step of the sync "{self.sync.name}" with the action {step.action} has no {key}',
                *self._place,
                hint=f"add {key}",
            )
        return value

    def _refuse_foreign_settings(self, step: SyncStep, position: int) -> None:
        allowed = STEP_SETTINGS[step.action] | {"action", "description"}
        for key in step.__struct_fields__:
            if key not in allowed and getattr(step, key) not in (None, (), {}):
                raise SyncFault(
                    f'"{key}" is not a setting of the action {step.action} (step {position + 1} of "{self.sync.name}")',
                    *self._place,
                    key,
                    hint=f"its settings are {', '.join(sorted(STEP_SETTINGS[step.action]))}",
                )

    def _name_event(self) -> str:
        if self.sync.document.kind == "drift":
            return "drift.checked"
        sources = find_sources(self.sync.document)
        return f"{sources[-1].resource.rpartition('.')[2] if sources else self.sync.name}.changed"


def _check_order(name: str, steps: list[PlannedStep]) -> None:
    fetches = [at for at, step in enumerate(steps) if isinstance(step, FetchStep)]
    if len(fetches) != 1:
        raise SyncFault(
            f'the sync "{name}" fetches {len(fetches)} resources; a sync fetches one',
            "steps",
            hint="use one fetch_resource, after for_each if it depends on another resource",
        )
    for at, step in enumerate(steps):
        if isinstance(step, LoopStep) != (at < fetches[0]):
            raise SyncFault(
                f'step {at + 1} of the sync "{name}" is in the wrong place',
                "steps",
                hint="write for_each first, then fetch_resource, and everything else after it",
            )
    ends = [at for at, step in enumerate(steps) if isinstance(step, DeliverStep)]
    if ends and (len(ends) > 1 or ends[0] != len(steps) - 1):
        raise SyncFault(
            f'the sync "{name}" has steps after its delivery', "steps", hint="deliver once, in the last step"
        )


def _find_deletes(effective: Effective, deletes: SyncDeletes | None) -> FetchStep | None:
    if deletes is not None and deletes.when is not None and deletes.by != "record":
        raise SyncFault(
            f"deletes.when has no effect with by: {deletes.by}",
            "deletes",
            "when",
            hint="use by: record if the listing of the sync has deleted records; else remove when",
        )
    if deletes is None or deletes.by != "operation":
        return None
    if deletes.resource is None:
        raise SyncFault("deletes has no resource", "deletes", hint="name the operation that lists deleted records")
    return FetchStep(find_operation(effective, deletes.resource), deletes.params)


def _read_duration(name: str, key: str, text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text).about
    except ValueError as error:
        raise SyncFault(f'{key} of the sync "{name}": {error}', key, hint="write it as PT10M or P1D") from None
