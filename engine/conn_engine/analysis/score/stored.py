"""Scores that were computed earlier, by the digest of everything that they depend on: those of the bundled connectors,
and those of a workspace in its folder `.conn`.

A stored score has no age: `with_age` adds it for the current time.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import structs

from conn_engine.analysis.score.digest import compute_tested_digest
from conn_engine.analysis.score.evidence import compute_age
from conn_engine.analysis.score.model import MutationFigures, NextStep, ScoredConnector
from conn_engine.config import Workspace
from conn_engine.documents import dump_json, write_whole
from conn_engine.documents.local_state import create_state_folder
from conn_engine.documents.locate import STATE_FOLDER, find_packaged

__all__ = [
    "SCORES_FILE",
    "find_mutation",
    "load_bundled_scores",
    "load_scores",
    "save_scores",
    "store_score",
    "with_age",
]

SCORES_FILE: Final = "scores.json"
OLD_DAYS: Final = 365
"""A recording that is older gets a remark. It costs no points: a score does not change without an edit."""
FIRST_STEPS: Final = 3
_REMARK: Final = "recordings"
_FORMAT: Final = 4
"""Raise it if the formula or the mistakes change: scores of another format are not read."""


class _StoredScores(msgspec.Struct, frozen=True, kw_only=True):
    """The file of scores."""

    format: int
    connectors: list[ScoredConnector]


def load_bundled_scores() -> dict[str, ScoredConnector]:
    """Return the scores of the bundled connectors, by digest."""
    return _read(find_packaged("connectors") / SCORES_FILE)


def load_scores(workspace: Workspace) -> dict[str, ScoredConnector]:
    """Return the scores of the bundled connectors and those stored in the workspace, by digest."""
    return {**_read(workspace.root / STATE_FOLDER / SCORES_FILE), **load_bundled_scores()}


def find_mutation(workspace: Workspace, connector: str, stored: Iterable[ScoredConnector]) -> MutationFigures | None:
    """Return the stored figures of a connector if nothing that they depend on has changed."""
    digest = compute_tested_digest(workspace, connector)
    figures = (row.mutation for row in stored if row.connector == connector)
    return next((row for row in figures if row is not None and row.digest == digest), None)


def store_score(workspace: Workspace, scored: ScoredConnector) -> None:
    """Store a score in the workspace, instead of an earlier one of the connector. Raises OSError."""
    folder = workspace.root / STATE_FOLDER
    others = [row for row in _read(folder / SCORES_FILE).values() if row.connector != scored.connector]
    workspace.check_inside(folder / SCORES_FILE)
    create_state_folder(folder)
    save_scores(folder / SCORES_FILE, [*others, scored])


def save_scores(path: Path, scores: Iterable[ScoredConnector]) -> None:
    """Write scores to a file, sorted by name, without their ages."""
    rows = [msgspec.to_builtins(_remove_age(row)) for row in sorted(scores, key=lambda row: row.connector)]
    write_whole(path, dump_json({"format": _FORMAT, "connectors": rows}))


def with_age(scored: ScoredConnector, now: float) -> ScoredConnector:
    """Return the score with the age of its newest recording at `now` (Unix seconds), and a remark if it is old."""
    newest = scored.recordings.newest
    age = compute_age(newest, now) if newest else None
    missing = [step for step in scored.missing if step.part != _REMARK]
    if age is not None and age > OLD_DAYS:
        do = "compare with the vendor: conn drift --account ACCOUNT"
        remark = f"the newest recording is {age} days old"
        missing.append(NextStep(part=_REMARK, missing=remark, do=do, points=0))
    recordings = structs.replace(scored.recordings, age_days=age)
    return structs.replace(scored, recordings=recordings, missing=missing, next_steps=missing[:FIRST_STEPS])


def _remove_age(scored: ScoredConnector) -> ScoredConnector:
    return structs.replace(with_age(scored, 0), recordings=structs.replace(scored.recordings, age_days=None))


def _read(path: Path) -> dict[str, ScoredConnector]:
    """Return the scores of a file, by digest; none if it is missing, damaged or of another format: they are computed
    again."""
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_StoredScores)
    except (OSError, msgspec.MsgspecError):
        return {}
    return {row.digest: row for row in stored.connectors} if stored.format == _FORMAT else {}
