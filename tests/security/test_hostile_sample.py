"""A few of the hostile items (`tests/hostile`, all of them by `make hostile`), and that the watchdog would notice."""

import pytest
from hostile_watch import SAMPLE, all_items, watch


@pytest.mark.slow
def test_a_sample_does_not_get_through() -> None:
    assert set(SAMPLE) <= set(all_items())
    assert [outcome for outcome in watch(list(SAMPLE)) if outcome.wrong] == []


def test_the_watchdog_notices() -> None:
    [late] = watch(["bounded/tail-call/jlens"], processes=1, seconds=0.05, mebibytes=20)
    assert late.wrong and all(text.startswith("takes ") for text in late.wrong)
    unknown, after = watch(["nonsense/x", "bounded/eval/jlens"], processes=1)
    assert "AttributeError" in unknown.wrong[0]
    assert (after.item, after.wrong) == ("bounded/eval/jlens", ())
