"""What is measured of an operation: its fields, and in how many records they have a value."""

from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["FieldCoverage", "OperationCoverage"]

State = Literal["seen", "empty", "unmapped"]


class FieldCoverage(msgspec.Struct, frozen=True):
    """One field, dotted: `seen` in `records` records, mapped but `empty` in all, or `unmapped` although in the model.

    `model` is false for a mapped field that is not in the model (a custom field).
    """

    field: str
    state: State
    records: int
    model: bool


@dataclass(frozen=True, slots=True)
class OperationCoverage:
    """One operation for accounts that behave the same, or for the connector itself if there are no accounts.

    `records` is the number of mapped records in `cases` recordings. `unread` are the vendor's fields that no mapping
    reads. `broken` has the reasons why recordings cannot be replayed. An operation without a recording has no cases
    and no `seen` field.
    """

    connector: str
    operation: str
    accounts: tuple[str, ...]
    cases: int
    records: int
    fields: tuple[FieldCoverage, ...]
    unread: tuple[str, ...]
    broken: tuple[str, ...] = ()

    def count(self, state: State) -> int:
        """Return the number of fields in this state."""
        return sum(row.state == state for row in self.fields)

    @property
    def mapped(self) -> int:
        """The number of mapped fields."""
        return self.count("seen") + self.count("empty")

    @property
    def model(self) -> int:
        """The number of fields of the model."""
        return sum(row.model for row in self.fields)

    @property
    def percent(self) -> float:
        """The percentage of mapped fields with a value in a record. 0 without a recording."""
        return 100.0 * self.count("seen") / self.mapped if self.mapped else 0.0
