"""What `conn mutate` found, as a report: configuration only, no recorded value."""

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
    """How many of a connector's mutants its tests noticed."""

    connector: str
    verdicts: tuple[MutantVerdict, ...]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return sum(verdict.killed for verdict in self.verdicts)

    @property
    def percent(self) -> float:
        """The share that was noticed; 100 where there was nothing to try."""
        return 100.0 * self.killed / len(self.tried) if self.tried else 100.0

    @property
    def tried(self) -> list[MutantVerdict]:
        """Those that could be made, by place."""
        return [verdict for verdict in self.verdicts if verdict.applicable]

    @property
    def survivors(self) -> list[MutantVerdict]:
        """Those that nothing noticed, by place."""
        return [verdict for verdict in self.tried if not verdict.killed]

    @property
    def inapplicable(self) -> list[MutantVerdict]:
        """Those that could not be made, by place."""
        return [verdict for verdict in self.verdicts if not verdict.applicable]


class MutantResult(msgspec.Struct, frozen=True, kw_only=True):
    """A mistake and where it was made. `cases` is how many recorded cases ran it; 0: no test reaches it."""

    kind: str
    change: str
    path: str
    file: str | None
    line: int | None
    cases: int


class KindScore(msgspec.Struct, frozen=True, kw_only=True):
    """How many mistakes of one kind there were, and how many of them the tests noticed."""

    mutants: int
    killed: int


class ConnectorScore(msgspec.Struct, frozen=True, kw_only=True):
    """A connector's score. `survivors` are the mistakes that no test noticed; `not_applicable` could not be made."""

    connector: str
    mutants: int
    killed: int
    percent: float
    kinds: dict[str, KindScore]
    survivors: list[MutantResult]
    not_applicable: list[MutantResult]


class MutationReport(Report, frozen=True, kw_only=True):
    """How many small mistakes in connectors their recorded tests notice; `left_out` is what no mistake is made in."""

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
