"""What identifies the part of a connector that decides what a run reads and writes."""

from collections.abc import Iterator
from typing import Final

from conn_engine.config import Effective, OperationName
from conn_engine.syncs import EnrichStep, LoopStep, SyncPlan

__all__ = ["digest_connector"]

_ABOUT_ACCESS: Final = frozenset(
    {
        "authorization",
        "connect",
        "credentials",
        "env",
        "fields",
        "hosts",
        "rate_limit",
        "signature",
        "timeout_seconds",
        "verify",
    }
)
"""Settings that decide whether and when a request is answered, and not with which records. They may change while a run
waits: a run that waits for a login or for the vendor continues after they were corrected."""


def digest_connector(effective: Effective, plan: SyncPlan) -> str:
    """Return a digest of the settings of an account that the operations of a plan use."""
    from conn_engine.analysis.population.content import Digests, join_digests
    from conn_engine.analysis.population.slices import find_context_names, list_parts

    digests, texts = Digests(), []
    for name in _list_operations(plan):
        parts = [
            (label, part)
            for label, part in list_parts(effective.data, name)
            if label.rpartition(" ")[2] not in _ABOUT_ACCESS
        ]
        reads = find_context_names([part for _, part in parts])
        context = {key: value for key, value in effective.context.items() if reads is None or key in reads}
        texts += [name.text, *(f"{label}={digests.digest(part)}" for label, part in parts), digests.digest(context)]
    return join_digests(*texts)


def _list_operations(plan: SyncPlan) -> Iterator[OperationName]:
    if plan.drift is not None:
        return  # each of its pages compares another operation
    yield plan.fetch.operation
    for step in plan.steps:
        if isinstance(step, LoopStep) and step.fetch is not None:
            yield step.fetch.operation
        elif isinstance(step, EnrichStep):
            yield step.operation
    for other in (plan.deletes_fetch, plan.write):
        if other is not None:
            yield other.operation
