"""Compile a sync to a plan: the steps that a run performs for one account. Both forms of a document give the same
steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, TypeAlias

from conn_engine.conditions import Scope
from conn_engine.config import Effective, OperationName, Workspace, mapping_layers
from conn_engine.config.merge import compose_mappings
from conn_engine.config.sync_models import (
    STEP_SETTINGS,
    EventTarget,
    RecordFailure,
    SyncDeletes,
    SyncDocument,
    SyncSource,
    SyncStep,
    SyncTrigger,
)
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import UNDEFINED, compile_mapping, expression
from conn_engine.expressions import Mapping as CompiledMapping
from conn_engine.listing.incremental.durations import parse_duration
from conn_engine.syncs.effective import EffectiveSync
from conn_engine.syncs.schedule import Schedule

__all__ = [
    "DeliverStep",
    "EnrichStep",
    "FetchStep",
    "FilterStep",
    "LoopStep",
    "PlannedStep",
    "SpoolStep",
    "SyncFault",
    "SyncPlan",
    "TransformStep",
    "WriteStep",
    "compile_sync",
    "describe_steps",
    "find_operation",
    "find_sources",
]


class SyncFault(ConfigurationError):
    """A sync that cannot run. `path` is the place in its document, as far as it is known."""

    def __init__(self, message: str, *path: str | int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.path = path


Granularity: TypeAlias = Literal["page", "record"]
_DEFAULT_ENDPOINT = "default"


@dataclass(frozen=True, slots=True)
class FetchStep:
    """Fetch all pages of an operation. `params` may have templates over `last_run_at`, `context`, `id` and `item`."""

    operation: OperationName
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LoopStep:
    """Repeat the steps that follow for each ID: the given ones, or those of the records of an operation."""

    ids: tuple[Any, ...] = ()
    fetch: FetchStep | None = None
    id: str = "record.id"

    def read_id(self, record: Any, scope: Scope) -> Any:
        """Return the ID of a record of the operation, None if it has none."""
        value = expression(self.id).evaluate(scope | {"record": record})
        return None if value is UNDEFINED else value


@dataclass(frozen=True, slots=True)
class FilterStep:
    """Keep the records for which an expression is true."""

    expression: str


@dataclass(frozen=True, slots=True)
class EnrichStep:
    """Call an operation for each record, and put the result into a field of the record."""

    operation: OperationName
    params: Mapping[str, Any]
    into: str


@dataclass(frozen=True)
class TransformStep:
    """Make what is delivered, per page or per record. `layers` are those of the levels, the lowest first."""

    layers: tuple[Any, ...]
    each: Granularity

    @cached_property
    def mapping(self) -> CompiledMapping:
        """The layers, compiled. Raises ExpressionError for an invalid expression."""
        return compile_mapping(self.layers)


@dataclass(frozen=True, slots=True)
class WriteStep:
    """Write each record with an operation of the connector, with an idempotency key per record."""

    operation: OperationName
    body: Any
    on_error: RecordFailure


@dataclass(frozen=True, slots=True)
class SpoolStep:
    """Deliver all records of a run as one event."""

    event: str


@dataclass(frozen=True, slots=True)
class DeliverStep:
    """Deliver records: as events to an endpoint (a name, or a URL), or into a file or a table."""

    type: EventTarget
    endpoint: str = _DEFAULT_ENDPOINT
    event: str = ""
    to: str = ""
    table: str = ""
    batch: int = 1


PlannedStep: TypeAlias = (
    FetchStep | LoopStep | FilterStep | EnrichStep | TransformStep | WriteStep | SpoolStep | DeliverStep
)


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a run of a sync does for one account. `lookback` and `max_runtime` are lengths of time; None: no limit."""

    name: str
    title: str
    account: str
    connector: str
    steps: tuple[PlannedStep, ...]
    enabled: bool = True
    schedule: Schedule | None = None
    trigger: SyncTrigger | None = None
    key: str = "id"
    version: str | None = None
    lookback: timedelta = timedelta()
    on_error: RecordFailure = "stop"
    overlap: Literal["skip", "queue"] = "skip"
    max_runtime: timedelta | None = None
    priority: int = 100
    concurrency: int = 4
    changes_only: bool = False
    deletes: SyncDeletes | None = None
    deletes_fetch: FetchStep | None = None
    requires_complete: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def fetch(self) -> FetchStep:
        """The step that fetches the records that are delivered."""
        return next(step for step in reversed(self.steps) if isinstance(step, FetchStep))

    @property
    def write(self) -> WriteStep | None:
        """The step that writes each record, if there is one."""
        return next((step for step in self.steps if isinstance(step, WriteStep)), None)

    @property
    def spool_event(self) -> str:
        """Type of the event that has all records of a run, "" if each record is an event."""
        return next((step.event for step in self.steps if isinstance(step, SpoolStep)), "")

    @property
    def spools(self) -> bool:
        """Whether all records of a run are one event."""
        return any(isinstance(step, SpoolStep) for step in self.steps)

    def read_deleted(self, record: Any, scope: Scope) -> str:
        """Return the key of a record that the operation for deleted records lists; "" if it has none."""
        text = (self.deletes.id if self.deletes is not None else None) or f"record.{self.key}"
        value = expression(text).evaluate(scope | {"record": record})
        return "" if value is UNDEFINED or value is None else str(value)

    @property
    def deliver(self) -> DeliverStep | None:
        """The step that delivers; None if records are only written."""
        return next((step for step in self.steps if isinstance(step, DeliverStep)), None)


def describe_steps(plan: SyncPlan) -> list[str]:
    """Return a sentence for each step of a plan."""
    return [_describe_step(step) for step in plan.steps]


def _describe_step(step: PlannedStep) -> str:
    if isinstance(step, LoopStep):
        of = f"each record of {step.fetch.operation.text}" if step.fetch is not None else f"each of {len(step.ids)} IDs"
        return f"repeat for {of}"
    if isinstance(step, FetchStep):
        return f"fetch all pages of {step.operation.text}"
    if isinstance(step, FilterStep):
        return f"keep the records with {step.expression}"
    if isinstance(step, EnrichStep):
        return f"call {step.operation.text} for each record, into {step.into}"
    if isinstance(step, TransformStep):
        return f"transform each {step.each}"
    if isinstance(step, WriteStep):
        return f"write each record with {step.operation.text}"
    if isinstance(step, SpoolStep):
        return f"deliver all records of the run as one {step.event}"
    if step.type == "webhook":
        return f"deliver {step.event} to the endpoint {step.endpoint}"
    return f"deliver to {step.type}{f' {step.to}' if step.to else ''}"


def find_sources(document: SyncDocument) -> list[SyncSource]:
    """Return what a document fetches, in order, in both of its forms."""
    if document.source is not None:
        return [document.source]
    return [
        SyncSource(connector=step.connector, resource=step.resource, params=step.params, pagination=step.pagination)
        for step in document.steps
        if step.resource is not None and step.action in ("fetch_resource", "for_each")
    ]


def find_operation(effective: Effective, resource: str, *, method: str = "list") -> OperationName:
    """Return the operation that a sync means by a resource: the vendor's own (`contacts`, `contacts.list`), or a
    unified one (`crm.contacts`, `crm.contacts.list`).

    Raises UsageError when the connector does not have it.
    """
    names = {name.text for name in effective.operations()}
    for text in (f"{resource}.{method}", resource):
        if text in names:
            return effective.resolve(text, raw=text.count(".") == 1)
    return effective.resolve(f"{resource}.{method}" if "." not in resource else resource, raw="." not in resource)


def compile_sync(workspace: Workspace, sync: EffectiveSync) -> SyncPlan:
    """Return the plan of a sync for its account.

    Raises ConfigurationError for steps that cannot be run in their order, and UsageError for an operation that the
    account's connector does not have.
    """
    if sync.account is None:
        raise UsageError("a plan is made for an account", hint="pass the account")
    effective = workspace.effective(account=sync.account)
    document = sync.document
    steps = list(_Compiler(sync, effective).compile())
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
        account=sync.account,
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
        priority=document.priority or 100,
        concurrency=document.concurrency,
        changes_only=document.changes_only,
        deletes=document.deletes,
        deletes_fetch=_find_deletes(effective, document.deletes),
        requires_complete=document.require == "complete",
    )


class _Compiler:
    def __init__(self, sync: EffectiveSync, effective: Effective) -> None:
        self.sync = sync
        self.effective = effective
        self._place: tuple[str | int, ...] = ()

    def compile(self) -> Iterator[PlannedStep]:
        document = self.sync.document
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
        emit = document.emit
        if emit is not None:
            yield DeliverStep(
                type=emit.type,
                endpoint=emit.endpoint or _DEFAULT_ENDPOINT,
                event=emit.event or self._name_event(),
                to=emit.to or "",
                table=emit.table or source.resource.rpartition(".")[2],
                batch=emit.batch,
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
        return DeliverStep(
            type=step.type or "webhook",
            endpoint=step.endpoint or _DEFAULT_ENDPOINT,
            event=step.event or self._name_event(),
            to=step.to or "",
            table=step.table or (sources[-1].resource.rpartition(".")[2] if sources else ""),
            batch=step.batch or 1,
        )

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
                f'step {at + 1} of the sync "{name}" is out of order',
                "steps",
                hint="write for_each first, then fetch_resource, and everything else after it",
            )
    ends = [at for at, step in enumerate(steps) if isinstance(step, DeliverStep)]
    if ends and (len(ends) > 1 or ends[0] != len(steps) - 1):
        raise SyncFault(
            f'the sync "{name}" has steps after its delivery', "steps", hint="deliver once, in the last step"
        )


def _find_deletes(effective: Effective, deletes: SyncDeletes | None) -> FetchStep | None:
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
