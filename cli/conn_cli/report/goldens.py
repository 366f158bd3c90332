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
    is_compared = judgement.comparison is not None or any(finding.code == "TST103" for finding in judgement.findings)
    text = _WORDS[judgement.golden] if is_compared else ""
    return [text] if text else []
