"""Recorded cases: which recordings belong to an operation and account, and what a replay gives."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import CredentialError, ExpressionError, MissingRecording, VendorError
from conn_engine.testing.cases import Case, Outcome, failure_kind, find_cases, replay

FOLDER = "connectors/shop/recordings"
ONE = [("GET", "/people", {"items": [{"id": 1, "name": "Ada"}]})]


def cases_of(workspace: Workspace, account: str | None = "acme") -> dict[str, Case]:
    effective = workspace.effective(account=account, connector=None if account else "shop")
    found = find_cases(workspace, effective, effective.operations())
    return {case.path.relative_to(workspace.root).as_posix(): case for case in found}


def replayed(workspace: Workspace, account: str | None = "acme", **levels: Any) -> Outcome:
    effective = workspace.effective(account=account, connector=None if account else "shop", **levels)
    [case] = find_cases(workspace, effective, effective.operations())
    return replay(effective, case.name, case.recording)


def test_an_accounts_own_recording_replaces_the_shared_one(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    workspace = make(
        {
            f"{FOLDER}/crm.contacts.list.json": recorded("crm.contacts.list", ONE),
            f"{FOLDER}/crm.contacts.list.empty.json": recorded("crm.contacts.list", ONE, scenario="empty"),
            f"{FOLDER}/acme/crm.contacts.list.json": recorded("crm.contacts.list", ONE),
            f"{FOLDER}/other.json": recorded("crm.contacts.list", ONE, account="other"),
            f"{FOLDER}/unknown.json": recorded("crm.nothing.list", ONE),
            "accounts/other.yaml": "connector: shop\n",
        }
    )
    own = cases_of(workspace)
    assert list(own) == [f"{FOLDER}/crm.contacts.list.empty.json", f"{FOLDER}/acme/crm.contacts.list.json"]
    case = own[f"{FOLDER}/acme/crm.contacts.list.json"]
    assert case.golden == case.base_golden == workspace.root / "connectors/shop/expected/acme/crm.contacts.list.json"
    empty = own[f"{FOLDER}/crm.contacts.list.empty.json"]
    assert empty.scenario == "empty"
    assert empty.base_golden == workspace.root / "connectors/shop/expected/crm.contacts.list.empty.json"
    assert len(cases_of(workspace, "other")) == 3
    base = cases_of(workspace, None)
    assert len(base) == 2
    assert all(case.golden == case.base_golden for case in base.values())


def test_a_recordings_context_stands_in_for_the_accounts(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    connector = {
        "base_url": "https://{{context.domain}}.example.com",
        "resources": {"people": {"list": {"method": "get", "path": "/{{context.team}}/people"}}},
    }
    recording = recorded("people.list", [("GET", "/red/people", [{"id": 1}])], context={"team": "red"})
    recording |= {"base_url": "https://recorded.example.com"}
    recording["exchanges"][0]["request"]["url"] = "https://recorded.example.com/red/people"
    files = {
        "connectors/shop/connector.yaml": connector,
        "connectors/shop/unified/crm.yaml": None,
        f"{FOLDER}/people.list.json": recording,
        "accounts/acme.yaml": {"connector": "shop", "context": {"domain": "acme", "team": "blue"}},
    }
    workspace = make(files)
    outcome = replayed(workspace)
    assert outcome.error is None
    assert outcome.requests() == [{"method": "GET", "url": "/red/people", "credentials": {}}]
    assert workspace.effective(account="acme").context == {"domain": "acme", "team": "blue"}
    missing = make({**dict.fromkeys(files), "accounts/acme.yaml": {"connector": "shop"}})
    outcome = replayed(missing)
    assert isinstance(outcome.error, ExpressionError)  # and not raised: the other cases go on
    assert (outcome.sent, outcome.unused) == ([], 1)


@pytest.mark.parametrize("written", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T04:04:05+01:00"])
def test_a_replays_time_is_the_recordings(
    make: Callable[..., Workspace], recorded: Callable[..., Any], written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    crm = {"resources": {"contacts": {"list": {"resource": "people", "response_mapping": {"at": "$now()"}}}}}
    files = {
        "connectors/shop/unified/crm.yaml": crm,
        f"{FOLDER}/list.json": recorded("crm.contacts.list", ONE, recorded_at=written),
    }
    try:
        assert replayed(make(files)).records == [{"at": "2026-01-02T03:04:05.000Z"}]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_replay_keeps_what_came_before_its_error(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    exchanges = [
        ("GET", "/people", {"items": [{"id": 1, "name": "Ada"}], "next": "b"}),
        ("GET", "/people?after=b", (500, {"message": "down"})),
        ("GET", "/people?after=b", (500, {"message": "down"})),
        ("GET", "/people?after=b", (500, {"message": "down"})),
    ]
    outcome = replayed(make({f"{FOLDER}/list.json": recorded("crm.contacts.list", exchanges)}))
    assert outcome.records == [{"id": "1", "first_name": "Ada"}]
    assert isinstance(outcome.error, VendorError)
    assert failure_kind(outcome.error) == "vendor_unavailable"
    assert [(sent.status, sent.records) for sent in outcome.sent] == [(200, 1), (500, 0), (500, 0), (500, 0)]


def test_a_replay_takes_as_many_pages_as_were_recorded(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    exchanges = [("GET", "/people", {"items": [{"id": 1, "name": "Ada"}], "next": "b"})]
    whole = make({f"{FOLDER}/list.json": recorded("crm.contacts.list", exchanges)})
    assert isinstance(replayed(whole).error, MissingRecording)
    cut = make({f"{FOLDER}/list.json": recorded("crm.contacts.list", exchanges, call={"pages": 1})})
    outcome = replayed(cut)
    assert (outcome.error, outcome.pages, len(outcome.records)) == (None, 1, 1)


def test_a_refused_credential_is_renewed_with_made_up_ones(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    credentials = {
        "format": "oauth2",
        "config": {
            "token_url": "https://api.example.com/token",
            "client_id": "{{env.SHOP_ID}}",
            "client_secret": "{{env.SHOP_SECRET}}",
        },
    }
    override = {"credentials": credentials, "authorization": {"format": "bearer"}}
    connector = {
        "base_url": "https://api.example.com/v1",
        "resources": {"people": {"list": {"method": "get", "path": "/people", "response_path": "items"}}},
        **override,
    }
    refused = [("GET", "/people", (401, {"message": "ended"}))]
    files = {
        "connectors/shop/connector.yaml": connector,
        "connectors/shop/unified/crm.yaml": None,
        f"{FOLDER}/list.json": recorded("people.list", [*refused, *ONE]),
    }
    outcome = replayed(make(files))
    assert (outcome.error, [sent.status for sent in outcome.sent]) == (None, [401, 200])
    twice = replayed(make({f"{FOLDER}/list.json": recorded("people.list", [*refused, *refused])}))
    assert isinstance(twice.error, CredentialError)
    assert failure_kind(twice.error) == "unauthorized"


def test_bodies_of_requests_are_kept_as_a_recording_holds_them(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    recording = recorded(
        "crm.contacts.create", [("POST", "/people", {"id": 1, "name": "A"})], call={"body": {"first_name": "A"}}
    )
    recording["exchanges"][0]["request"]["body"] = {"name": "A"}
    outcome = replayed(make({f"{FOLDER}/create.json": recording}))
    credentials = {"authorization": "Bearer [credential]"}
    assert outcome.requests() == [
        {"method": "POST", "url": "/people", "credentials": credentials, "body": {"name": "A"}}
    ]
    assert outcome.whole


def test_each_recordings_context_chooses_its_credentials(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    token = {"format": "oauth2", "config": {"token_url": "https://api.example.com/token", "client_id": "c"}}
    connector = {
        "base_url": "https://api.example.com/v1",
        "credentials": {
            "format": "choice",
            "config": {"by": "context.login", "options": {"token": token, "key": {"format": "api_key"}}},
        },
        "authorization": {
            "format": "choice",
            "config": {
                "by": "context.login",
                "options": {
                    "token": {"format": "bearer"},
                    "key": {"format": "header", "config": {"headers": {"X-Key": "{{api_key}}"}}},
                },
            },
        },
        "resources": {"people": {"list": {"method": "get", "path": "/people", "response_path": "items"}}},
    }
    files = {"connectors/shop/connector.yaml": connector, "connectors/shop/unified/crm.yaml": None}
    for login in ("token", "key"):
        files[f"{FOLDER}/people.list.{login}.json"] = recorded(
            "people.list", ONE, scenario=login, context={"login": login}
        )
    workspace = make(files)
    effective = workspace.effective(account=None, connector="shop")
    assert effective.connector.credentials is not None  # what was made before for another context does not count
    for order in (("token", "key"), ("key", "token")):
        cases = {case.scenario: case for case in find_cases(workspace, effective, effective.operations())}
        for login in order:
            outcome = replay(effective, cases[login].name, cases[login].recording)
            assert outcome.error is None, f"{login} of {order}"
            assert len(outcome.records) == 1
