"""`conn endpoint`: what endpoints there are and how they respond, a test, and events again."""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from conn_cli.exits import Exit
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import build_event
from conn_service.delivery import DeliveryStore, add_deliveries, parse_signing_key
from conn_service.delivery.health import EndpointHealth
from conn_service.revisions import Revision, RevisionStore, Subject
from conn_service.store import open_engine

sys.path.append(str(Path(__file__).resolve().parents[2]))
sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript
from vendor import Arrived, Vendor, start_vendor

SECRET = f"whsec_{base64.b64encode(b'a secret of the endpoint').decode()}"
PRIVATE = f"whsk_{base64.b64encode(bytes(range(32))).decode()}"
NOW = 1_700_000_000.0


@dataclass
class Desk:
    """A workspace with endpoints, the application that they lead to, and the store of deliveries."""

    root: Path
    vendor: Vendor
    store: DeliveryStore
    status: int = 200
    arrived: list[Arrived] = field(default_factory=list)

    def answer(self, arrived: Arrived) -> Any:
        self.arrived.append(arrived)
        return self.status, {}

    def run(self, *words: str, **environ: str) -> Any:
        keys = {"APP_SECRET": SECRET, "CONN_SYNC_STORE": str(self.root / "store.sqlite3")}
        return transcript.conn(self.root, "endpoint", *words, **{**keys, **environ})

    def read(self, *words: str) -> dict[str, Any]:
        return dict(json.loads(self.run(*words, "--format", "json").out))

    def add(self, endpoint: str, *keys: str, moment: float = NOW) -> list[str]:
        events = [
            build_event(sync="s", account="acme", type_="x.updated", key=key, data={"id": key}, version="1", began=0.0)
            for key in keys
        ]
        with self.store.engine.begin() as connection:
            add_deliveries(connection, [endpoint], "r", events, moment)
        return [event.id for event in events]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, None, None)  # type: ignore[arg-type]
    engine = open_engine(StoreLocation(file=tmp_path / "store.sqlite3"))
    with start_vendor(answer=desk.answer) as vendor:
        desk.vendor, desk.store = vendor, DeliveryStore(engine)
        hosts = f"trusted_hosts: ['{vendor.host}']\nendpoint_hosts: ['{vendor.host}']\nenv: [APP_SECRET]\n"
        endpoints = (
            f"  app: {{ url: '{vendor.url}/in', secret: '{{{{env.APP_SECRET}}}}' }}\n"
            "  unset: { url: '{{env.NOWHERE}}', events: [contact.*] }\n"
        )
        own = f"connector: shop\nendpoints: {{ own: {{ url: '{vendor.url}/own', events: [contact.created] }} }}\n"
        files = {
            "conn.yaml": f"version: 1\n{hosts}endpoints:\n{endpoints}",
            "connectors/shop/connector.yaml": "base_url: https://api.example.com\nresources: {}\n",
            "accounts/acme.yaml": own,
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        yield desk
    engine.dispose()


def test_the_list_shows_every_endpoint_and_why_it_gets_nothing(desk: Desk) -> None:
    desk.add("gone", "x")
    desk.add("https://hooks.example.com/services/T0/B0", "y")
    desk.add("accounts/acme/own", "z", "w")
    desk.store.set_disabled("accounts/acme/own", "the endpoint answered 410 Gone", NOW)
    desk.store.set_health("app", EndpointHealth(10, 1, NOW + 60, NOW - 60, "the endpoint answered 500"))
    lines = {line.pop("endpoint"): line for line in desk.read("list")["endpoints"]}
    digest = next(name for name in lines if name.startswith("https://hooks.example.com/…"))
    assert {name: (line["state"], line["place"], line["events"]) for name, line in lines.items()} == {
        "accounts/acme/own": ("disabled", "accounts/acme", {"waiting": 2}),
        "app": ("resting", "conn.yaml", {}),
        "unset": ("unusable", "conn.yaml", {}),
        "gone": ("missing", None, {"waiting": 1}),
        digest: ("enabled", None, {"waiting": 1}),
    }
    own = lines["accounts/acme/own"]
    assert (own["account"], own["types"], own["since"]) == ("acme", ["contact.created"], "2023-11-14T22:13:20Z")
    assert lines["app"]["problem"] == "the endpoint answered 500"
    assert lines[digest]["next_attempt"] == "2023-11-14T22:13:20Z"
    text = desk.run("list").out
    assert "accounts/acme/own: disabled since 2023-11-14T22:13:20Z: the endpoint answered 410 Gone" in text
    assert "services/T0" not in text + json.dumps(lines)


def test_the_list_shows_public_keys_and_no_secret(desk: Desk) -> None:
    done = desk.run("list", APP_SECRET=PRIVATE)
    assert f"app: public key {parse_signing_key(PRIVATE).public_key}" in done.out
    assert PRIVATE[5:] not in done.out


def test_a_test_event_is_signed_and_stores_nothing(desk: Desk) -> None:
    desk.store.set_disabled("app", "410", NOW)
    done = desk.run("test", "app")
    assert (done.code, done.err) == (Exit.OK, "")
    [request] = desk.arrived
    moment = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    signature = Webhook(SECRET).sign(request.headers["webhook-id"], moment, request.body.decode())
    assert request.headers["webhook-signature"] == signature
    event = json.loads(request.body)
    assert (event["type"], event["test"], event["account"]) == ("endpoint.test", True, None)
    assert request.headers["webhook-id"].startswith("test_")
    assert desk.store.count() == {}
    assert desk.store.find_disabled_reason("app") == "410"
    assert "APP_SECRET" not in done.out and SECRET not in done.out


def test_a_test_shows_what_the_endpoint_answers(desk: Desk) -> None:
    desk.status = 410
    done = desk.run("test", "accounts/acme/own")
    assert (done.code, "accounts/acme/own: the endpoint answered 410" in done.out) == (Exit.FINDINGS, True)
    assert desk.read("test", "app")["status"] == 410
    assert desk.store.find_disabled_reason("accounts/acme/own") == "", "a test changes nothing"
    assert desk.run("test", "nobody").code == Exit.CONFIGURATION


def test_an_account_of_the_store_has_endpoints_like_one_of_the_folder(desk: Desk) -> None:
    text = f"connector: shop\nendpoints: {{ app: {{ url: '{desk.vendor.url}/hooli' }} }}\n"
    revision = Revision(Subject("account", "hooli"), 1, {"accounts/hooli.yaml": text})
    RevisionStore(desk.store.engine).add(revision, {}, "create", seen=0)
    desk.add("accounts/hooli/app", "x")
    assert "accounts/hooli/app" in desk.run("list").out
    assert desk.run("test", "accounts/hooli/app").code == Exit.OK
    assert desk.run("redeliver", "accounts/hooli/app").out == "accounts/hooli/app: 1 event again; 1 delivered\n"
    assert [request.path for request in desk.arrived] == ["/hooli", "/hooli"]


def test_without_options_an_endpoint_gets_what_it_has_not_received(desk: Desk) -> None:
    desk.add("app", "x", "y")
    desk.store.set_disabled("app", "the endpoint answered 410 Gone", NOW)
    done = desk.run("redeliver", "app")
    assert done.out == "app: 2 events again; 2 delivered\n"
    assert {json.loads(request.body)["data"]["id"] for request in desk.arrived} == {"x", "y"}
    assert desk.store.find_disabled_reason("app") == ""


def test_one_event_and_a_time(desk: Desk) -> None:
    [first] = desk.add("app", "x")
    desk.add("app", "y", "z", moment=NOW + 3600)
    desk.run("redeliver", "app")
    report = desk.read("redeliver", "app", "--event", first)
    assert (report["kind"], report["again"], report["events"]) == ("redelivery", 1, {"delivered": 3})
    assert desk.arrived[-1].headers["webhook-id"] == first
    assert desk.read("redeliver", "app", "--since", "2023-11-14T23:00:00")["again"] == 2
    assert desk.read("redeliver", "app", "--since", "2023-11-14", "--until", "2023-11-14T23:00:00Z")["again"] == 1
    assert len(desk.arrived) == 3 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nobody",), 'no event was sent to an endpoint "nobody"'),
        (("app", "--event", "evt_0"), 'the store has no event "evt_0" for the endpoint "app"'),
        (("app", "--event", "evt_0", "--since", "2023-01-01"), "--event excludes --since"),
        (("app", "--until", "2023-01-01"), "--until needs --since"),
        (("app", "--since", "yesterday"), "is not a time"),
    ],
)
def test_what_cannot_be_sent_again(desk: Desk, words: tuple[str, ...], message: str) -> None:
    desk.add("app", "x")
    done = desk.run("redeliver", *words)
    assert (done.code, message in done.err) == (Exit.USAGE, True), done.err
    assert desk.arrived == []


def test_a_secret_is_new_each_time(desk: Desk) -> None:
    first, second = (desk.run("secret").out.strip() for _ in range(2))
    assert first != second
    assert len(parse_signing_key(first).content) == 32
    report = desk.read("secret", "--ed25519")
    assert parse_signing_key(report["secret"]).public_key == report["public_key"]


VAULT = {"CONN_VAULT_KEY": "a long key for tests"}


def verifies(arrived: Arrived, secret: str) -> bool:
    """Return whether a receiver that knows a secret accepts a request. The clock of the command is not that of now."""
    moment = datetime.fromtimestamp(int(arrived.headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(arrived.headers["webhook-id"], moment, arrived.body.decode())
    return signature in arrived.headers.get("webhook-signature", "").split()


def test_a_rotated_secret_signs_with_the_previous_one_and_is_shown_once(desk: Desk) -> None:
    done = desk.run("rotate", "app", "--overlap", "P7D", **VAULT)
    assert (done.code, done.err) == (Exit.OK, "")
    assert "app: a new secret is in the vault; the previous one signs until 20" in done.out
    assert "conn endpoint rotate app --reveal" in done.out and "whsec_" not in done.out
    secret = desk.run("rotate", "app", "--reveal", **VAULT).out.splitlines()[0]
    assert desk.run("rotate", "app", "--reveal", **VAULT).code == Exit.USAGE
    desk.run("test", "app", **VAULT)
    assert verifies(desk.arrived[-1], secret) and verifies(desk.arrived[-1], SECRET)
    assert "app: secret in the vault since 20" in desk.run("list", **VAULT).out
    assert desk.run("rotate", "app", "--end", **VAULT).out == "app: only the secret in the vault signs now\n"
    desk.run("test", "app", **VAULT)
    assert verifies(desk.arrived[-1], secret) and not verifies(desk.arrived[-1], SECRET)
    assert desk.run("rotate", "app", "--remove", **VAULT).code == Exit.OK
    desk.run("test", "app", **VAULT)
    assert verifies(desk.arrived[-1], SECRET)


def test_a_redelivery_is_signed_with_the_secret_in_the_vault(desk: Desk) -> None:
    desk.add("app", "x")
    secret = desk.run("rotate", "app", "--show", **VAULT).out.splitlines()[0]
    assert desk.run("redeliver", "app").code == Exit.CONFIGURATION, "without the key of the vault, nothing is sent"
    assert desk.arrived == []
    assert desk.run("redeliver", "app", **VAULT).code == Exit.OK
    assert verifies(desk.arrived[-1], secret)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("app", "--end", "--remove"), Exit.USAGE, "--end excludes --remove"),
        (("app", "--reveal", "--overlap", "P1D"), Exit.USAGE, "--reveal excludes --overlap"),
        (("app", "--overlap", "soon"), Exit.USAGE, "the overlap is not a duration"),
        (("app", "--end"), Exit.USAGE, "the vault has no secret of the endpoint app"),
        (("nobody",), Exit.CONFIGURATION, 'there is no endpoint "nobody"'),
        (("app",), Exit.CONFIGURATION, "needs a key, and none is set"),
    ],
)
def test_what_cannot_be_rotated(desk: Desk, words: tuple[str, ...], code: Exit, message: str) -> None:
    done = desk.run("rotate", *words)
    assert (done.code, message in done.err) == (code, True), done.err
