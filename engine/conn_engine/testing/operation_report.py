"""The results of one operation, sync or recorded delivery, for one account."""

import re
from dataclasses import dataclass, field

from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import Diagnostic, Severity, remove_duplicates
from conn_engine.testing.judgement import Verdict

__all__ = ["OperationReport"]

_COUNTS = re.compile(
    r"\([^()]*\)|\d[\d,]*(?: (?:recorded )?(?:record|event|exchange|response)s?\b)?(?: (?:is|are|was|were)\b)?"
)


def _without_counts(message: str) -> str:
    """Remove the counts from a finding's message, so that the same finding of several cases is reported once."""
    return _COUNTS.sub("", message)


@dataclass(slots=True)
class OperationReport:
    """The results of one operation, sync or recorded delivery for one account. `recorded` is false if it has no
    recording, and `enabled` is false if it is disabled and therefore not tested."""

    effective: Effective
    name: OperationName
    judgements: list[Verdict] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    recorded: bool = True
    enabled: bool = True

    @property
    def all_findings(self) -> list[Diagnostic]:
        """The findings of the operation and its cases, sorted by place and without duplicates."""
        every = [*self.findings, *(finding for result in self.judgements for finding in result.findings)]
        return remove_duplicates(every, _without_counts)

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.severity is Severity.ERROR for finding in self.all_findings)

    @property
    def failed_scenarios(self) -> frozenset[str]:
        """The scenarios of the cases that failed; none if the operation failed as a whole."""
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            return frozenset()
        return frozenset(judgement.case.scenario for judgement in self.judgements if judgement.failed)
