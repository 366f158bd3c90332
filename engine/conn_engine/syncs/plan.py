"""The plan of a sync: the steps that a run performs for one account. Both forms of a document give the same steps."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from conn_engine.conditions import Scope
from conn_engine.config.sync_models import RecordFailure, SyncBackfill, SyncDeletes, SyncTrigger
from conn_engine.errors import UsageError
from conn_engine.expressions import UNDEFINED, expression
from conn_engine.syncs.planned_steps import (
    DeliverStep,
    DriftStep,
    FetchStep,
    PlannedStep,
    SpoolStep,
    WriteStep,
    describe_step,
)
from conn_engine.syncs.schedule import Schedule

__all__ = ["USUAL_PRIORITY", "SyncPlan", "describe_steps"]

USUAL_PRIORITY = 100


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
    priority: int = USUAL_PRIORITY
    concurrency: int | None = None
    changes_only: bool = False
    deletes: SyncDeletes | None = None
    deletes_fetch: FetchStep | None = None
    backfill: SyncBackfill | None = None
    requires_complete: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def fetch(self) -> FetchStep:
        """The step that fetches the records that are delivered. Raises UsageError for a check of drift, which has
        none."""
        for step in reversed(self.steps):
            if isinstance(step, FetchStep):
                return step
        raise UsageError(
            f'the sync "{self.name}" has kind: drift, so it fetches no records',
            hint="use a sync that has source or steps",
        )

    @property
    def drift(self) -> DriftStep | None:
        """The step that compares responses with recordings, None for a sync that fetches records."""
        return next((step for step in self.steps if isinstance(step, DriftStep)), None)

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

    @property
    def deleted_event(self) -> str:
        """The event that reports a deleted record, "" if the sync names none and its resource is the vendor's own."""
        if self.deletes is not None and self.deletes.event is not None:
            return self.deletes.event
        operation = self.fetch.operation
        return f"{operation.model}.{operation.resource}.deleted" if operation.kind == "unified" else ""

    @property
    def deleted_when(self) -> str | None:
        """The condition of a deleted record in the sync's own listing; None if deleted records are found elsewhere."""
        if self.deletes is None or self.deletes.by != "record":
            return None
        return self.deletes.when or "record.deleted = true"

    def read_deleted(self, record: Any, scope: Scope) -> str:
        """Return the key of a deleted record; "" if it has none. Raises ExpressionError."""
        text = (self.deletes.id if self.deletes is not None else None) or f"record.{self.key}"
        value = expression(text).evaluate(scope | {"record": record})
        return "" if value is UNDEFINED or value is None else str(value)

    @property
    def deliver(self) -> DeliverStep | None:
        """The step that delivers; None if records are only written."""
        return next((step for step in self.steps if isinstance(step, DeliverStep)), None)


def describe_steps(plan: SyncPlan) -> list[str]:
    """Return a sentence for each step of a plan."""
    return [describe_step(step) for step in plan.steps]
