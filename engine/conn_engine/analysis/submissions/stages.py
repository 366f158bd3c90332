"""The stages of a check, in order: each is one run of the limited process, and judges some of the rules."""

from typing import Literal

from conn_engine.analysis.submissions.verdict import RuleName

__all__ = ["QUICK_STAGES", "RULES_OF_STAGES", "STAGES", "Stage"]

Stage = Literal["contents", "documents", "tests", "portability", "mutations"]
RULES_OF_STAGES: dict[Stage, tuple[RuleName, ...]] = {
    "contents": ("readme", "recordings", "personal_data", "secrets"),
    "documents": ("documents",),
    "tests": ("tests",),
    "portability": ("portability",),
    "mutations": ("mutations",),
}
STAGES: tuple[Stage, ...] = tuple(RULES_OF_STAGES)
QUICK_STAGES: tuple[Stage, ...] = ("contents", "documents", "tests")
