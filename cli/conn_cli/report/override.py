"""Draw what an override of one field changes: failures first, then the changed records, then the other accounts."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.formatting import shorten_text
from conn_cli.report.deliveries import count_deliveries, is_delivery
from conn_cli.report.tested_syncs import is_sync
from conn_cli.report.text import Piece, Style, draw_finding, paint
from conn_engine.analysis.sync_overrides import SyncOverrideDraft
from conn_engine.diagnostics import join_words, pluralize

if TYPE_CHECKING:
    from conn_cli.neutralize import Styled
    from conn_cli.report.sources import Sources
    from conn_engine.analysis.field_overrides import OverrideDraft
    from conn_engine.diagnostics import Diagnostic, Span
    from conn_engine.testing.compare import ChangeKind, FieldChange
    from conn_engine.testing.recorded_effects import OperationEffect

    _Row = tuple[str, str, FieldChange]  # an operation, a record, and its change

__all__ = ["draw_text", "find_next_command"]

_KINDS: "dict[str, tuple[str, Style]]" = {
    "missing": ("-", "error"),
    "type_changed": ("!", "error"),
    "changed": ("~", "warning"),
    "added": ("+", "good"),
}
"""Kind of change to its sign and style, the most important first."""
_EXAMPLES = 3
_GROUPS = 2
_LINES = 4
_FINDINGS = 2
_NAMES = 4
_WIDTH = 80
_PLACE_WIDTH = 32


def find_next_command(draft: "OverrideDraft", command: str, *, written: bool, refused: bool) -> str:
    """Return the command to run next: `command`, which writes the override, or a test; empty for none."""
    effective = draft.before
    if refused or not draft.is_changed:
        return ""
    if not written:
        return command
    if draft.affected_accounts:
        return "conn impact"
    if isinstance(draft, SyncOverrideDraft):
        return f"conn {'test sync:' if draft.effects else 'sync plan '}{draft.sync} --account {effective.account}"
    effects = [effect for effect in draft.effects if not _has_events(effect)]
    best = min(effects, key=lambda effect: 1 if effect.unknown else 2 - 2 * effect.changes, default=None)
    if best is None:
        return f"conn test --account {effective.account}"
    return f"conn {'record' if best.unknown else 'test'} {best.name.text} --account {effective.account}"


def draw_text(
    draft: "OverrideDraft",
    sources: "Sources",
    *,
    dry_run: bool,
    written: bool,
    following: str,
    color: bool,
    in_store: bool = False,
) -> "Styled":
    """Draw the result for people. `in_store` if it is written as a revision of a store."""
    pieces = _draw(draft, sources, dry_run=dry_run, written=written, following=following, in_store=in_store)
    return paint([*pieces], color)


def _draw(
    draft: "OverrideDraft", sources: "Sources", *, dry_run: bool, written: bool, following: str, in_store: bool
) -> Iterator[Piece]:
    yield from _draw_findings(draft, sources)
    if not draft.is_changed:
        yield f"nothing to change: {draft.document.file} has this override already\n", ""
        return
    if not draft.errors:
        yield from _draw_effects(draft.effects, 1 if draft.failures else _GROUPS)
        yield from _draw_settings(draft)
        yield f"{_describe_others(draft)}\n", ""
    if dry_run:
        yield from _draw_diff(draft.format_diff())
    refused = not written and bool(draft.errors or draft.failures)
    yield from _draw_end(draft, written=written, refused=refused, following=following, in_store=in_store)


def _draw_findings(draft: "OverrideDraft", sources: "Sources") -> Iterator[Piece]:
    """Draw what prevents writing, each place once, and then the warnings."""
    operations: dict[tuple[str, Span | None], list[str]] = defaultdict(list)
    failures: dict[tuple[str, Span | None], Diagnostic] = {}
    for name, finding in draft.failures:
        failures.setdefault((finding.code, finding.span), finding)
        operations[finding.code, finding.span].append(name.text)
    for finding in (*draft.findings, *draft.empty_fields):
        yield from draw_finding(finding, sources)
    for key, finding in [*failures.items()][:_FINDINGS]:
        yield from draw_finding(finding, sources)
        if operations[key][1:]:
            yield f"  also in {join_words(operations[key][1:], _NAMES)}\n", ""
    if len(failures) > _FINDINGS:
        yield f"{pluralize(len(failures) - _FINDINGS, 'more failure')}\n", "error"


def _has_events(effect: "OperationEffect") -> bool:
    """Return whether an effect is on events, of a delivery or a sync, instead of on records."""
    return is_delivery(effect.name) or is_sync(effect.name)


def _draw_effects(effects: "tuple[OperationEffect, ...]", with_examples: int) -> Iterator[Piece]:
    known = [effect for effect in effects if not effect.unknown]
    for word in ("record", "event"):
        chosen = [effect for effect in known if _has_events(effect) == (word == "event")]
        total = pluralize(sum(effect.records for effect in chosen), f"recorded {word}")
        groups = _group_changes(chosen)
        for number, ((field, kind), rows) in enumerate(groups[:_LINES]):
            sign, style = _KINDS[kind]
            yield f"{sign} {field or 'the record'} {kind.replace('_', ' ')} in {len(rows):,} of {total}\n", style
            yield from _draw_examples(rows[: _EXAMPLES if number < with_examples else 0])
        if len(groups) > _LINES:
            yield f"  {pluralize(len(groups) - _LINES, 'more field')}: --format json lists them\n", ""
        gone, new = sum(effect.gone for effect in chosen), sum(effect.new for effect in chosen)
        for sign, count, what in (("-", gone, "missing"), ("+", new, "added")):
            if count:
                yield f"{sign} {pluralize(count, word)} {what}\n", "warning"
    changed = [request for effect in effects for request in effect.requests]
    for request in changed[:_EXAMPLES]:
        yield f"~ request {request.number}: {request.part}  {_value(request.before)} -> {_value(request.after)}\n", ""
    for error in dict.fromkeys(error for effect in effects for error in effect.errors):
        yield f"! {error}\n", "error"
    unchanged = [effect.name for effect in known if not effect.changes]
    names = [name.text for name in unchanged if not is_delivery(name)]
    deliveries = count_deliveries(len(unchanged) - len(names))
    if unchanged:
        yield f"no change in {join_words([*names[:_NAMES], *_count_more(names), *deliveries])}\n", ""
    reasons: dict[str, list[str]] = defaultdict(list)
    for effect in effects:
        if effect.unknown:
            reasons[effect.reason].append(effect.name.text)
    for reason, names in reasons.items():
        yield f"unknown: {join_words(names, _NAMES)}: {reason}\n", ""


def _draw_settings(draft: "OverrideDraft") -> Iterator[Piece]:
    for change in draft.settings if isinstance(draft, SyncOverrideDraft) else ():
        before, after = (_value(value, absent="not set") for value in (change.before, change.after))
        yield f"~ {change.field.replace('_', ' ')}: {before} -> {after}\n", "warning"


def _group_changes(effects: "Iterable[OperationEffect]") -> "list[tuple[tuple[str, ChangeKind], list[_Row]]]":
    """Return the changes of records by field and kind, the most important kind first."""
    groups: dict[tuple[str, ChangeKind], list[_Row]] = defaultdict(list)
    for effect in effects:
        for case in effect.cases:
            for record in case.comparison.changed:
                for change in record.fields:
                    groups[change.field, change.kind].append((effect.name.text, record.key, change))
    kinds = list(_KINDS)
    return sorted(groups.items(), key=lambda group: (kinds.index(group[0][1]), group[0][0]))


def _draw_examples(rows: "Sequence[_Row]") -> Iterator[Piece]:
    if not rows:
        return
    places = [shorten_text(f"{operation} {key}", _PLACE_WIDTH) for operation, key, _ in rows]
    width = max(map(len, places))
    room = (_WIDTH - len("     -> ") - width - 1) // 2
    for place, (_, _, change) in zip(places, rows, strict=True):
        before = _value(change.before, room, "nothing" if change.kind == "added" else "null")
        after = _value(change.after, room, "nothing" if change.kind == "missing" else "null")
        yield f"    {place:<{width}} {before} -> {after}\n", ""


def _count_more(names: Sequence[str]) -> list[str]:
    return [f"{len(names) - _NAMES} more operations"] if len(names) > _NAMES + 1 else list(names[_NAMES:])


def _describe_others(draft: "OverrideDraft") -> str:
    untouched = draft.count_untouched()
    verb = "is" if untouched == 1 else "are"
    rest = f"{pluralize(untouched, 'other account')} {verb} not affected" if untouched else ""
    if draft.file.kind == "account":
        reason = f"{draft.document.file} belongs to {draft.before.account} only"
        return f"{rest}: {reason}" if rest else f"no other account is affected: {reason}"
    counts = [f"{number:,} {status}" for status, number in sorted(draft.other_effects.items())]
    described = ", ".join(counts) or "none"
    return f"other accounts of {draft.before.connector_name} in {draft.file.name}: {described}" + (
        f"; {rest}" if rest else ""
    )


def _draw_diff(diff: str) -> Iterator[Piece]:
    for line in diff.splitlines():
        style: Style = "good" if line[:1] == "+" else "error" if line[:1] == "-" else ""
        yield f"{line}\n", style


def _draw_end(
    draft: "OverrideDraft", *, written: bool, refused: bool, following: str, in_store: bool
) -> Iterator[Piece]:
    file = draft.document.file
    if refused:
        yield f"not written: {file} is unchanged; correct the override, then run the command again\n", "bold"
        return
    if written:
        yield f"wrote {file}{' to the store' if in_store else ''}\n", "good"
    if following:
        yield f"next: {following}\n", ""


def _value(value: Any, width: int = _PLACE_WIDTH, absent: str = "nothing") -> str:
    return absent if value is None else shorten_text(json.dumps(value, ensure_ascii=False), width)
