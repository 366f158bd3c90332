"""Signatures in a connector: inherited, over the request as it is sent, afresh for each sending."""

from pathlib import Path
from typing import Any

from evaluating import usual

import conn_engine
from conn_engine.auth.signatures import HmacSignature, SigningContext
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets.vault import MemoryVault
from conn_engine.wire import FrozenClock, Request, Response

CONNECTOR = """
base_url: https://api.example.com/v1
credentials: { format: api_key, config: { ask: [{ name: app }] } }
authorization: { format: query, config: { name: app, value: "{{app}}" } }
signature:
  format: hmac
  config:
    content: request.method & request.target & request.body & nonce
    headers: { X-Sign: "{{signature}}", X-Nonce: "{{nonce}}", X-Time: "{{timestamp}}" }
resources:
  signature:
    create: { method: post, path: /things }
  things:
    create: { method: post, path: /things, idempotent: true }
    open: { method: get, path: /open, signature: null }
    odd: { method: get, path: "/big things/é?a=b c" }
"""


class Vendor:
    """Answers with the statuses it was given, then 200; keeps what was sent."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        return Response(self.statuses.pop(0) if self.statuses else 200, body=b"{}")


def sent(folder: Path, operation: str, vendor: Vendor, body: Any = None) -> list[Request]:
    (folder / "connectors/shop").mkdir(parents=True)
    (folder / "accounts").mkdir()
    (folder / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    (folder / "connectors/shop/connector.yaml").write_text(CONNECTOR, encoding="utf-8")
    (folder / "accounts/me.yaml").write_text("connector: shop\n", encoding="utf-8")
    effective = conn_engine.load_workspace(folder).effective(account="me")
    assert effective.findings == ()
    clock = FrozenClock()
    session = Session("me", {"api_key": "key-1", "app": "app-1"}, {}, clock)
    flow = perform(Run(effective, session), effective.resolve(operation), Call(body=body, query={"q": "a b"}))
    list(drive(flow, vendor, MemoryVault(), clock=clock))
    return vendor.sent


def signature(request: Request) -> str:
    moment = SigningContext(float(request.headers["x-time"]), request.headers["x-nonce"])
    told = HmacSignature(
        content="request.method & request.target & request.body & nonce", headers={"X": "{{signature}}"}
    )
    return told.sign(request, usual(api_key="key-1"), moment).headers["x"]


def test_it_covers_what_is_sent_and_each_sending_is_signed_afresh(tmp_path: Path) -> None:
    first, second = sent(tmp_path, "things.create", Vendor(503), {"n": 1})
    assert first.url == "https://api.example.com/v1/things?q=a%20b&app=app-1"
    assert first.body == second.body == b'{"n":1}'
    assert first.headers["x-nonce"] != second.headers["x-nonce"]
    assert first.headers["x-sign"] == signature(first)
    assert second.headers["x-sign"] == signature(second)


def test_the_path_is_signed_as_it_is_sent(tmp_path: Path) -> None:
    (request,) = sent(tmp_path, "things.odd", Vendor())
    assert request.url.partition("/v1")[2] == "/big%20things/%C3%A9?a=b%20c&q=a%20b&app=app-1"
    assert request.headers["x-sign"] == signature(request)


def test_an_operation_may_do_without(tmp_path: Path) -> None:
    (request,) = sent(tmp_path, "things.open", Vendor())
    assert "x-sign" not in request.headers


def test_a_resource_may_be_called_signature(tmp_path: Path) -> None:
    (request,) = sent(tmp_path, "signature.create", Vendor(), {"n": 1})
    assert "x-sign" in request.headers
