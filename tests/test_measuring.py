"""What measures work, and that nothing else does."""

import re
from pathlib import Path

import pytest
from measuring import count_calls, cpu_limit

TESTS = Path(__file__).parent


def test_a_limit_is_kept_or_not() -> None:
    with cpu_limit(60):
        sum(range(1000))
    with pytest.raises(AssertionError, match="processor time"), cpu_limit(1e-9):
        sum(range(100_000))


def test_calls_are_counted() -> None:
    def twice() -> None:
        once()
        once()

    def once() -> None:
        pass

    assert count_calls(twice) == 3


def test_no_test_measures_by_itself() -> None:
    """Processor time includes what earlier tests left to tidy, so that a limit holds alone and fails in a full run."""
    measuring = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if re.search(r"\btime\.(?:process|thread)_time", path.read_text())
    }
    assert measuring == {"measuring.py"}
