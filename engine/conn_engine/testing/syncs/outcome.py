"""What a sync makes of a recording. Code can recognize it without loading what runs syncs, which is slow."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conn_engine.testing.cases import Outcome

if TYPE_CHECKING:
    from conn_engine.config import OperationName
    from conn_engine.syncs import OutgoingRecord, StageFault, SyncPlan

__all__ = ["SyncOutcome"]


@dataclass(slots=True)
class SyncOutcome(Outcome):
    """What a sync makes of a recording. `records` are the events as `{data, version?}`, and `outgoing` the records
    that they are made of.

    It has no requests, because those are results of the recorded operation.

    `fetched` counts the recorded records and `filtered` those that a filter left out; `deleted` has the keys of those
    that are deleted; `faults` are the records that
    cannot be delivered, and `unrecorded` counts the calls of enrich steps without a recording. `is_listed` is false if
    the recorded listing ends with an error, which is the operation's.
    """

    plan: "SyncPlan | None" = None
    outgoing: "list[OutgoingRecord]" = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    faults: "list[StageFault]" = field(default_factory=list)
    unrecorded: "dict[OperationName, int]" = field(default_factory=dict)
    fetched: int = 0
    filtered: int = 0
    is_listed: bool = True

    @property
    def keys(self) -> list[str]:
        """The key of each record, in order."""
        return [record.key for record in self.outgoing]
