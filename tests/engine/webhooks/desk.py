"""What the tests of webhooks share: a workspace with a connector for each vendor whose scheme is known, deliveries as
the vectors have them, and a vendor whose answers are given."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from evaluating import usual

from conn_engine.config import Effective, Workspace, load_workspace
from conn_engine.config.convert import convert
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand
from conn_engine.errors import CredentialError
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.drive import finish
from conn_engine.runtime.webhooks import Acceptance, accept
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.deliveries.recording import KeptDelivery, record_delivery
from conn_engine.webhooks import Delivery, KeyCache, Verification, VerificationContext, VerificationError
from conn_engine.wire import Flow, FrozenClock, Headers, Request, Response

HERE = Path(__file__).parent
NOW = 1760000000.0
URL = "https://hooks.example.com/in/vendor"
NAMES = {
    "secret": "webhook_secret",
    "token": "webhook_token",
    "user": "webhook_username",
    "password": "webhook_password",
}
"""What the vectors call the secrets that a connector gives names of its own."""
SECRETS = (
    *NAMES.values(),
    "secret",
    "next_webhook_secret",
    "old_webhook_secret",
    "fallback_webhook_secret",
    "token",
    "public_key",
    "key_id",
    "primary",
    "secondary",
    "verify_token",
    "webhook_id",
    "client_id",
    "client_state",
    "audience",
    "service_account",
    "verification_key",
)
SMALLEST: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "bearer"},
    "authorization": {"format": "bearer"},
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}


@cache
def known() -> dict[str, dict[str, Any]]:
    """What is known of each vendor's deliveries, as it is shipped."""
    path = HERE.parents[2] / "connectors" / "webhook-schemes.yaml"
    told: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: expand(entry, Configuration)[0] for name, entry in told.items()}


@cache
def schemes() -> dict[str, dict[str, Any]]:
    """How each vendor's deliveries are verified, answered, routed and read: its `webhooks`."""
    return {name: entry["webhooks"] for name, entry in known().items()}


def document(webhooks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The smallest connector that says these webhooks; it declares each name that they use of an account."""
    told = json.dumps(webhooks)
    fields = [{"name": name, "secret": True, "required": False} for name in SECRETS if name in told]
    if webhooks.get("account"):
        fields.append({"name": webhooks["account"]["context"], "required": False})
    return {**SMALLEST, **({"fields": fields} if fields else {}), "webhooks": webhooks, **more}


def workspace(
    root: Path, connectors: Mapping[str, Mapping[str, Any]], files: Mapping[str, str] | None = None
) -> Workspace:
    """A workspace of these connectors, with further files."""
    texts = {f"connectors/{name}/connector.yaml": json.dumps(told) for name, told in connectors.items()}
    for name, text in {"conn.yaml": "version: 1\n", **texts, **(files or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_workspace(root)


def effective(root: Path, webhooks: Mapping[str, Any], **more: Any) -> Effective:
    """The configuration of one connector that says these webhooks."""
    return workspace(root, {"vendor": document(webhooks, **more)}).effective(account=None, connector="vendor")


def delivery(case: Mapping[str, Any]) -> Delivery:
    """The delivery of a vector."""
    headers = case["headers"].items() if isinstance(case["headers"], dict) else case["headers"]
    body = base64.b64decode(case["body_b64"]) if "body_b64" in case else case["body"].encode()
    return Delivery(case["method"], case["url"], Headers([(name, value) for name, value in headers]), body)


def secrets(case: Mapping[str, Any]) -> dict[str, Any]:
    """A vector's secrets as an account keeps them: one is a text, several are a list."""
    return renamed({name: values[0] if len(values) == 1 else values for name, values in case["secrets"].items()})


def renamed(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Secrets by the names that the schemes have for them."""
    return {NAMES.get(name, name): value for name, value in kept.items()}


class Vendor:
    """Answers requests by a function, and remembers them."""

    def __init__(self, answer: Callable[[Request], Response] | None = None) -> None:
        self.asked: list[Request] = []
        self._answer = answer

    def send(self, request: Request) -> Response:
        """The answer to a request."""
        self.asked.append(request)
        assert self._answer is not None, f"{request.method} {request.url} was not to be asked"
        return self._answer(request)


def judged(
    told: Effective,
    came: Delivery,
    kept: Mapping[str, Any] | None = None,
    *,
    now: float = NOW,
    vendor: Vendor | None = None,
    cache: KeyCache | None = None,
    pairing: bool = False,
) -> Acceptance:
    """The result of `accept` for a delivery."""
    clock = FrozenClock(now)
    flow = accept(Run(told, Session("me", dict(kept or {}), {}, clock)), came, cache, pairing=pairing)
    return finish(flow, vendor or Vendor(), MemoryVault(), clock)


def verify_delivery(
    way: Mapping[str, Any],
    came: Delivery,
    kept: Mapping[str, Any],
    *,
    now: float = NOW,
    vendor: Vendor | None = None,
    cache: KeyCache | None = None,
    hosts: tuple[str, ...] = (),
) -> VerificationContext:
    """Verify a delivery in one way. Raises what the way raises."""
    clock = FrozenClock(now)
    verification = VerificationContext(
        came, usual({"env": {}, "context": {}, **kept}), clock, hosts, cache or KeyCache()
    )
    told = convert(way, Verification)

    def flow() -> Flow[None]:
        if not told.is_applicable(verification):
            raise VerificationError("unsigned", "the way does not apply")
        yield from told.verify(verification)

    finish(flow(), vendor or Vendor(), MemoryVault(), clock)
    return verification


def outcome(way: Mapping[str, Any], came: Delivery, kept: Mapping[str, Any], **more: Any) -> str:
    """ "verified", or in one word why not."""
    try:
        verify_delivery(way, came, kept, **more)
    except VerificationError as error:
        return error.code
    except CredentialError:
        return "credential"
    return "verified"


def post(
    body: bytes = b"", headers: Mapping[str, str] | list[tuple[str, str]] | None = None, url: str = URL
) -> Delivery:
    """A delivery by POST."""
    return Delivery("POST", url, Headers(headers or {}), body)


def record_to_file(wiring: Wiring, delivery: Delivery, path: Path, **options: Any) -> KeptDelivery:
    """Record a delivery, and write it to a file."""
    kept = record_delivery(wiring, delivery, **options)
    kept.save(path, wiring.redactor)
    return kept
