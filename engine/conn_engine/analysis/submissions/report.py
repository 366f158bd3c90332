"""The result of `conn check` as data."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from conn_engine.analysis.submissions.verdict import CheckedSubmission, RuleVerdict
from conn_engine.reports import Report

__all__ = ["SubmissionReport"]


class SubmittedConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A submitted connector with the verdict of each rule. `passed` is true only if every rule was judged and is met.

    `hosts` and `environment` are the hosts that its requests go to and the environment variables that it reads.
    `people` are the names of persons in its recordings, for a person to read: whether somebody is invented cannot be
    computed.
    """

    connector: str
    passed: bool
    rules: list[RuleVerdict]
    hosts: list[str]
    environment: list[str]
    people: list[str]


class SubmissionReport(Report, frozen=True, kw_only=True):
    """The connector folders that `conn check` checked."""

    kind: ClassVar[str] = "check"
    passed: bool
    connectors: list[SubmittedConnector]

    @classmethod
    def from_results(cls, results: Sequence[CheckedSubmission]) -> "SubmissionReport":
        """Report the results in the order in which they were checked."""
        return cls(
            passed=all(result.passed for result in results),
            connectors=[
                SubmittedConnector(
                    connector=result.name,
                    passed=result.passed,
                    rules=result.verdicts,
                    hosts=result.demands.hosts,
                    environment=result.demands.environment,
                    people=result.people,
                )
                for result in results
            ],
        )
