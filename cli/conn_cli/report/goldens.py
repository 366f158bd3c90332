"""Describe how a tested case compares with its golden."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conn_engine.testing.judgement import GoldenState, Verdict

__all__ = ["describe_golden"]

_WORDS: "Mapping[GoldenState, str]" = {
    "same": "golden same",
    "changed": "golden differs",
    "absent": "no golden",
    "overridden": "",
}


def describe_golden(judgement: "Verdict") -> list[str]:
    """Return the state of the golden in words, or nothing if it was not compared."""
    from conn_engine.testing.judgement import authors_fault

    codes = {finding.code for finding in judgement.findings}
    is_compared = judgement.comparison is not None or not codes.isdisjoint(("TST103", "RUN101", "RUN201"))
    text = _WORDS[judgement.golden] if is_compared and not authors_fault(judgement.outcome.error) else ""
    return [text] if text else []
