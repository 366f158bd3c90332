"""Fields that `transform` sets, and that no event of the recordings has."""

from collections.abc import Iterator, Sequence

from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import Diagnostic, diagnostic, pluralize
from conn_engine.documents import format_path
from conn_engine.syncs import SyncPlan, TransformStep
from conn_engine.testing.coverage import measure
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.places import find_setting

__all__ = ["find_empty_data", "list_empty_fields", "list_transformed_fields"]


def list_transformed_fields(plan: SyncPlan) -> list[str]:
    """Return the fields that an object of expressions makes."""
    steps = [step for step in plan.steps if isinstance(step, TransformStep)]
    return list(steps[-1].mapping.fields) if steps else []


def list_empty_fields(outcomes: Sequence[SyncOutcome]) -> list[str]:
    """Return the fields that have no value in any record that a sync delivers. None if records lack what an enrich step
    would add: then nothing says whether the fields are empty."""
    values = [record.value for outcome in outcomes for record in outcome.outgoing]
    plan = outcomes[0].plan if outcomes else None
    if plan is None or not values or any(outcome.unrecorded for outcome in outcomes):
        return []
    return sorted(measure(list_transformed_fields(plan), values).empty)


def find_empty_data(
    workspace: Workspace, effective: Effective, name: str, outcomes: Sequence[SyncOutcome]
) -> Iterator[Diagnostic]:
    """Report SYN121 for each field that has no value in any event of the cases of a sync."""
    total = sum(len(outcome.outgoing) for outcome in outcomes)
    for field in list_empty_fields(outcomes):
        setting = find_setting(workspace, effective, name, ("transform", *field.split(".")))
        if setting.value is None and setting.level != "base":
            continue  # an override removes the field
        yield diagnostic(
            "SYN121",
            f"{field} has no value in any of {pluralize(total, 'event')}",
            setting.span,
            path=format_path(setting.place),
            hint="correct the expression: no recorded record has what it reads; or record records that have it",
        )
