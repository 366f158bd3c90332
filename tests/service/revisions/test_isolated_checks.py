"""Checks of changes in processes of their own: the same results, and an end to what nothing else ends."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.wire import FrozenClock
from conn_service.revisions import (
    ChangeChecks,
    ChecksUnavailableError,
    IsolatedChecks,
    RefusedChangeError,
    Revision,
    Subject,
    check_change,
    with_revisions,
)

ACME = Subject("account", "acme")
CLOCK = FrozenClock()
_TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"
ENDLESS = f"""\
connector: shop
override:
  unified.crm.contacts.list.response_mapping:
    email: {_TWICE} = {_TWICE}
"""
SHOP = {
    "connectors/shop/connector.yaml": """\
base_url: https://api.shop.example
resources:
  people:
    list: { method: get, path: /people }
""",
    "connectors/shop/unified/crm.yaml": """\
resources:
  contacts:
    list: { resource: people, response_mapping: { id: $string(response.id), email: response.mail } }
""",
    "connectors/shop/recordings/crm.contacts.list.json": """\
{"format": 1, "connector": "shop", "operation": "crm.contacts.list", "scenario": "default", "source": "contract",
 "recorded_at": "2026-01-01T00:00:00Z", "note": "made up", "base_url": "https://api.shop.example", "call": {},
 "exchanges": [{"request": {"method": "GET", "url": "https://api.shop.example/people"},
  "response": {"status": 200, "headers": {"content-type": "application/json"},
   "body": [{"id": 1, "mail": "a@example.com"}]}}]}
""",
}


@pytest.fixture(scope="module")
def checks() -> Iterator[IsolatedChecks]:
    with IsolatedChecks(60, workers=1) as made:
        yield made


@pytest.fixture
def recorded(workspace: Workspace) -> Workspace:
    """The workspace with a recording, so that a check evaluates an expression."""
    return with_revisions(workspace, [Revision(Subject("connector", "shop"), 1, SHOP)])


def check(workspace: Workspace, text: str, **more: Any) -> ChangeChecks:
    after = with_revisions(workspace, [Revision(ACME, 1, {"accounts/acme.yaml": text})])
    return check_change(workspace, after, ACME, CLOCK, **more)


@pytest.mark.parametrize(
    "text", ["connector: shop\n", "connector: shopp\n", "connector: shop\noverride: {a: 1}\n", "["]
)
def test_results_are_those_of_this_process(workspace: Workspace, checks: IsolatedChecks, text: str) -> None:
    assert check(workspace, text, run=checks.run) == check(workspace, text)


def wait_for(find: Callable[[], tuple[int, ...]]) -> int:
    until = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found[0]


def test_a_check_that_does_not_end_is_stopped_and_refuses_the_change(recorded: Workspace) -> None:
    with IsolatedChecks(0.3, workers=1) as checks:
        with pytest.raises(RefusedChangeError, match=r"accounts/acme took more than 0\.3 seconds, so that nothing"):
            check(recorded, ENDLESS, run=checks.run)
        assert checks.busy == ()


def test_a_check_that_crashes_its_process_refuses_the_change(recorded: Workspace) -> None:
    with IsolatedChecks(600, workers=1) as checks, ThreadPoolExecutor(1) as pool:
        checking = pool.submit(check, recorded, ENDLESS, run=checks.run)
        os.kill(wait_for(lambda: checks.busy), signal.SIGKILL)
        with pytest.raises(RefusedChangeError, match="accounts/acme took more than 1,024 MB, so that nothing"):
            checking.result()


def test_nothing_is_left_behind_at_the_end(recorded: Workspace) -> None:
    with ThreadPoolExecutor(1) as pool, IsolatedChecks(600, workers=1) as checks:
        checking = pool.submit(check, recorded, ENDLESS, run=checks.run)
        process = wait_for(lambda: checks.busy)
        checks.close()
        with pytest.raises(ChecksUnavailableError):
            checking.result()
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
