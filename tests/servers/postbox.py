"""An address for deliveries on loopback: whatever comes to `/<account>` is received by the library for that account,
answered as it says, and kept for the test with its receipt. It decides nothing itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from library import Library
from vendor import Arrived, Reply, start_vendor

import conn_engine
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand
from conn_engine.runtime.webhooks import Receipt, Receiver
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

__all__ = ["SECRET", "Came", "Postbox", "postbox", "schemes", "subscribed", "vendors"]

SECRET = "a secret of deliveries: 7Wq+/=é"
SCHEMES = Path(__file__).resolve().parents[2] / "connectors/webhook-schemes.yaml"


@dataclass(frozen=True, slots=True)
class Came:
    """One delivery, for whom it came, and what became of it."""

    account: str
    delivery: Delivery
    receipt: Receipt

    @property
    def types(self) -> list[str]:
        """The types of its events."""
        return [event.type for event in self.receipt.events]


@dataclass
class Postbox:
    """A running postbox. `receiver` is the test's; without one everything is answered 404."""

    port: int = 0
    receiver: Receiver | None = None
    came: list[Came] = field(default_factory=list)

    def url(self, account: str) -> str:
        """Where the vendor of an account delivers."""
        return f"http://127.0.0.1:{self.port}/{account}"

    def opened(self, library: Library) -> "Postbox":
        """Receive for the accounts of a workspace from now on."""
        self.receiver = Receiver(conn_engine.load_workspace(library.root), library.environ, library.vault)
        self.came.clear()
        return self

    def next(self, account: str, *, after: int = 0, seconds: float = 60) -> Came:
        """The account's next delivery, once it has come; `after` as many others."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [came for came in self.came if came.account == account]
            if len(found) > after:
                return found[after]
            time.sleep(0.02)
        raise AssertionError(f"nothing came for {account} within {seconds:.0f} s; only {self.came}")

    def again(self, came: Came, **changed: Any) -> Receipt:
        """What becomes of the delivery when somebody on its way has changed it (`body`, `headers` by name, `url`)."""
        if "headers" in changed:
            new = {name.lower(): value for name, value in changed["headers"].items()}
            kept = [(name, value) for name, value in came.delivery.headers.pairs if name.lower() not in new]
            changed["headers"] = Headers([*kept, *((name, value) for name, value in new.items() if value is not None)])
        return self.take(replace(came.delivery, **changed), came.account)

    def take(self, delivery: Delivery, account: str) -> Receipt:
        """What becomes of a delivery."""
        assert self.receiver is not None
        return self.receiver.receive(delivery, account=account)


@contextmanager
def postbox() -> Iterator[Postbox]:
    """Run one on a free port of 127.0.0.1 until the block is left."""
    box = Postbox()

    def answer(arrived: Arrived) -> Reply:
        if box.receiver is None:
            return 404, b""
        account = arrived.path.lstrip("/").partition("/")[0]
        url = f"http://{arrived.headers.get('host', '')}{arrived.target}"
        delivery = Delivery(arrived.method, url, Headers(arrived.pairs), arrived.body)
        receipt = box.take(delivery, account)
        box.came.append(Came(account, delivery, receipt))
        return receipt.reply.status, receipt.reply.headers.pairs, receipt.reply.body

    with start_vendor(answer) as vendor:
        box.port = vendor.port
        yield box


def schemes(*names: str) -> dict[str, dict[str, Any]]:
    """How these vendors' deliveries are verified and read, as the catalogue has it."""
    told = yaml.safe_load(SCHEMES.read_text(encoding="utf-8"))
    return {name: expand(told[name], Configuration)[0]["webhooks"] for name in names}


def subscribed(box: Postbox) -> dict[str, Any]:
    """What emulate starts with: subscriptions to all its events."""
    admin = {"login": "octocat", "scopes": ["repo", "user", "admin:repo_hook"]}
    listening = {"events": ["*"], "secret": SECRET}
    number = {"phone_number": "+15550001111", "sms_url": box.url("twilio")}
    return {
        "tokens": {"conn_admin_token": admin},
        "github": {
            "users": [{"login": "octocat", "name": "The Octocat"}],
            "repos": [{"owner": "octocat", "name": "crm", "auto_init": True}],
        },
        "stripe": {"webhooks": [{"url": box.url("stripe"), **listening}]},
        "slack": {"signing_secret": SECRET, "channels": [{"name": "general"}]},
        "linear": {
            "teams": [{"key": "ENG", "name": "Engineering"}],
            "webhooks": [{"url": box.url("linear"), "secret": SECRET}],
        },
        "twilio": {"account": {"auth_token": SECRET}, "phone_numbers": [number]},
    }


def vendors(root: Path, webhooks: dict[str, dict[str, Any]], secret: str = SECRET, **more: Any) -> Library:
    """A workspace with a connector and an account for each vendor, which verifies its deliveries with `secret`."""
    fields = [{"name": "webhook_secret", "secret": True}]
    for name, said in webhooks.items():
        rest = {"base_url": "https://api.example.com", "credentials": {"format": "bearer"}, "fields": fields}
        things = {"things": {"list": {"method": "get", "path": "/things"}}}
        connector = {**rest, "authorization": {"format": "bearer"}, "resources": things, "webhooks": said, **more}
        for path, data in {
            f"connectors/{name}/connector.yaml": connector,
            f"accounts/{name}.yaml": {"connector": name},
        }.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(yaml.safe_dump(data), encoding="utf-8")
    (root / "conn.yaml").write_text("version: 1\ntrusted_hosts: [127.0.0.0/8]\n", encoding="utf-8")
    library = Library.over(root)
    for name in webhooks:
        library.knows(name, webhook_secret=secret)
    return library
