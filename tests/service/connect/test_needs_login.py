"""The event about a login that no longer works: once per break, with a link, to who wants it."""

import json
from typing import Any

import sqlalchemy as sa
from connect_bench import ORIGIN, ConnectBench

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import CredentialError
from conn_engine.transport.live import Live
from conn_service.connect.needs_login import LoginMonitor
from conn_service.connect.settings import build_connect_settings
from conn_service.delivery import DeliveryStore, ResolvedEndpoint, drain, tables
from conn_service.delivery.signatures import SigningKey
from conn_service.http.accounts import wait_for_tasks

HEADERS = {"Conn-Account": "told"}
KEY = "credential.api_key"


def find_events(bench: ConnectBench) -> list[dict[str, Any]]:
    """The events in the queue, once everything is noted."""
    assert bench.client.portal is not None
    bench.client.portal.call(wait_for_tasks)
    with bench.engine.connect() as connection:
        columns = tables.delivery.c
        query = sa.select(columns.endpoint, tables.event.c.body).join(tables.event, tables.IS_EVENT)
        query = query.where(columns.key == "told/login").order_by(columns.number)
        return [{"endpoint": row.endpoint, **json.loads(row.body)} for row in connection.execute(query)]


def ask(bench: ConnectBench) -> int:
    status: int = bench.admin("GET", "/unified/crm/contacts", **HEADERS).status_code
    return status


def test_a_break_is_reported_once_with_a_link_that_ends_it(bench: ConnectBench) -> None:
    assert ask(bench) == 424
    assert find_events(bench) == [], "an account that never logged in is not broken"
    bench.vault.save("told", {"api_key": "revoked"})
    assert [ask(bench) for _ in range(3)] == [424] * 3
    (event,) = find_events(bench)
    assert (event["endpoint"], event["type"], event["account"]) == ("app", "account.needs_login", "told")
    data = event["data"]
    assert (data["connector"], data["reason"]) == ("shop", "refused")
    assert "revoked" not in json.dumps(event) and "words" not in json.dumps(event)
    broken = [{"account": "told", "since": bench.clock.now(), "reason": "refused"}]
    assert bench.admin("GET", "/admin/logins").json() == {"result": broken}
    assert bench.admin("GET", "/admin/logins", token=bench.issue("admin", tenant="other")).json() == {"result": []}
    assert bench.admin("GET", "/admin/logins", token=bench.issue("unified:read")).status_code == 403
    path = data["url"].removeprefix(ORIGIN)
    browser = bench.open().get(path)
    assert "is connected" in browser.send(path, **{KEY: "good-key"}).text
    assert [ask(bench) for _ in range(2)] == [200, 200]
    assert bench.admin("GET", "/admin/logins").json() == {"result": []}
    assert len(find_events(bench)) == 1
    bench.keys.pop("good-key")
    try:
        assert [ask(bench) for _ in range(2)] == [424, 424]
        first, second = find_events(bench)
        assert first["data"]["url"] != second["data"]["url"]
        bench.keys["good-key"] = 200
        assert ask(bench) == 200, "the vendor takes it again, without a login"
        bench.keys.pop("good-key")
        assert ask(bench) == 424
        assert len(find_events(bench)) == 3
    finally:
        bench.keys["good-key"] = 200


def test_the_event_is_delivered_like_others_and_its_link_is_forgotten(bench: ConnectBench) -> None:
    _, workspace = open_monitor(bench)
    settings = build_connect_settings(ORIGIN)
    error = CredentialError("no", category="refused")
    assert LoginMonitor(bench.engine, {}, settings).note_broken(workspace, "told", error, bench.clock.now())
    store = DeliveryStore(bench.engine)
    endpoint = ResolvedEndpoint(
        "app", f"{bench.vendor.url}/hooks", (SigningKey(b"a secret of the endpoint"),), ("account.*",)
    )
    bench.vendor.answer = lambda got: (200, {})
    with Live(trust=workspace.trust, clock=bench.clock, max_redirects=0) as sender:
        assert drain(store, endpoint, sender, bench.clock).delivered == 1
    (got,) = bench.vendor.arrived
    assert (got.data["type"], got.data["account"]) == ("account.needs_login", "told")
    assert got.headers["webhook-signature"].startswith("v1,")
    assert bench.open().get(got.data["data"]["url"].removeprefix(ORIGIN)).page.status_code == 200
    with bench.engine.connect() as connection:
        assert list(connection.execute(sa.select(tables.event.c.body)).scalars()) == [], "it has a link"


def test_what_is_no_break_is_not_reported(bench: ConnectBench) -> None:
    monitor, workspace = open_monitor(bench)
    for category in ("missing", "store"):
        error = CredentialError("no", category=category)  # type: ignore[arg-type]
        assert not monitor.note_broken(workspace, "acme", error, 1.0)
    assert monitor.note_broken(workspace, "acme", CredentialError("the token has expired"), 1.0)
    assert not monitor.note_broken(workspace, "acme", CredentialError("the token has expired"), 2.0)
    assert [(broken.account, broken.since, broken.reason) for broken in monitor.find_broken()] == [
        ("acme", 1.0, "expired")
    ]
    assert monitor.note_working("acme") and not monitor.note_working("acme")


def test_an_event_that_cannot_be_stored_is_tried_again(bench: ConnectBench) -> None:
    """The break, its link and its events are stored together or not at all."""
    monitor, workspace = open_monitor(bench)
    with bench.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE conn_delivery RENAME TO conn_away"))
    error = CredentialError("no", category="refused")
    try:
        monitor.note_broken(workspace, "acme", error, 1.0)
        raise AssertionError("the table is away")
    except sa.exc.OperationalError:
        pass
    finally:
        with bench.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE conn_away RENAME TO conn_delivery"))
    assert monitor.note_broken(workspace, "acme", error, 2.0)
    monitor.note_working("acme")


def test_a_worker_has_links_if_it_knows_the_address(bench: ConnectBench) -> None:
    workspace = load_workspace(bench.location.file.parent) if bench.location.file is not None else None
    assert workspace is not None
    for environ, has_link in (
        ({}, False),
        ({"CONN_PUBLIC_URL": "http://example.com"}, False),
        ({"CONN_PUBLIC_URL": f"{ORIGIN}/"}, True),
    ):
        monitor = LoginMonitor(bench.engine, environ)
        monitor.note_working("told")
        before = len(find_events(bench))
        assert monitor.note_broken(workspace, "told", CredentialError("no", category="refused"), 5.0)
        (event,) = find_events(bench)[before:]
        assert bool(event["data"]["url"]) is bool(event["data"]["expires_at"]) is has_link
        monitor.note_working("told")


def open_monitor(bench: ConnectBench) -> tuple[LoginMonitor, Workspace]:
    file = bench.location.file
    assert file is not None
    return LoginMonitor(bench.engine, {}), load_workspace(file.parent)
