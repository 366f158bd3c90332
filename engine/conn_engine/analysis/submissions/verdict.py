"""The results of checking a submitted connector, and the rules that it is checked by."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

__all__ = ["RULES", "CheckedSubmission", "Demands", "RuleName", "RuleVerdict", "StageResult", "SubmissionProblem"]

RuleName = Literal[
    "files", "documents", "readme", "recordings", "personal_data", "secrets", "tests", "portability", "mutations"
]
RULES: tuple[RuleName, ...] = (
    "files",
    "documents",
    "readme",
    "recordings",
    "personal_data",
    "secrets",
    "tests",
    "portability",
    "mutations",
)
MOST_PROBLEMS = 5_000
"""The most problems of a rule: a hostile folder must not produce a report without a limit."""


class SubmissionProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a rule is not met, and what to do. `file` is relative to the folder, or "" for the folder as a whole; `line`
    is 0 if no line is known."""

    file: str
    line: int
    message: str
    fix: str


class RuleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a rule is met; `passed` is null if it was not judged. `detail` is what was checked, such as the number of
    files."""

    rule: RuleName
    passed: bool | None
    detail: str
    problems: list[SubmissionProblem]


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector asks for: the hosts that requests go to, and the environment variables that it reads."""

    hosts: list[str] = []
    environment: list[str] = []


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage found. `people` are the names of persons in the recordings."""

    rules: list[RuleVerdict]
    demands: Demands = Demands()
    people: list[str] = []


@dataclass(slots=True)
class CheckedSubmission:
    """A connector folder with the verdict of each rule, what it asks for, and the names in it for a person to read."""

    name: str
    verdicts: list[RuleVerdict]
    demands: Demands = field(default_factory=Demands)
    people: list[str] = field(default_factory=list)

    def add(self, result: StageResult) -> None:
        """Add what a stage found."""
        self.verdicts += result.rules
        self.people += result.people
        if result.demands != Demands():
            self.demands = result.demands

    def complete(self) -> None:
        """Sort the verdicts, and add those of rules that were not judged."""
        judged = {verdict.rule: verdict for verdict in self.verdicts}
        self.verdicts = [judged.get(rule) or build_verdict(rule, None, "not checked") for rule in RULES]

    @property
    def failed(self) -> bool:
        """Whether a rule is not met."""
        return any(verdict.passed is False for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether every rule was judged and is met."""
        return all(verdict.passed for verdict in self.verdicts)


def build_verdict(
    rule: RuleName, passed: bool | None, detail: str, problems: list[SubmissionProblem] | None = None
) -> RuleVerdict:
    """Return a verdict with at most `MOST_PROBLEMS` problems."""
    problems = problems or []
    left = len(problems) - MOST_PROBLEMS
    more = f"; {left} more problems are left out" if left > 0 else ""
    return RuleVerdict(rule=rule, passed=passed, detail=detail + more, problems=problems[:MOST_PROBLEMS])


def judge_rule(rule: RuleName, detail: str, problems: list[SubmissionProblem]) -> RuleVerdict:
    """Return the verdict of a rule that was judged: it is met without a problem."""
    return build_verdict(rule, not problems, detail, problems)
