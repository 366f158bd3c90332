"""Summarize for the user what happened to the personal data of a recording."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from conn_engine.personal.values import KINDS, PersonalKind, PersonalValues, Reason, rank_kind

__all__ = ["PersonalSummary"]

_SHOWN = 5
_REASONS: dict[Reason, str] = {
    "named": "part of the connector",
    "id": "also an ID",
    "code": "a code or an enumeration",
}


@dataclass(frozen=True, slots=True)
class PersonalSummary:
    """How many values of each kind were replaced, and how many were not, by reason. `named` are those that the
    connector itself contains."""

    replaced: dict[PersonalKind, int] = field(default_factory=dict)
    left: dict[Reason, int] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    @classmethod
    def from_values(cls, values: PersonalValues) -> "PersonalSummary":
        """Summarize collected values."""
        kinds = Counter(kind for kind, _ in values.found.values())
        left = Counter(reason for key, (reason, _) in values.left.items() if key not in values.found)
        named = sorted(text for key, (reason, text) in values.left.items() if reason == "named")
        replaced = {kind: kinds[kind] for kind in sorted(kinds, key=rank_kind)}
        return cls(replaced, {reason: left[reason] for reason in _REASONS if left[reason]}, tuple(named))

    @classmethod
    def merge(cls, summaries: Iterable["PersonalSummary"]) -> "PersonalSummary":
        """Combine the summaries of several recordings."""
        replaced, left, named = Counter[PersonalKind](), Counter[Reason](), set[str]()
        for one in summaries:
            replaced.update(one.replaced)
            left.update(one.left)
            named.update(one.named)
        return cls(dict(replaced), dict(left), tuple(sorted(named)))

    def to_lines(self) -> list[str]:
        """Describe in at most two sentences what was replaced and what was not."""
        parts = [_count(count, KINDS.get(kind, f"{kind} value")) for kind, count in self.replaced.items()]
        done = f"replaced: {', '.join(parts)}" if parts else "no personal data was found"
        lines = [f"{done}; other free text is unchanged"]
        if self.left:
            reasons = [
                f"{_count(count, 'value')} ({_REASONS[reason]}{self._list_named(reason)})"
                for reason, count in self.left.items()
            ]
            lines.append(f"not replaced: {', '.join(reasons)}")
        return lines

    def _list_named(self, reason: Reason) -> str:
        if reason != "named":
            return ""
        more = ", …" if len(self.named) > _SHOWN else ""
        return f": {', '.join(self.named[:_SHOWN])}{more}"


def _count(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    if noun == "date of birth":
        return f"{count:,} dates of birth"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
