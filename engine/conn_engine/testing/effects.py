"""Finds what overrides change: in the configuration, level by level, and in the results of the recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Effective, OperationName, PartialOverride, Workspace, format_place
from conn_engine.config.endpoint_levels import list_endpoint_overrides
from conn_engine.diagnostics import Diagnostic, Span
from conn_engine.runtime.variants import override_leaves, up_to
from conn_engine.testing.recorded_effects import OperationEffect, compare_configurations
from conn_engine.testing.syncs.cases import SyncName
from conn_engine.testing.syncs.places import list_overrides

__all__ = ["ConfigChange", "OverrideReport", "override_report"]


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One override: the value it sets, its place, and the value it replaces (None if no level below sets one)."""

    level: str
    path: str
    value: Any
    span: Span
    below: Any = None
    below_at: Span | None = None


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
    workspace: Workspace,
    effective: Effective,
    names: Sequence[OperationName],
    *,
    syncs: Sequence[SyncName] = (),
    deliveries: bool = False,
) -> OverrideReport:
    """Compare the base level with the effective configuration, value by value and on every recording of `names` and
    `syncs`. With `deliveries`, every recorded delivery is compared too."""
    sync_changes = [
        ConfigChange(
            row.level, format_place(row.path), row.value, row.span, *((below.value, below.span) if below else ())
        )
        for row, below in list_overrides(workspace, effective)
    ]
    endpoint_changes = [
        ConfigChange(
            row.level, format_place(row.path), row.shown, row.span, *((below.shown, below.span) if below else ())
        )
        for row, below in list_endpoint_overrides(workspace, effective)
    ]
    return OverrideReport(
        effective,
        (*_changes(effective), *sync_changes, *endpoint_changes),
        compare_configurations(
            workspace, up_to(effective, "base"), effective, names, syncs=syncs, deliveries=deliveries
        ),
        (
            *(ConfigChange(o.level, format_place(o.path), o.value, o.span) for o in effective.dead()),
            *(change for change in sync_changes if change.below_at is not None and change.below == change.value),
        ),
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
