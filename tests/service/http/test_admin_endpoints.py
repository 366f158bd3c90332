"""`/admin/endpoints` and `/admin/deliveries`: what each token sees, a test, and events again."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
import sqlalchemy as sa
from service_bench import NOW, Bench, open_bench, read_problem

from conn_engine.config import load_workspace
from conn_engine.syncs import build_event
from conn_service.delivery import DeliveryStore, add_deliveries, find_deliveries, parse_signing_key, tables
from conn_service.delivery.health import EndpointHealth
from conn_service.delivery.store import DeliveryAttempt
from conn_service.http.accounts import ConfigurationSource, WorkspaceConfiguration
from conn_service.store import open_engine

ENDPOINTS = "endpoints: { default: { url: 'https://app.example.com/in', secret: '{{env.NOWHERE}}' } }\n"


def configure(root: Path) -> ConfigurationSource:
    """Let accounts have endpoints at the vendor, which plays their application, too."""
    text = (root / "conn.yaml").read_text()
    hosts = text.splitlines()[1]
    (root / "conn.yaml").write_text(f"{text}{hosts.replace('trusted_hosts', 'endpoint_hosts')}\n")
    host = hosts.split('"')[1]
    own = f"url: 'http://{host}/hooks', events: [crm.contact.*]"
    (root / "accounts/own.yaml").write_text(f"connector: shop\nendpoints: {{ app: {{ {own} }} }}\n")
    return WorkspaceConfiguration(load_workspace(root))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A service with an endpoint for all, and one of the account `own`."""
    with open_bench(tmp_path_factory.mktemp("service"), settings=ENDPOINTS, configure=configure) as bench:
        bench.token = bench.issue(accounts=[])
        yield bench


@pytest.fixture
def store(bench: Bench) -> Iterator[DeliveryStore]:
    """The queue of the service, empty."""
    engine = open_engine(bench.location)
    store = DeliveryStore(engine)
    with engine.begin() as connection:
        for table in (tables.delivery, tables.event, tables.endpoint):
            connection.execute(sa.delete(table))
    yield store
    engine.dispose()


OWN = "accounts/own/app"


def add(store: DeliveryStore, endpoint: str, account: str, *keys: str, moment: float = NOW) -> list[str]:
    events = [
        build_event(sync="s", account=account, type_="x.updated", key=key, data={"id": "S3"}, version="1", began=0.0)
        for key in keys
    ]
    with store.engine.begin() as connection:
        add_deliveries(connection, [endpoint], "r", events, moment)
    return [event.id for event in events]


def deliver(store: DeliveryStore, endpoint: str) -> None:
    while rows := store.find_heads(endpoint, NOW, 100):
        store.record([DeliveryAttempt(row.number, row.attempts, True) for row in rows], NOW)


def ask(bench: Bench, path: str, token: str = "") -> Any:
    response = bench.ask("GET", path, token=token or bench.token)
    assert response.status_code == 200, response.text
    return response.json()


def post(bench: Bench, path: str, body: Any = None, token: str = "") -> Any:
    return bench.ask("POST", path, body, token=token or bench.token)


def tenant(bench: Bench) -> str:
    return bench.issue("admin", accounts=[], tenant="own")


def test_the_list_has_the_state_of_each_endpoint(bench: Bench, store: DeliveryStore) -> None:
    add(store, OWN, "own", "1", "2")
    store.set_disabled(OWN, "the endpoint answered 410 Gone", NOW)
    found = {row["id"]: row for row in ask(bench, "/admin/endpoints")["result"]}
    assert {name: (row["state"], row["place"], row["counts"]) for name, row in found.items()} == {
        OWN: ("disabled", "accounts/own", {"waiting": 2}),
        "default": ("unusable", "conn.yaml", {}),
    }
    assert found[OWN]["problem"] == "the endpoint answered 410 Gone"
    assert ask(bench, f"/admin/endpoints/{OWN}") == found[OWN]
    assert "hooks" not in json.dumps(found), "the path of a URL may be a secret"


def test_an_endpoint_of_an_account_that_is_gone_is_shown_to_those_who_see_all(
    bench: Bench, store: DeliveryStore
) -> None:
    add(store, "accounts/gone/app", "gone", "1")
    assert ask(bench, "/admin/endpoints/accounts/gone/app")["state"] == "missing"
    assert bench.ask("GET", "/admin/endpoints/accounts/gone/app", token=tenant(bench)).status_code == 404


def test_a_token_of_a_tenant_sees_what_is_of_its_accounts(bench: Bench, store: DeliveryStore) -> None:
    add(store, OWN, "own", "1")
    add(store, "default", "own", "2")
    add(store, "default", "acme", "3")
    token = tenant(bench)
    assert [row["id"] for row in ask(bench, "/admin/endpoints", token)["result"]] == [OWN]
    rows = ask(bench, "/admin/deliveries", token)["result"]
    assert [(row["endpoint"], row["account"], row["record"]) for row in rows] == [
        ("default", "own", "2"), (OWN, "own", "1"),
    ]  # fmt: skip
    [other] = ask(bench, "/admin/deliveries?account=acme")["result"]
    assert ask(bench, "/admin/deliveries?account=acme", token)["result"] == []
    for method, path in (
        ("GET", "/admin/endpoints/default"),
        ("POST", "/admin/endpoints/default/test"),
        ("POST", "/admin/endpoints/default/redeliver"),
        ("GET", f"/admin/deliveries/{other['number']}"),
        ("POST", f"/admin/deliveries/{other['number']}/redeliver"),
    ):
        assert bench.ask(method, path, token=token).status_code == 404, path
    only = bench.issue("admin", accounts=["acme"])
    assert ask(bench, "/admin/endpoints", only)["result"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/endpoints"),
        ("GET", f"/admin/endpoints/{OWN}"),
        ("POST", f"/admin/endpoints/{OWN}/enable"),
        ("POST", f"/admin/endpoints/{OWN}/test"),
        ("POST", f"/admin/endpoints/{OWN}/redeliver"),
        ("POST", f"/admin/endpoints/{OWN}/rotate"),
        ("POST", f"/admin/endpoints/{OWN}/rotate/end"),
        ("GET", "/admin/deliveries"),
        ("GET", "/admin/deliveries/1"),
        ("POST", "/admin/deliveries/1/redeliver"),
    ],
)
def test_the_scope_admin_is_needed(bench: Bench, method: str, path: str) -> None:
    token = bench.issue("unified:read", "unified:write", accounts=[])
    assert bench.ask(method, path, token=token).status_code == 403
    assert bench.ask(method, path, token="conn_wrong").status_code == 401


def test_a_test_event_reaches_the_endpoint_and_is_stored_nowhere(bench: Bench, store: DeliveryStore) -> None:
    bench.vendor.arrived.clear()
    done = post(bench, f"/admin/endpoints/{OWN}/test", token=tenant(bench)).json()
    assert (done["endpoint"], done["status"], done["problem"]) == (OWN, 204, "")
    [arrived] = bench.vendor.arrived
    assert (arrived.path, arrived.data["type"], arrived.data["test"]) == ("/hooks", "endpoint.test", True)
    assert store.count() == {}
    refused = post(bench, "/admin/endpoints/default/test")
    assert (refused.status_code, read_problem(refused)["kind"]) == (409, "configuration")


def test_a_tenant_tests_one_endpoint_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is slow to respond occupies one thread of the service, however often it is tested."""
    at_once: list[int] = []
    lock, second = Lock(), Event()

    def answer(_: Any) -> Any:
        with lock:
            at_once.append(1 + (at_once[-1] if at_once else 0))
        if at_once[-1] > 1:
            second.set()
        second.wait(0.3)  # without turns, the other tests arrive meanwhile
        with lock:
            at_once.append(at_once[-1] - 1)
        return 204, None

    monkeypatch.setattr(bench.vendor, "answer", answer)
    token = tenant(bench)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: post(bench, f"/admin/endpoints/{OWN}/test", token=token), range(3)))
    assert [one.json()["status"] for one in done] == [204] * 3
    assert at_once == [1, 0] * 3


def test_what_was_not_received_is_sent_again(bench: Bench, store: DeliveryStore) -> None:
    add(store, OWN, "own", "1", "2")
    [row, _] = store.find_heads(OWN, NOW, 10)
    store.record([DeliveryAttempt(row.number, 0, False, "500")], NOW)
    store.set_disabled(OWN, "410", NOW)
    done = post(bench, f"/admin/endpoints/{OWN}/redeliver", {})
    assert (done.status_code, done.json()) == (202, {"again": 2, "overtaken": 0})
    assert ask(bench, f"/admin/endpoints/{OWN}")["state"] == "enabled"
    assert store.count() == {"waiting": 2}
    entry = ask(bench, "/admin/audit")["result"][0]
    assert (entry["action"], entry["target"], entry["account"]) == ("redeliver", f"endpoints/{OWN}", "own")


def test_an_event_and_a_time_are_sent_again(bench: Bench, store: DeliveryStore) -> None:
    [first] = add(store, OWN, "own", "1", moment=NOW - 7200)
    add(store, OWN, "own", "2", "3")
    deliver(store, OWN)
    path = f"/admin/endpoints/{OWN}/redeliver"
    assert post(bench, path, {"event_id": first}).json()["again"] == 1
    deliver(store, OWN)
    assert post(bench, path, {"since": "2023-11-14T22:00:00Z"}).json()["again"] == 2
    assert post(bench, path, {"event_id": "evt_0"}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [[], {"event": "x"}, {"event_id": 7}, {"event_id": "\0"}, {"event_id": "a", "since": "2026-01-01"},
     {"since": 7}, {"since": "soon"}, {"until": "2026-01-01"}],
)  # fmt: skip
def test_a_wrong_request_is_refused_and_changes_nothing(bench: Bench, store: DeliveryStore, body: Any) -> None:
    add(store, OWN, "own", "1")
    deliver(store, OWN)
    assert post(bench, f"/admin/endpoints/{OWN}/redeliver", body).status_code == 400
    assert store.count() == {"delivered": 1}


def test_enabling_sends_nothing_again(bench: Bench, store: DeliveryStore) -> None:
    add(store, OWN, "own", "1")
    deliver(store, OWN)
    store.set_disabled(OWN, "410", NOW)
    assert post(bench, f"/admin/endpoints/{OWN}/enable").json()["state"] == "enabled"
    assert store.count() == {"delivered": 1}


def test_deliveries_have_no_content_and_come_in_pages(bench: Bench, store: DeliveryStore) -> None:
    add(store, OWN, "own", *(str(number) for number in range(120)))
    deliver(store, OWN)
    add(store, OWN, "own", "last")
    page = ask(bench, f"/admin/deliveries?endpoint={OWN}&status=delivered")
    rest = ask(bench, f"/admin/deliveries?endpoint={OWN}&status=delivered&cursor={page['next_cursor']}")
    numbers = [row["number"] for row in (*page["result"], *rest["result"])]
    assert numbers == sorted(numbers, reverse=True)
    assert (len(page["result"]), len(rest["result"]), rest["next_cursor"]) == (100, 20, None)
    row = page["result"][0]
    assert "S3" not in json.dumps(page)
    assert ask(bench, f"/admin/deliveries/{row['number']}") == row
    assert post(bench, f"/admin/deliveries/{row['number']}/redeliver").json() == {"again": 1, "overtaken": 0}
    assert ask(bench, f"/admin/deliveries/{row['number']}")["status"] == "waiting"


def test_deliveries_of_more_accounts_than_a_query_can_name(store: DeliveryStore) -> None:
    for account in ("a1", "a1999", "a2", "other", "a1001"):
        add(store, OWN, account, "7")
    accounts = [f"a{number}" for number in range(2000)]
    found = find_deliveries(store.engine, accounts=accounts, limit=3)
    assert [entry.account for entry in found] == ["a1001", "a2", "a1999"]
    assert find_deliveries(store.engine, accounts=[]) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("endpoint=nobody", 200),
        ("endpoint=%00", 200),
        ("account=%00", 200),
        ("status=lost", 400),
        ("cursor=x", 400),
        ("cursor=99999999999999999999", 400),
        ("owner=x", 400),
    ],
)
def test_a_filter_that_matches_nothing_or_is_unknown(bench: Bench, query: str, status: int) -> None:
    response = bench.ask("GET", f"/admin/deliveries?{query}")
    assert response.status_code == status
    assert status == 400 or response.json()["result"] == []


def test_an_account_cannot_get_an_endpoint_that_conn_yaml_does_not_allow(bench: Bench) -> None:
    text = "connector: shop\nendpoints: { app: { url: 'https://evil.example.net/in' } }\n"
    refused = bench.ask("PUT", "/admin/accounts/evil", {"document": text})
    assert refused.status_code == 422
    assert [finding["code"] for finding in refused.json()["findings"]] == ["SEC118"]


def test_a_tenant_rotates_the_secret_of_its_endpoint(bench: Bench, store: DeliveryStore) -> None:
    bench.environ["CONN_NO_KEYRING"] = "1"  # that of the machine may have a key
    token, path = tenant(bench), f"/admin/endpoints/{OWN}/rotate"
    refused = post(bench, path, {}, token)
    assert (refused.status_code, "needs a key" in read_problem(refused)["detail"]) == (409, True)
    bench.environ["CONN_VAULT_KEY"] = "a long key for tests"
    done = post(bench, path, {"show": True}, token)
    assert (done.status_code, done.headers["cache-control"]) == (200, "no-store")
    secret = done.json()["secret"]
    assert "secret" not in post(bench, path, {"overlap": "PT1H"}, token).json()
    bench.vendor.arrived.clear()
    post(bench, f"/admin/endpoints/{OWN}/test", token=token)
    signatures = bench.vendor.arrived[0].headers["webhook-signature"].split()
    assert len(signatures) == 2
    assert (
        parse_signing_key(secret).sign(
            b".".join(
                (
                    bench.vendor.arrived[0].headers["webhook-id"].encode(),
                    bench.vendor.arrived[0].headers["webhook-timestamp"].encode(),
                    bench.vendor.arrived[0].body,
                )
            )
        )
        == signatures[1]
    )
    assert ask(bench, f"/admin/endpoints/{OWN}", token)["previous_until"] == NOW + 3600
    assert post(bench, f"{path}/end", {}, token).json() == {"endpoint": OWN, "ended": 1}
    entries = ask(bench, "/admin/audit")["result"]
    assert [entry["action"] for entry in entries[:4]] == [
        "end_previous_secret", "test", "rotate_secret", "rotate_secret",
    ]  # fmt: skip
    assert secret not in json.dumps(entries)
    assert post(bench, "/admin/endpoints/default/rotate", {}, token).status_code == 404


@pytest.mark.parametrize("body", [{"overlap": "soon"}, {"overlap": 5}, {"show": "yes"}, {"secret": "mine"}])
def test_what_a_rotation_does_not_read(bench: Bench, store: DeliveryStore, body: Any) -> None:
    assert post(bench, f"/admin/endpoints/{OWN}/rotate", body).status_code == 400


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ("it would go to https://db.corp.test, which resolves to an internal address (10.1.2.3, private)",
         "the host of the endpoint may not be reached"),
        ("it does not respond: connect to ('10.1.2.3', 443)", "it does not respond: connect to ('…', 443)"),
        ("it does not respond: fd00::7 refused", "it does not respond: … refused"),
        ("the endpoint answered 500", "the endpoint answered 500"),
    ],
)  # fmt: skip
def test_a_tenant_learns_nothing_about_the_network(
    bench: Bench, store: DeliveryStore, problem: str, shown: str
) -> None:
    add(store, OWN, "own", "1")
    [row] = store.find_heads(OWN, NOW, 10)
    store.record([DeliveryAttempt(row.number, 0, False, problem, NOW + 60)], NOW)
    store.set_health(OWN, EndpointHealth(10, 1, NOW + 60, NOW, problem))
    for token, expected in ((bench.token, problem), (tenant(bench), shown)):
        assert ask(bench, f"/admin/endpoints/{OWN}", token)["problem"] == expected
        assert [row["problem"] for row in ask(bench, "/admin/deliveries", token)["result"]] == [expected]
