"""The result of `conn update` as data."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from conn_engine.analysis.impact import Impact
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.reports import Report
from conn_engine.updates.plan import Action, ConnectorUpdate

__all__ = ["UpdateReport"]


class UpdatedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the newer version changes. `conflicts` are the paths of values that both sides changed, and `lines`
    the lines where their marks start. `note` is the reason why a file is kept."""

    path: str
    action: Action
    conflicts: list[str]
    lines: list[int]
    note: str


class UpdatedConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector with the revision that it was copied from, and the newest one."""

    connector: str
    state: Literal["current", "newer"]
    source: str
    revision: str
    newest: str
    files: list[UpdatedFile]


class UpdateReport(Report, frozen=True, kw_only=True):
    """The connectors with their newer versions. `written` is false with --check and --dry-run. `impact` is null if
    nothing is newer, no account uses the connectors, or with --check."""

    kind: ClassVar[str] = "update"
    connectors: list[UpdatedConnector]
    impact: ImpactReport | None
    written: bool

    @classmethod
    def from_updates(
        cls, updates: Sequence[ConnectorUpdate], impact: Impact | None, *, written: bool
    ) -> "UpdateReport":
        """Report the updates."""
        return cls(
            connectors=[_describe_update(update) for update in updates],
            impact=ImpactReport.from_impact(impact) if impact is not None else None,
            written=written,
        )


def _describe_update(update: ConnectorUpdate) -> UpdatedConnector:
    return UpdatedConnector(
        connector=update.name,
        state="current" if update.is_current else "newer",
        source=update.newest.source,
        revision=(update.locked or update.newest).revision,
        newest=update.newest.revision,
        files=[
            UpdatedFile(
                path=f"connectors/{update.name}/{file.path}",
                action=file.action,
                conflicts=list(file.conflicts),
                lines=list(file.lines),
                note=file.note,
            )
            for file in update.files
        ],
    )
