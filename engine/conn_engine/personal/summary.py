"""Summarize for the user what happened to the personal data of a recording."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from conn_engine.personal.values import PersonalKind, PersonalValues, Reason, rank_kind
from conn_engine.schema_keywords import PERSONAL_KINDS

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
        reasons = Counter(reason for key, (reason, _) in values.left.items() if key not in values.found)
        named_texts = sorted(text for key, (reason, text) in values.left.items() if reason == "named")
        replaced = {kind: kinds[kind] for kind in sorted(kinds, key=rank_kind)}
        return cls(replaced, {reason: reasons[reason] for reason in _REASONS if reasons[reason]}, tuple(named_texts))

    @classmethod
    def merge(cls, summaries: Iterable["PersonalSummary"]) -> "PersonalSummary":
        """Combine the summaries of several recordings."""
        replaced, reasons, named_texts = Counter[PersonalKind](), Counter[Reason](), set[str]()
        for summary in summaries:
            replaced.update(summary.replaced)
            reasons.update(summary.left)
            named_texts.update(summary.named)
        return cls(dict(replaced), dict(reasons), tuple(sorted(named_texts)))

    def to_lines(self) -> list[str]:
        """Describe in at most two sentences what was replaced and what was not."""
        parts = [_count(count, PERSONAL_KINDS.get(kind, f"{kind} value")) for kind, count in self.replaced.items()]
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
