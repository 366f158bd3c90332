"""Finds what overrides change: in the configuration, level by level, and in the results of the recordings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conn_engine.config import (
    MAPPINGS,
    Effective,
    OperationName,
    PartialOverride,
    Workspace,
    format_place,
    mapping_layers,
)
from conn_engine.diagnostics import Diagnostic, Span
from conn_engine.errors import ExpressionError, MissingRecording, UsageError
from conn_engine.expressions import compile_mapping
from conn_engine.runtime.field_problems import find_failing_fields
from conn_engine.runtime.places import error_finding
from conn_engine.runtime.variants import override_leaves, up_to
from conn_engine.testing.cases import Case, Outcome, find_cases, replay
from conn_engine.testing.compare import RequestChange, compare_records, compare_requests
from conn_engine.testing.deliveries.cases import DeliveryCase, find_deliveries
from conn_engine.testing.deliveries.judging import compare_events
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.judgement import authors_fault

__all__ = ["ConfigChange", "OperationEffect", "OverrideReport", "override_report"]


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One override: the value it sets, its place, and the value it replaces (None if no level below sets one)."""

    level: str
    path: str
    value: Any
    span: Span
    below: Any = None
    below_at: Span | None = None


@dataclass(slots=True)
class OperationEffect:
    """The effect of the overrides on one operation, on its recordings.

    `fields` counts records by field and kind (added, changed, missing, type_changed). `unknown` is true if there is no
    recording, or if a recording has no response to the overridden requests; `reason` explains it. `failures` has, by
    place, the errors that the level below does not have.
    """

    name: OperationName
    records: int = 0
    fields: dict[tuple[str, str], int] = field(default_factory=dict)
    gone: int = 0
    new: int = 0
    requests: list[RequestChange] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failures: dict[Span | None, Diagnostic] = field(default_factory=dict)
    unknown: bool = False
    reason: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything differs."""
        return bool(self.fields or self.gone or self.new or self.requests or self.errors or self.failures)


@dataclass(frozen=True, slots=True)
class OverrideReport:
    """The result of `conn diff-override` for one effective configuration. `partial` lists the fields that an override
    changes only in some operations of a resource, and `findings` what else overrides do not do, or drop."""

    effective: Effective
    changes: tuple[ConfigChange, ...]
    effects: tuple[OperationEffect, ...]
    dead: tuple[ConfigChange, ...]
    partial: tuple[PartialOverride, ...] = ()
    findings: tuple[Diagnostic, ...] = ()

    @property
    def failures(self) -> list[tuple[OperationName, Diagnostic]]:
        """The operations that fail because of the overrides, with the finding."""
        return [(effect.name, finding) for effect in self.effects for finding in effect.failures.values()]


def override_report(
    workspace: Workspace, effective: Effective, names: Sequence[OperationName], *, deliveries: bool = False
) -> OverrideReport:
    """Compare the base level with the effective configuration, value by value and on every recording of `names`. With
    `deliveries`, every recorded delivery is compared too."""
    base = up_to(effective, "base")
    cases: dict[OperationName, list[Case]] = {name: [] for name in names}
    for case in find_cases(workspace, effective, names):
        cases[case.name].append(case)
    base_operations = set(base.operations())
    received = find_deliveries(workspace, effective) if deliveries else []
    return OverrideReport(
        effective,
        tuple(_changes(effective)),
        (
            *(
                _effect(workspace, base if name in base_operations else None, effective, name, cases[name])
                for name in names
            ),
            *(_effect(workspace, base, effective, case.name, [case]) for case in received),
        ),
        tuple(ConfigChange(o.level, format_place(o.path), o.value, o.span) for o in effective.dead()),
        tuple(
            partial
            for level in dict.fromkeys(layer.level for layer in effective.layers)
            for partial in up_to(effective, level).partial_overrides()
        ),
        tuple(
            finding
            for level in dict.fromkeys(layer.level for layer in effective.layers)
            for finding in up_to(effective, level).find_ineffective_overrides()
        ),
    )


def _changes(effective: Effective) -> list[ConfigChange]:
    rows: list[ConfigChange] = []
    for path in override_leaves(effective):
        origins = effective.origins(path)
        for index, origin in enumerate(origins):
            if origin.level == "base" or origin.path != path:
                continue
            below = origins[index + 1] if index + 1 < len(origins) else None
            rows.append(
                ConfigChange(
                    origin.level,
                    format_place(path),
                    origin.value,
                    origin.span,
                    below.value if below else None,
                    below.span if below else None,
                )
            )
    order = {"environment": 0, "account": 1}
    return sorted(rows, key=lambda row: (order.get(row.level, 2), row.span))


def _effect(
    workspace: Workspace, base: Effective | None, effective: Effective, name: OperationName, cases: Sequence[Case]
) -> OperationEffect:
    """Compute the effect on one operation; `base` is None if only the overrides define the operation."""
    effect = OperationEffect(name)
    if not cases:
        effect.unknown, effect.reason = True, "no recording"
        below = [] if base is None else [error.text for error in _find_unreadable_mappings(base, name)]
        for error in _find_unreadable_mappings(effective, name):
            finding = error_finding(effective, name, error, "")
            if error.text not in below:
                effect.failures.setdefault(finding.span, finding)
        return effect
    compared = 0
    for case in cases:
        after = _replay(effective, case)
        before = _replay(base, case) if base is not None else Outcome()
        if isinstance(before.error, MissingRecording | UsageError) and case.golden == case.base_golden:
            continue  # recorded with the overridden requests: the level below never sent them
        missing = next((o.error for o in (after, before) if isinstance(o.error, MissingRecording)), None)
        if missing is not None:
            effect.unknown, effect.reason = True, missing.message
            effect.requests += compare_requests(before.requests(), after.requests())
            continue
        compared += 1
        if after.error is not None and authors_fault(after.error):
            if before.failure != after.failure:
                finding = error_finding(effective, name, after.error, workspace.format_path(case.path))
                effect.failures.setdefault(finding.span, finding)
            continue  # the missing results are not an effect of the override
        compare = compare_events if isinstance(case, DeliveryCase) else compare_records
        difference = compare(before.records, after.records)
        effect.records += len(after.records)
        for key, count in difference.by_field().items():
            effect.fields[key] = effect.fields.get(key, 0) + count
        effect.gone += len(difference.gone)
        effect.new += len(difference.new)
        effect.requests += compare_requests(before.requests(), after.requests())
        if before.failure != after.failure:
            effect.errors.append(f"{before.failure or 'no error'} -> {after.failure or 'no error'}")
        failing = {problem.at for problem in before.problems}
        for finding in find_failing_fields(effective, after.problems, len(after.records)):
            if finding.path not in failing:
                effect.failures.setdefault(finding.span, finding)
    if not compared and not effect.unknown:
        effect.unknown = True
        effect.reason = "recorded only with the overrides: there is no result without them to compare with"
    return effect


def _find_unreadable_mappings(effective: Effective, name: OperationName) -> Iterator[ExpressionError]:
    """Yield the errors of mappings that do not compile. If there is a recording, its replay reports them."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    for key in sorted(MAPPINGS) if operation is not None else ():
        try:
            compile_mapping(mapping_layers(getattr(operation, key)))
        except ExpressionError as error:
            at = format_place((*name.path, key))
            error.at = f"{at}.{error.at}" if error.at else at
            yield error


def _replay(effective: Effective, case: Case) -> Outcome:
    if isinstance(case, DeliveryCase):
        return replay_delivery(effective, case.delivery)
    return replay(effective, case.name, case.recording)
