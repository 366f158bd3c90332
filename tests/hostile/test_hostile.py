"""Everything that means harm, under a watchdog (`make hostile`): no traceback, no exit 70, bounded time and memory."""

import time

from hostile_answers import ANSWERS
from hostile_documents import DOCUMENTS
from hostile_expressions import BOUNDED, ISOLATED
from hostile_watch import all_items, watch


def test_there_are_many() -> None:
    assert len(BOUNDED) + len(ISOLATED) >= 100
    assert len(DOCUMENTS) >= 60
    assert len(ANSWERS) >= 60
    assert len(set(all_items())) == len(all_items())


def test_nothing_gets_through() -> None:
    started = time.monotonic()
    outcomes = watch(all_items())
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:5]
    largest = sorted(outcomes, key=lambda outcome: -outcome.mebibytes)[:5]
    print(f"\n{len(outcomes)} items in {time.monotonic() - started:.0f} s")
    print("slowest:", *[f"{outcome.item} {outcome.seconds:.1f} s" for outcome in slowest], sep="\n  ")
    print("largest:", *[f"{outcome.item} {outcome.mebibytes} MiB" for outcome in largest], sep="\n  ")
    failed = [f"{outcome.item}: {'; '.join(outcome.wrong)}" for outcome in outcomes if outcome.wrong]
    assert not failed, "\n\n".join(failed)
