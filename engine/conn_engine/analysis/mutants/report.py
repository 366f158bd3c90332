"""The report of `conn mutate`: configuration, but no recorded values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from conn_engine.analysis.mutants import LEFT_OUT, MutantVerdict
from conn_engine.reports import Report

__all__ = ["MutationReport", "Score"]


@dataclass(frozen=True, slots=True)
class Score:
    """The mutation score of a connector."""

    connector: str
    verdicts: tuple[MutantVerdict, ...]

    @property
    def killed(self) -> int:
        """The number of detected mutants."""
        return sum(verdict.killed for verdict in self.verdicts)

    @property
    def percent(self) -> float:
        """The percentage of detected mutants; 100 if there are none to test."""
        return 100.0 * self.killed / len(self.tried) if self.tried else 100.0

    @property
    def tried(self) -> list[MutantVerdict]:
        """The mutants that could be created, by place."""
        return [verdict for verdict in self.verdicts if verdict.applicable]

    @property
    def survivors(self) -> list[MutantVerdict]:
        """The mutants that no test detected, by place."""
        return [verdict for verdict in self.tried if not verdict.killed]

    @property
    def inapplicable(self) -> list[MutantVerdict]:
        """The mutants that could not be created, by place."""
        return [verdict for verdict in self.verdicts if not verdict.applicable]


class MutantResult(msgspec.Struct, frozen=True, kw_only=True):
    """A mistake and its place. `cases` is the number of recorded cases that ran it; 0 if no test reaches it."""

    kind: str
    change: str
    path: str
    file: str | None
    line: int | None
    cases: int


class KindScore(msgspec.Struct, frozen=True, kw_only=True):
    """The number of mistakes of one kind, and how many of them the tests detected."""

    mutants: int
    killed: int


class ConnectorScore(msgspec.Struct, frozen=True, kw_only=True):
    """A connector's score. No test detected the `survivors`; those in `not_applicable` could not be created."""

    connector: str
    mutants: int
    killed: int
    percent: float
    kinds: dict[str, KindScore]
    survivors: list[MutantResult]
    not_applicable: list[MutantResult]


class MutationReport(Report, frozen=True, kw_only=True):
    """The share of small mistakes in connectors that their recorded tests detect. `left_out` has the settings without
    mistakes."""

    kind: ClassVar[str] = "mutate"
    left_out: list[str]
    connectors: list[ConnectorScore]

    @classmethod
    def from_scores(cls, scores: Sequence[Score]) -> "MutationReport":
        """Report the scores in the order in which the connectors were tried."""
        return cls(left_out=list(LEFT_OUT), connectors=[_describe_score(score) for score in scores])


def _describe_score(score: Score) -> ConnectorScore:
    every = Counter(verdict.mutant.kind for verdict in score.tried)
    killed = Counter(verdict.mutant.kind for verdict in score.verdicts if verdict.killed)
    return ConnectorScore(
        connector=score.connector,
        mutants=len(score.tried),
        killed=score.killed,
        percent=round(score.percent, 1),
        kinds={kind: KindScore(mutants=every[kind], killed=killed[kind]) for kind in sorted(every)},
        survivors=[_describe_mutant(verdict) for verdict in score.survivors],
        not_applicable=[_describe_mutant(verdict) for verdict in score.inapplicable],
    )


def _describe_mutant(verdict: MutantVerdict) -> MutantResult:
    mutant = verdict.mutant
    return MutantResult(
        kind=mutant.kind,
        change=mutant.text,
        path=mutant.path,
        file=mutant.span.file if mutant.span else None,
        line=mutant.span.line if mutant.span else None,
        cases=verdict.cases,
    )
