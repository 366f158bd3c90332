"""The pages that only a service has: accounts with links, connectors, endpoints, received webhooks and syncs."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from portal_bench import NOW, ORIGIN, Portal, open_portal
from sqlalchemy.engine import Engine
from vendor import Vendor, start_vendor

from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.syncs import build_event
from conn_service.connect.links import LinkStore
from conn_service.connect.needs_login import LoginMonitor
from conn_service.delivery import DeliveryStore, add_deliveries
from conn_service.http.accounts import ConfigurationSource, WorkspaceConfiguration
from conn_service.inbox import InboxStore
from conn_service.revisions import AuditLog
from conn_service.store import open_engine
from conn_service.syncs import tables
from conn_service.syncs.requests import find_partial_retries, find_requests
from conn_service.syncs.store import RunRow, SyncStore

TOKEN, SIGNING = "tok-aVerySecretOne-42", "signing-s3cret-of-acme"
_CONNECTOR = """\
base_url: {url}
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
pagination: none
fields: [{{ name: webhook_secret, label: Signing secret, secret: true, required: false }}]
webhooks:
  verify: {{ format: hmac, signature: 'headers."x-signature"' }}
  events: {{ each: body.events, type: item.type, id: item.id, record: item.person, record_id: item.no }}
resources:
  people:
    list: {{ path: /people, response_path: items }}
"""


@dataclass
class Service:
    """A portal with its database, and the vendor that plays an endpoint too."""

    portal: Portal
    engine: Engine
    vendor: Vendor

    def read(self, path: str, status: int = 200) -> str:
        answer = self.portal.get(path)
        assert answer.status_code == status, answer.text
        for secret in (TOKEN, SIGNING, "Okonkwo"):
            assert secret not in answer.text
        return to_text(answer.text)

    def send(self, path: str, status: int = 303, **fields: str) -> str:
        answer = self.portal.send_form(path, **fields)
        assert answer.status_code == status, answer.text
        return str(answer.headers.get("location") or answer.text)

    def list_actions(self) -> list[tuple[str, str, str]]:
        """Return what the log has, the oldest first."""
        token = self.portal.issue("admin")
        found = self.portal.client.get("/admin/audit", headers={"authorization": f"Bearer {token}"}).json()["result"]
        return [(entry["action"], entry["target"], entry["account"]) for entry in reversed(found)]


def to_text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with start_vendor(lambda _: {}) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, vendor: Vendor) -> Iterator[Service]:
    """Acme is connected, globex is not, idle is disabled, and 60 more accounts have no label."""

    def configure(root: Path) -> ConfigurationSource:
        (root / "conn.yaml").write_text(
            f'version: 1\ntrusted_hosts: ["{vendor.host}"]\nendpoint_hosts: ["{vendor.host}"]\n'
            f"endpoints: {{ app: {{ url: 'http://{vendor.host}/in/secret-part', events: [crm.contact.*] }} }}\n"
        )
        (root / "connectors/shop/connector.yaml").write_text(_CONNECTOR.format(url=vendor.url))
        (root / "accounts/acme.yaml").write_text("connector: shop\nlabel: Acme <b>Corp</b>\n")
        (root / "accounts/idle.yaml").write_text("connector: shop\nenabled: false\n")
        (root / "syncs").mkdir()
        sync = "schedule: '*/15 * * * *'\nsource: { integration: shop, resource: contacts }\n"
        (root / "syncs/people.yaml").write_text(sync)
        for number in range(60):
            (root / f"accounts/more-{number:02}.yaml").write_text("connector: shop\n")
        return WorkspaceConfiguration(load_workspace(root))

    vault = MemoryVault({"acme": {"token": TOKEN, "webhook_secret": SIGNING}})
    with open_portal(tmp_path, configure=configure, vault=vault) as portal:
        engine = open_engine(portal.location)
        yield Service(portal, engine, vendor)
        engine.dispose()


# --- accounts ---


def test_accounts_are_paged_with_their_states(service: Service, tmp_path: Path) -> None:
    service.portal.log_in("portal:view")
    monitor, workspace = LoginMonitor(service.engine, {}), load_workspace(tmp_path)
    assert monitor.note_broken(workspace, "globex", CredentialError("expired", category="expired"), NOW)
    html = service.portal.get("/accounts").text
    assert "Acme &lt;b&gt;Corp&lt;/b&gt;" in html and "<b>Corp" not in html
    shown = service.read("/accounts")
    assert "acme Acme <b>Corp</b> shop production acme connected" in shown
    assert "globex shop production globex needs log-in since 2023-11-14 22:13" in shown
    assert "idle shop production idle disabled" in shown
    assert "more-46" in shown and "more-47" not in shown
    following = unescape(re.findall(r'href="/portal(/accounts\?after=[^"]*)"', html)[0])
    rest = service.read(following)
    assert "more-47 shop production more-47 not connected" in rest and "more-59" in rest and "acme" not in rest
    assert "more-" not in service.read("/accounts?state=needs+log-in")
    assert "globex" not in service.read("/accounts?search=CORP") and "acme" in service.read("/accounts?search=CORP")
    assert 'no state "x"' in service.read("/accounts?state=x", 422)
    assert 'there is no account "acm"' in service.read("/accounts/acm", 422)
    one = service.read("/accounts/globex")
    assert "has not worked since 2023-11-14 22:13 (UTC): expired" in one


def test_an_editor_creates_a_link_that_is_shown_once_and_revokes_it(service: Service) -> None:
    person = service.portal.log_in("portal:edit", name="Ada")
    shown = service.send("/accounts/link", 200, name="globex", days="7")
    [url] = re.findall(r'value="(https://conn\.example/connect/[^"]+)"', shown)
    links = LinkStore(service.engine)
    link = links.find(url.rpartition("/")[2])
    assert link is not None
    assert (link.account, link.created_by, link.tenant) == ("globex", person, "globex")
    assert link.expires_at == NOW + 7 * 86_400
    assert service.portal.client.get(url).status_code == 200
    page = service.portal.get("/accounts/globex").text
    assert url not in page and link.id in page
    assert service.send("/accounts/revoke", link=link.id) == "/portal/accounts/globex?revoked=1"
    assert links.find_by_digest(link.digest) is None
    assert "there is no such link" in to_text(service.send("/accounts/revoke", 422, link=link.id))
    assert service.list_actions() == [
        ("create", f"links/{link.id}", "globex"),
        ("revoke", f"links/{link.id}", "globex"),
    ]


def test_a_viewer_sees_no_form_and_changes_nothing(service: Service) -> None:
    service.portal.log_in("portal:view")
    for path in ("/accounts/globex", "/syncs", "/deliveries", "/endpoints/one?name=app"):
        assert 'method="post"' not in re.sub(r'<form[^>]*action="/portal/logout"', "", service.portal.get(path).text)
    for path in ("accounts/link", "syncs/pause", "syncs/retry", "syncs/cancel", "deliveries/replay", "endpoints/test"):
        assert "this needs the role editor" in to_text(service.send(f"/{path}", 403, name="globex"))
    assert LinkStore(service.engine).list() == []
    assert service.list_actions() == []


# --- connectors ---


def test_connectors_have_their_operations_and_the_number_of_accounts(service: Service) -> None:
    service.portal.log_in("portal:view")
    assert "shop crm 1 63" in service.read("/connectors")
    one = service.read("/connectors/shop")
    assert "63 accounts" in one and "crm.contacts.list" in one and "people.list" in one
    assert "A customer enters or grants: token" in one
    assert 'there is no connector "shp"' in service.read("/connectors/shp", 422)


# --- endpoints ---


def add_events(service: Service, number: int, account: str = "acme") -> None:
    events = [
        build_event(sync="s", account=account, type_="x", key=str(key), data={"n": "Okonkwo"}, version="1", began=0.0)
        for key in range(number)
    ]
    DeliveryStore(service.engine)
    with service.engine.begin() as connection:
        add_deliveries(connection, ["app"], "r", events, NOW)


def test_an_endpoint_is_tested_enabled_and_sent_what_it_did_not_take(service: Service) -> None:
    service.portal.log_in("portal:edit")
    add_events(service, 51)
    store = DeliveryStore(service.engine)
    store.set_disabled("app", "the endpoint answered 410 Gone", NOW)
    listed = service.read("/endpoints")
    assert "app disabled the endpoint answered 410 Gone crm.contact.* conn.yaml 51 0 0" in listed
    one = service.portal.get("/endpoints/one?name=app").text
    assert "secret-part" not in one and "answered 410 Gone" in one
    older = unescape(re.findall(r'href="/portal(/endpoints/one\?[^"]*before=[^"]*)"', one)[0])
    assert service.portal.get(older).text.count("<code>evt_") == 1
    tested = to_text(service.send("/endpoints/test", 200, name="app"))
    assert "The endpoint took the event." in tested and "It answered 200 after" in tested
    [arrived] = service.vendor.arrived
    assert arrived.data["test"] is True
    service.vendor.answer = lambda _: (500, {}, {})
    assert "the endpoint answered 500" in to_text(service.send("/endpoints/test", 200, name="app"))
    assert service.send("/endpoints/enable", name="app") == "/portal/endpoints/one?name=app&done=enabled"
    assert store.find_disabled_reason("app") == ""
    store.set_disabled("app", "it is gone", NOW)
    assert service.send("/endpoints/redeliver", name="app").endswith("&done=51")
    assert store.find_disabled_reason("app") == ""
    assert "no such endpoint" in service.read("/endpoints/one?name=nothing", 422)
    actions = [(action, target) for action, target, _ in service.list_actions()]
    assert actions == [(action, "endpoints/app") for action in ("test", "test", "enable", "redeliver")]


# --- received webhooks ---


def receive(service: Service, number: int, secret: str = SIGNING) -> int:
    person = {"id": str(number), "mail": "Okonkwo"}
    body = json.dumps({"events": [{"type": "new", "id": str(number), "no": "1", "person": person}]}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    answer = service.portal.client.post("/webhooks/shop/acme", content=body, headers={"x-signature": signature})
    return int(answer.status_code)


def test_received_webhooks_are_paged_and_their_events_made_again(service: Service) -> None:
    service.portal.log_in("portal:edit")
    assert {receive(service, number) for number in range(52)} == {200}
    assert receive(service, 99, secret="wrong") == 401
    inbox = InboxStore(service.engine)
    newest = inbox.find(status="waiting", limit=1)[0]
    inbox.finish(newest, [], NOW, lambda _connection, _events: "")
    first = service.portal.get("/deliveries?status=waiting").text
    older = unescape(re.findall(r'href="/portal(/deliveries\?below=[^"]*)"', first)[0])
    assert service.portal.get(older).text.count('<th scope="row"') == 1
    refused = service.read("/deliveries?status=refused")
    assert "refused" in refused and "shop acme" in refused
    path = f"/deliveries/{newest.number}"
    assert f"Delivery {newest.number} to shop/acme done" in service.read(path)
    assert service.send("/deliveries/replay", number=str(newest.number)) == f"/portal{path}?replayed=1"
    row = inbox.get(newest.number)
    assert (row.status, row.is_replay) == ("waiting", True)
    inbox.fail(row, "no record", "map it", NOW)
    service.send("/deliveries/replay", number=str(newest.number))
    assert inbox.get(newest.number).is_replay is False
    [bad] = inbox.find(status="refused")
    assert "was refused" in to_text(service.send("/deliveries/replay", 422, number=str(bad.number)))
    assert "there is no delivery 4711" in service.read("/deliveries/4711", 422)
    assert "number is not a number" in service.read("/deliveries/x", 422)
    assert service.list_actions() == [("replay", f"inbox/{newest.number}", "acme")] * 2


# --- syncs ---


def add_run(service: Service, number: int, **values: Any) -> RunRow:
    row = RunRow(
        f"people:acme:{number}", "people", "acme", "", "schedule", False, "failed", "it broke", NOW + number,
        NOW + number + 3, None, {}, "fetch", 0, {}, {"records": 7}, {"state": "incomplete", "records": 7},
    )  # fmt: skip
    row = replace(row, **values)
    assert SyncStore(service.engine).create_run(row) is None
    return row


def test_syncs_are_paused_resumed_and_their_runs_retried(service: Service) -> None:
    service.portal.log_in("portal:edit")
    assert "Not run yet: people" in service.read("/syncs")
    runs = [add_run(service, number) for number in range(52)]
    full = add_run(service, 60, is_full=True)
    good = add_run(service, 61, status="complete", reason="")
    shown = service.read("/syncs")
    assert "people acme 2023-11-14 22:14 complete Pause" in shown
    assert service.send("/syncs/pause", sync="people", account="acme") == "/portal/syncs?sync=people&done=paused"
    store = SyncStore(service.engine)
    assert store.streams.get("people", "acme").is_paused
    assert "Resume" in service.read("/syncs?sync=people&done=paused")
    service.send("/syncs/resume", sync="people", account="acme")
    assert not store.streams.get("people", "acme").is_paused
    assert "does not run for the account" in to_text(service.send("/syncs/pause", 422, sync="x", account="acme"))
    listed = service.portal.get("/syncs/runs?status=failed").text
    older = unescape(re.findall(r'href="/portal(/syncs/runs\?[^"]*before=[^"]*)"', listed)[0])
    assert service.portal.get(older).text.count('<th scope="row"') == 3
    one = service.read(f"/syncs/runs/{runs[0].id}")
    assert "records 7" in one and "it broke" in one and "Retry" in one
    assert service.send("/syncs/retry", run=full.id).endswith("?done=started")
    [request] = find_requests(service.engine)
    assert (request.sync, request.account, request.cause, dict(request.settings)) == (
        "people", "acme", "retry", {"full": True},
    )  # fmt: skip
    service.send("/syncs/retry", run=runs[0].id)
    assert len(find_requests(service.engine)) == 1, "one request is enough"
    assert "nothing of the run can be retried" in to_text(service.send("/syncs/retry", 422, run=good.id))
    assert 'there is no run "x"' in service.read("/syncs/runs/x", 422)
    assert [(action, target) for action, target, _ in service.list_actions()] == [
        ("pause", "syncs/people"),
        ("resume", "syncs/people"),
        ("retry", f"syncs/people/runs/{full.id}"),
        ("retry", f"syncs/people/runs/{runs[0].id}"),
    ]


def set_aside(service: Service, run: RunRow, stage: str, field: str = "") -> None:
    """Set a record of a run aside, as a page of it does."""
    values = {
        "run_id": run.id, "sync": run.sync, "account": run.account, "key": "7", "stage": stage, "field": field,
        "record": '{"name": "Okonkwo"}', "message": "Okonkwo is not a number", "at": NOW, "is_open": True,
    }  # fmt: skip
    with service.engine.begin() as connection:
        connection.execute(sa.insert(tables.set_aside).values(values))


def test_records_that_were_set_aside_are_retried_by_a_worker_and_a_run_is_cancelled(service: Service) -> None:
    person = service.portal.log_in("portal:edit")
    run = add_run(service, 1, status="complete", reason="")
    for stage, field in (("transform", "age"), ("transform", "age"), ("for_each", "")):
        set_aside(service, run, stage, field)
    path = f"/syncs/runs/{run.id}"
    one = service.read(path)
    assert "transform age 2" in one and "for each 1" in one
    assert service.send("/syncs/retry", run=run.id) == f"/portal/syncs/runs/{quote(run.id)}?done=requested"
    assert [name for _, name in find_partial_retries(service.engine)] == [run.id]
    assert find_requests(service.engine) == [], "no other run is started"
    again = service.read(f"{path}?done=requested")
    assert "A retry waits for a worker" in again and "what failed is delivered again" in again
    assert 'action="/portal/syncs/retry"' not in service.portal.get(path).text
    only_loops = add_run(service, 2, status="complete", reason="")
    set_aside(service, only_loops, "for_each")
    assert "nothing of the run can be retried" in to_text(service.send("/syncs/retry", 422, run=only_loops.id))
    undelivered = add_run(service, 3, status="undelivered")
    assert service.send("/syncs/retry", run=undelivered.id).endswith("?done=requested")
    reading = add_run(service, 4, status="running", reason="", ended=None)
    assert "Cancel the run" in service.read(f"/syncs/runs/{reading.id}")
    assert service.send("/syncs/cancel", run=reading.id).endswith("?done=cancelled")
    assert SyncStore(service.engine).get_run(reading.id).status == "cancelled"
    assert "has ended already" in to_text(service.send("/syncs/cancel", 422, run=reading.id))
    entries = AuditLog(service.engine).list()
    assert [(one.action, one.target, one.by) for one in reversed(entries)] == [
        ("retry", f"syncs/people/runs/{run.id}", person),
        ("retry", f"syncs/people/runs/{undelivered.id}", person),
        ("cancel", f"syncs/people/runs/{reading.id}", person),
    ]


def test_pages_need_a_session_and_another_site_sends_no_form(service: Service) -> None:
    for path in ("/accounts", "/accounts/acme", "/connectors", "/endpoints", "/deliveries", "/syncs", "/syncs/runs"):
        answer = service.portal.get(path, follow_redirects=False)
        assert answer.status_code == 303 and "/login?next=" in answer.headers["location"]
    service.portal.log_in("portal:edit")
    fields = {"name": "globex"}
    for origin in ("https://evil.test", "null"):
        headers = {"origin": origin}
        answer = service.portal.client.post("/portal/accounts/link", data=fields, headers=headers)
        assert answer.status_code == 403
    assert service.portal.client.post("/portal/accounts/link", data=fields).status_code == 403
    assert (
        service.portal.client.post("/portal/accounts/link", json=fields, headers={"origin": ORIGIN}).status_code != 200
    )
    assert LinkStore(service.engine).list() == []
