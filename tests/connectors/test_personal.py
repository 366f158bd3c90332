"""The bundled connectors work with people replaced: their recordings replay, and deliveries are verified."""

from pathlib import Path

import pytest

from conn_engine.config import load_workspace
from conn_engine.personal import Pseudonyms
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.cases import find_cases
from conn_engine.testing.deliveries.cases import find_deliveries
from conn_engine.testing.deliveries.recording import record_delivery
from conn_engine.testing.deliveries.replaying import for_delivery, session_of
from conn_engine.testing.personal import PersonalData, replace_personal_data
from conn_engine.webhooks.recorded import get_received_at, to_delivery
from conn_engine.wire import FrozenClock

WORKSPACE = load_workspace(Path(__file__).resolve().parents[2])
PERSONAL = PersonalData(Pseudonyms(b"k" * 32))
SHOWN = ("list", "create", "get")


@pytest.mark.parametrize("connector", WORKSPACE.connectors())
def test_recordings_replay_with_others_in_them(connector: str) -> None:
    effective = WORKSPACE.effective(account=None, connector=connector)
    names = [name for name in effective.operations() if name.kind == "unified" and name.method in SHOWN]
    cases = [case for case in find_cases(WORKSPACE, effective, names) if case.scenario in ("default", "complete")]
    found = {}
    for case in cases:  # each raises where it would not replay
        found[case.name.text] = replace_personal_data(effective, case.name, case.recording, PERSONAL, case.path.name)
    assert len(found) > 3
    lists = ("contacts.list", "users.list", "events.list", "employees.list")
    people = [one for name, one in found.items() if name.endswith(lists)]
    assert people
    assert all(one.summary.replaced for one in people)


@pytest.mark.parametrize("connector", ["github", "hubspot", "pipedrive", "zendesk"])
def test_deliveries_are_proved_with_others_in_them(connector: str) -> None:
    shared = WORKSPACE.effective(account=None, connector=connector)
    for case in find_deliveries(WORKSPACE, shared, ()):
        recorded = case.delivery
        if recorded.refused:
            continue
        effective = for_delivery(shared, recorded)
        session = session_of(effective, recorded, FrozenClock(get_received_at(recorded)))
        kept = record_delivery(
            Wiring(effective, session, MemoryVault({}), Redactor()),
            to_delivery(recorded),
            received_at=get_received_at(recorded),
            exchanges=recorded.exchanges,
            context=recorded.account.context,
            personal=PERSONAL,
        )
        assert kept.outcome.error is None, case.path.name
        assert kept.outcome.verified_by or kept.outcome.challenge, case.path.name
