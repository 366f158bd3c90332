"""The catalogue: the bundled connectors and those of a workspace, with the scores that are stored."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from conn_engine.analysis.score.capabilities import find_capabilities
from conn_engine.analysis.score.digest import compute_score_digest
from conn_engine.analysis.score.evidence import ReplayedCases
from conn_engine.analysis.score.model import ScoredConnector
from conn_engine.analysis.score.stored import load_bundled_scores, load_scores, with_age
from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.runtime.variants import to_base_level

__all__ = ["CatalogueEntry", "list_catalogue", "search_catalogue"]


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A connector. `score`, `preview` and `age_days` are null until `conn score` has scored its present files.

    `problem` has the reason why its documents cannot be read, or "".
    """

    connector: str
    label: str
    description: str
    bundled: bool
    in_workspace: bool
    models: list[str]
    resources: list[str]
    capabilities: list[str]
    score: int | None
    preview: bool | None
    age_days: int | None
    problem: str


def list_catalogue(workspace: Workspace | None, now: float) -> list[CatalogueEntry]:
    """Return the connectors by name. One that is bundled and in the workspace is described as in the workspace."""
    bundled = {scored.connector: scored for scored in load_bundled_scores().values()}
    entries = {name: _describe_scored(with_age(scored, now), bundled=True) for name, scored in bundled.items()}
    if workspace is not None:
        stored = load_scores(workspace)
        for name in workspace.connectors():
            entries[name] = _describe_own(workspace, name, stored, bundled=name in bundled, now=now)
    return [entries[name] for name in sorted(entries)]


def search_catalogue(entries: Sequence[CatalogueEntry], words: Sequence[str]) -> list[CatalogueEntry]:
    """Return the connectors whose name, model, resource, capability or description has every word."""
    wanted = [_simplify(word) for word in words]
    return [entry for entry in entries if all(word in _describe_words(entry) for word in wanted)]


def _describe_words(entry: CatalogueEntry) -> str:
    texts = [entry.connector, entry.label, entry.description, *entry.models, *entry.resources, *entry.capabilities]
    return " ".join(map(_simplify, [*texts, "preview" if entry.preview else ""]))


def _simplify(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def _describe_scored(scored: ScoredConnector, *, bundled: bool, in_workspace: bool = False) -> CatalogueEntry:
    return CatalogueEntry(
        connector=scored.connector,
        label=scored.label,
        description=scored.description,
        bundled=bundled,
        in_workspace=in_workspace,
        models=scored.models,
        resources=[row.resource for row in scored.resources],
        capabilities=scored.capabilities,
        score=scored.score,
        preview=scored.preview,
        age_days=scored.recordings.age_days,
        problem="",
    )


def _describe_own(
    workspace: Workspace, name: str, stored: Mapping[str, ScoredConnector], *, bundled: bool, now: float
) -> CatalogueEntry:
    label, description, models, resources, capabilities, problem = name, "", [], [], [], ""
    try:
        scored = stored.get(compute_score_digest(workspace, name))
        if scored is not None and scored.connector == name:
            return _describe_scored(with_age(scored, now), bundled=bundled, in_workspace=True)
        effective = to_base_level(workspace.effective(account=None, connector=name))
        label, description = effective.connector.label or name, effective.connector.description or ""
        models = workspace.unified_models(name)
        operations = [row for row in effective.enabled_operations() if row.kind == "unified"]
        resources = sorted({f"{row.model}.{row.resource}" for row in operations})
        capabilities = find_capabilities(effective, ReplayedCases())
    except ConnError as error:
        problem = error.message
    return CatalogueEntry(
        connector=name,
        label=label,
        description=description,
        bundled=bundled,
        in_workspace=True,
        models=models,
        resources=resources,
        capabilities=capabilities,
        score=None,
        preview=None,
        age_days=None,
        problem=problem,
    )
