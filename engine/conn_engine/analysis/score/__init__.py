"""The score of a connector: one number from what it covers and what its recorded tests show. Nothing is sent."""

from collections.abc import Callable, Sequence
from typing import Final

from conn_engine.analysis.mutants import Bench
from conn_engine.analysis.score.capabilities import find_capabilities
from conn_engine.analysis.score.contract import CONTRACT_FILE, ContractGap, PublishedContract, read_contract
from conn_engine.analysis.score.digest import compute_score_digest, compute_tested_digest
from conn_engine.analysis.score.evidence import find_resources, replay_cases
from conn_engine.analysis.score.judging import judge_recordings, write_contract
from conn_engine.analysis.score.model import MutationFigures, NextStep, ScoredConnector, ScorePart, ValidityFigures
from conn_engine.analysis.score.parts import POINTS, Findings, score_parts
from conn_engine.analysis.score.stored import (
    find_mutation,
    load_bundled_scores,
    load_scores,
    save_scores,
    store_score,
    with_age,
)
from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic, Severity, pluralize
from conn_engine.documents.markdown import count_written_lines
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_workspace
from conn_engine.runtime.variants import to_base_level
from conn_engine.wire import FrozenClock

__all__ = [
    "BAR",
    "CONTRACT_FILE",
    "POINTS",
    "ContractGap",
    "MutationFigures",
    "NextStep",
    "PublishedContract",
    "ScorePart",
    "ScoredConnector",
    "compute_score_digest",
    "find_mutation",
    "judge_recordings",
    "load_bundled_scores",
    "load_scores",
    "read_contract",
    "save_scores",
    "score_connector",
    "store_score",
    "with_age",
    "write_contract",
]

BAR: Final = 80
"""A connector with a lower score is a preview."""

Advance = Callable[[int, int], None]
"""Called with the number of mistakes tried and of all mistakes."""


def score_connector(
    workspace: Workspace,
    connector: str,
    *,
    now: float,
    mutation: MutationFigures | None = None,
    mutate: bool = True,
    advance: Advance = lambda done, total: None,
) -> ScoredConnector:
    """Return the score of a connector at `now` (Unix seconds). Accounts and environments are ignored.

    `mutation` has earlier figures of the same files. Without them, and with `mutate`, every mistake is tried, which
    takes seconds to a minute. Raises UsageError for an unknown name, and ConfigurationError for invalid documents.
    """
    effective = to_base_level(workspace.effective(account=None, connector=connector))
    effective.check()
    contract = read_contract(workspace, connector)
    replayed = replay_cases(workspace, effective)
    failing = ""
    if mutation is None and mutate:
        try:
            digest = compute_tested_digest(workspace, connector)
            mutation = _try_mutants(Bench(workspace, connector), digest, advance)
        except ConfigurationError as error:
            failing = error.message
    errors = _find_lint_errors(workspace, connector)
    resources = find_resources(workspace, effective, contract)
    readme = workspace.root / "connectors" / connector / "README.md"
    lines = count_written_lines(readme.read_text(encoding="utf-8", errors="replace")) if readme.is_file() else 0
    parts, missing = score_parts(Findings(effective, resources, replayed, mutation, failing, contract, lines))
    share = sum(part.points for part in parts) / sum(part.of for part in parts)
    total = int(100 * share + 1e-6)  # not rounded up to the bar
    if errors:
        missing.insert(0, _advise_lint(connector, errors, max(0, total - BAR + 1)))
        total = min(total, BAR - 1)
    settings = effective.connector
    scored = ScoredConnector(
        connector=connector,
        label=settings.label or connector,
        description=settings.description or "",
        digest=compute_score_digest(workspace, connector),
        score=total,
        preview=total < BAR,
        declared=round(sum(part.declared for part in parts)),
        lint_errors=len(errors),
        models=workspace.unified_models(connector),
        capabilities=find_capabilities(effective, replayed),
        parts=parts,
        resources=resources,
        recordings=replayed.describe(),
        mutation=mutation,
        failing=failing,
        contract=ValidityFigures(
            document=contract.document,
            gaps={name: gap.reason for name, gap in sorted(contract.gaps.items())},
            not_offered=dict(sorted(contract.not_offered.items())),
        ),
        missing=missing,
        next_steps=missing,
    )
    return with_age(scored, now)


def _find_lint_errors(workspace: Workspace, connector: str) -> list[Diagnostic]:
    """Return the errors of lint in a connector's files, at a fixed time: recordings do not get older."""
    linted = lint_workspace(workspace, [workspace.root / "connectors" / connector], FrozenClock())
    return [finding for finding in linted.findings if finding.severity is Severity.ERROR]


def _advise_lint(connector: str, errors: Sequence[Diagnostic], points: int) -> NextStep:
    """Name the first error by its code and place: its message may have a recorded value."""
    span = errors[0].span
    first = errors[0].code if span is None else f"{errors[0].code} in {span.file}:{span.line}"
    rest = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    missing = f"lint has {pluralize(len(errors), 'error')}: {first}{rest}"
    return NextStep(part="lint", missing=missing, do=f"conn lint connectors/{connector}", points=points)


def _try_mutants(bench: Bench, digest: str, advance: Advance) -> MutationFigures:
    mutants = bench.mutants()
    killed = tried = 0
    for done, mutant in enumerate(mutants, 1):
        verdict = bench.verdict(mutant)
        tried += verdict.applicable
        killed += verdict.killed
        advance(done, len(mutants))
    return MutationFigures(mutants=tried, killed=killed, digest=digest)
