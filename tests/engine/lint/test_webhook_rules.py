"""The lint rules for webhooks, each on settings that break it and on settings that do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.lint import lint_paths

BASE: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "api_key", "config": {"ask": [{"name": "webhook_secret", "required": False}]}},
    "authorization": {"format": "header", "config": {"name": "X-Key"}},
    "resources": {"contacts": {"get": {"method": "get", "path": "/contacts/{{id}}"}}},
}
HMAC = {"format": "hmac", "config": {"signature": "headers.sig"}}
EVENTS = {"type": "body.type", "record": "body.record", "record_id": "body.id"}
RECORD = {"updated": {"when": 'event.type = "changed"'}}
FETCHED = {"updated": {"when": 'event.type = "changed"', "fetch": "event.record_id"}}


def found(
    folder: Path,
    webhooks: dict[str, Any] | None,
    events: dict[str, Any] | None = None,
    *,
    override: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    conn: dict[str, Any] | None = None,
    **connector: Any,
) -> list[tuple[str, str]]:
    """Code and path of each finding."""
    mapping = {"contacts": {"get": {"response_mapping": {"id": "response.id"}}, "events": events or {}}}
    account = {"connector": "shop", "context": context or {}, "override": override or {}}
    declared = {} if webhooks is None else {"webhooks": {"events": EVENTS, **webhooks}}
    for name, data in {
        "conn.yaml": {"version": 1, **(conn or {})},
        "connectors/shop/connector.yaml": {**BASE, **connector, **declared},
        "connectors/shop/unified/crm.yaml": {"resources": mapping},
        "accounts/acme.yaml": account,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data), encoding="utf-8")
    findings = lint_paths(folder, []).findings
    return [(finding.code, finding.path) for finding in findings if finding.code not in ("REC101", "REC102")]


def way(format: str, **config: Any) -> dict[str, Any]:  # noqa: A002
    return {"format": format, "config": config}


def signed(**config: Any) -> dict[str, Any]:
    return way("hmac", signature="headers.sig", **config)


def step(resource: str, **request: Any) -> dict[str, Any]:
    return {"name": "hook", "request": {"resource": resource, "method": "get", **request}}


JWT = way("jwt", algorithms=["HS256"])
NONE, TOKEN = way("none"), way("token", token='headers."x-token"')
OTHER = way("hmac", signature="headers.sig", content="headers.date")
PARTS = way("hmac", signature="headers.sig", content="body.id & body.type")
RECORD_SIGNED = way("hmac", signature="headers.sig", content="body.record.id & $string(body.record)")
ITEMS = way("hmac", each="body.items", signature="item.sig", content="item.id")
JWT_FOR_US = way("jwt", algorithms=["HS256"], expect="claims.aud = 'us'")
LOOSE_URLS = [
    signed(content="headers.date", expect="query.digest = body_sha256"),
    signed(content="url", expect="query.version = 2"),
]
TYPE_UNSIGNED = [
    *[OTHER, RECORD_SIGNED, ITEMS, JWT, JWT_FOR_US, *LOOSE_URLS],
    *[way("any", of=[HMAC, OTHER]), way("all", of=[TOKEN, OTHER])],
]
"""Ways whose signature leaves `body.type` open."""


@pytest.mark.parametrize(
    ("verify", "code"),
    [
        (HMAC, None),
        (way("standard_webhooks"), None),
        (way("hmac", signature="headers.sig", content="headers.date & body_sha256"), None),
        (way("hmac", signature="headers.sig", content="method & $string(body)"), None),
        (way("ed25519", signature="headers.sig", key="{{webhook_secret}}"), None),
        (NONE, "WHK101"),
        (way("any", of=[HMAC, NONE]), "WHK101"),
        (way("all", of=[HMAC, NONE]), None),
        (OTHER, "WHK102"),
        (PARTS, "WHK102"),
        (RECORD_SIGNED, None),
        (way("any", of=[HMAC, OTHER]), "WHK102"),
        (signed(content="url", expect="query.digest = body_sha256"), None),
        (signed(content="headers.digest", expect="headers.digest = body_sha256"), None),
        (LOOSE_URLS[0], "WHK102"),
        (LOOSE_URLS[1], "WHK102"),
        (way("all", of=[TOKEN, OTHER]), "WHK103"),
        (ITEMS, "WHK102"),
        (JWT, "WHK102"),
        (way("jwt", algorithms=["HS256"], expect="claims.hash = body_sha256"), None),
        (JWT_FOR_US, "WHK102"),
        (way("jwt", algorithms=["HS256"], token="text"), None),
        (TOKEN, "WHK103"),
        (way("basic", username="me", password="{{webhook_secret}}"), "WHK103"),
        (way("any", of=[HMAC, TOKEN]), "WHK103"),
    ],
)
def test_what_a_proof_leaves_open(tmp_path: Path, verify: dict[str, Any], code: str | None) -> None:
    at = [] if code is None else [(code, "webhooks.verify.format")]
    loose = [("WHK210", "webhooks.events.type")] if verify in TYPE_UNSIGNED else []
    assert sorted(found(tmp_path, {"verify": verify}, RECORD)) == at + (loose if code != "WHK102" else [])
    assert found(tmp_path, {"verify": verify}, FETCHED) == [], "what is fetched is believed by nobody"
    handed_on = at if code == "WHK101" else loose
    assert found(tmp_path, {"verify": verify}) == handed_on, "the vendor's own events are the application's to judge"


def test_what_a_jwt_carries_is_signed(tmp_path: Path) -> None:
    events = {"updated": {"when": "true", "record": "claims.data"}}
    assert found(tmp_path, {"verify": JWT, "events": {**EVENTS, "type": "claims.type"}}) == []
    assert found(tmp_path, {"verify": JWT}, events) == [
        ("WHK210", "webhooks.events.type"),
        ("EXP103", "crm.contacts.events.updated.record"),
    ]
    declared = {**EVENTS, "type": "claims.type", "record": "claims.data"}
    assert found(tmp_path, {"verify": JWT, "events": declared}, RECORD) == []


def test_items_that_are_signed_each(tmp_path: Path) -> None:
    verify = way("hmac", each="body.items", signature="item.sig", content="item.type & $string(item.data)")
    events = {"each": "body.items", "type": "item.type", "record": "item.data"}
    assert found(tmp_path, {"verify": verify, "events": events}, RECORD) == []
    assert found(tmp_path, {"verify": verify, "events": {**events, "record": "item.more"}}, RECORD) == [
        ("WHK102", "webhooks.verify.format")
    ]


@pytest.mark.parametrize(
    ("verify", "type", "unsigned"),
    [
        (HMAC, 'headers."x-topic"', True),
        (HMAC, "query.topic", True),
        (HMAC, '[headers."x-topic", body.action]', True),
        (HMAC, "body.type", False),
        (HMAC, '"ping"', False),
        (signed(content='headers."x-topic" & text'), 'headers."x-topic"', False),
        (signed(content="url & text"), "query.topic", False),
        (signed(content="text & timestamp", timestamp="headers.at"), "headers.at", True),
        (signed(content="headers & text"), 'headers."x-topic"', False),
        (way("standard_webhooks"), 'headers."webhook-topic"', True),
        (way("standard_webhooks"), 'headers."webhook-id"', False),
        (way("jwt", algorithms=["HS256"], expect="claims.hash = body_sha256"), "body.type", False),
        (way("jwt", algorithms=["HS256"], expect="claims.hash = body_sha256"), "query.topic", True),
        (way("any", of=[signed(content='headers."x-topic" & text'), HMAC]), 'headers."x-topic"', True),
        (way("all", of=[signed(content='headers."x-topic" & text'), HMAC]), 'headers."x-topic"', False),
        (way("all", of=[TOKEN, HMAC]), 'headers."x-topic"', True),
    ],
)
def test_a_type_that_no_signature_covers_is_reported(tmp_path: Path, verify: Any, type: str, unsigned: bool) -> None:  # noqa: A002
    events = {**EVENTS, "type": type}
    at = [("WHK210", "webhooks.events.type")] if unsigned else []
    assert found(tmp_path, {"verify": verify, "events": events}) == at
    assert found(tmp_path, {"verify": verify, "events": events}, FETCHED) == []


@pytest.mark.parametrize(
    ("challenge", "wrong"),
    [
        ({"reply": {"body": "{{$sign(query.ask, 'SHA-256', webhook_secret)}}"}}, True),
        ({"reply": {"headers": {"x-answer": "{{$sign(query.ask, 'SHA-256', webhook_secret)}}"}}}, True),
        ({"reply": {"body": {"a": "{{query.ask}}", "b": "{{webhook_secret}}"}}}, True),
        ({"reply": {"body": "{{query.ask}}"}}, False),
        ({"verified": True, "reply": {"body": "{{$sign(query.ask, 'SHA-256', webhook_secret)}}"}}, False),
        (
            {
                "expect": "$match(query.ask, /^[a-z]{8}$/)",
                "reply": {"body": "{{$sign(query.ask, 'SHA-256', webhook_secret)}}"},
            },
            False,
        ),
        (
            {"expect": "query.token = verify_token", "reply": {"body": "{{$sign(body, 'SHA-256', webhook_secret)}}"}},
            False,
        ),
        (
            {"expect": 'method = "GET"', "reply": {"body": "{{$sign(query.ask, 'SHA-256', webhook_secret)}}"}},
            True,
        ),
        ({"reply": {"body": "{{$digest(query.ask & verify_token & url)}}"}}, False),
    ],
)
def test_a_challenge_signs_for_nobody(tmp_path: Path, challenge: dict[str, Any], wrong: bool) -> None:
    ask = [{"name": name, "required": False} for name in ("webhook_secret", "verify_token")]
    declared = {"credentials": {"format": "api_key", "config": {"ask": ask}}}
    one = {"when": "query.ask", "verified": False, **challenge}
    codes = found(tmp_path, {"verify": HMAC, "challenge": [one]}, RECORD, **declared)
    assert codes == ([("WHK104", "webhooks.challenge[0].reply")] if wrong else [])


@pytest.mark.parametrize(
    ("conditions", "dead"),
    [
        (["query.a", "query.b"], []),
        (["query.a", "query.a"], [1]),
        (["true", "query.a"], [1]),
        (["query.a", "true"], []),
        (["false"], [0]),
        (['method = "GET"', 'method = "HEAD"'], []),
    ],
)
def test_challenges_that_are_never_asked(tmp_path: Path, conditions: list[str], dead: list[int]) -> None:
    declared = {"verify": HMAC, "challenge": [{"when": condition} for condition in conditions]}
    assert found(tmp_path, declared, RECORD) == [("WHK108", f"webhooks.challenge[{at}].when") for at in dead]


def test_however_old(tmp_path: Path) -> None:
    timed = {"signature": "headers.sig", "content": "timestamp & text", "timestamp": "headers.t"}
    at = ("WHK105", "webhooks.verify.config.tolerance_seconds")
    assert found(tmp_path, {"verify": way("hmac", **timed)}, RECORD) == []
    assert found(tmp_path, {"verify": way("hmac", **timed, tolerance_seconds=0)}, RECORD) == [at]
    assert found(tmp_path, {"verify": way("hmac", signature="headers.sig", tolerance_seconds=0)}, RECORD) == []
    assert found(tmp_path, {"verify": way("standard_webhooks", tolerance_seconds=0)}, RECORD) == [at]
    inner = way("any", of=[HMAC, way("standard_webhooks", tolerance_seconds=0)])
    assert found(tmp_path, {"verify": inner}, RECORD) == [
        ("WHK105", "webhooks.verify.config.of[1].config.tolerance_seconds")
    ]


def test_whose_it_is(tmp_path: Path) -> None:
    declared = {"verify": HMAC, "account": {"value": "body.org", "context": "tenant"}}
    assert found(tmp_path, declared, RECORD) == [("WHK107", "webhooks.account.context")]
    assert found(tmp_path, declared, RECORD, fields=[{"name": "tenant", "required": False}]) == []
    assert found(tmp_path, declared, RECORD, context={"tenant": 7}) == []
    step = {"name": "tenant", "transform": "context.x"}
    assert found(tmp_path, declared, RECORD, connect=[step]) == []
    secret = found(tmp_path, declared, RECORD, fields=[{"name": "tenant", "secret": True, "required": False}])
    assert secret == [("WHK107", "webhooks.account.context")]
    oauth = {"token_url": "https://api.example.com/t", "client_id": "c", "capture": {"tenant": "response.tenant"}}
    kind = {"format": "oauth2_client_credentials", "config": {**oauth, "ask": [{"name": "webhook_secret"}]}}
    assert found(tmp_path, declared, RECORD, credentials=kind, authorization={"format": "bearer"}) == []


def test_events_that_cannot_be_made(tmp_path: Path) -> None:
    at = "crm.contacts.events.updated"
    assert found(tmp_path, None, RECORD) == [("WHK106", at)]
    assert found(tmp_path, {"verify": HMAC, "events": None}, RECORD) == [("WHK106", at)]
    bare = {"verify": HMAC, "events": {"type": "body.type"}}
    assert found(tmp_path, bare, RECORD) == [("WHK106", at)]
    assert found(tmp_path, bare, FETCHED) == [("WHK106", f"{at}.fetch")]
    assert found(tmp_path, bare, {"updated": {"when": "true", "record": "body.record"}}) == []
    assert found(tmp_path, bare, {"updated": {"when": "event.record_id", "record": "body"}}) == []
    wrong = {"updated": {"when": "true", "method": "fetch"}}
    assert found(tmp_path, {"verify": HMAC}, wrong) == [("REF102", f"{at}.method")]
    assert found(tmp_path, {"verify": HMAC}, {"updated": {"when": 'event.typ = "x"'}}) == [("EXP103", f"{at}.when")]


def test_an_event_of_a_record_without_a_schema(tmp_path: Path) -> None:
    assert found(tmp_path, {"verify": HMAC}, RECORD) == []
    mapping = tmp_path / "connectors/shop/unified/crm.yaml"
    mapping.write_text(mapping.read_text().replace('"contacts": {', '"contacts": {"record": "customer", '))
    assert [finding.code for finding in lint_paths(tmp_path, []).findings] == ["REC101", "MAP302", "REC102"]


def test_an_override_without_a_proof(tmp_path: Path) -> None:
    off = {"webhooks": {"verify": {"format": "none"}}}
    at = "webhooks.verify.format"
    assert found(tmp_path, {"verify": HMAC}, RECORD, override=off) == [("SEC114", at)]
    allowed = {"environments": {"production": {"allow": {"verification": True}}}}
    assert found(tmp_path, {"verify": HMAC}, RECORD, override=off, conn=allowed) == [("SEC117", at), ("WHK109", at)]
    other = {"webhooks": {"events": {"record": "body.contact"}}}
    assert found(tmp_path, {"verify": HMAC}, RECORD, override=other) == []


@pytest.mark.parametrize("place", ["written", "default"])
def test_a_secret_that_nobody_asks_for(tmp_path: Path, place: str) -> None:
    verify = HMAC if place == "default" else way("hmac", signature="headers.sig", key="{{webhook_secret}}")
    at = ("EXP103", "webhooks.verify" + ("" if place == "default" else ".config.key"))
    plain = {"credentials": {"format": "api_key"}}
    assert found(tmp_path, {"verify": verify}, RECORD, **plain) == [at]
    [finding] = [one for one in lint_paths(tmp_path, []).findings if one.code == "EXP103"]
    assert "fields: [{name: webhook_secret, secret: true, required: false}]" in finding.hint
    asked = [{"name": "webhook_secret", "secret": True, "required": False}]
    assert found(tmp_path, {"verify": verify}, RECORD, **plain, fields=asked) == []
    assert found(
        tmp_path, {"verify": verify}, RECORD, **plain, fields=[{"name": "webhook_secret", "required": False}]
    ) == [at]
    handed_over = [{"when": "body.token", "verified": False, "capture": {"webhook_secret": "body.token"}}]
    assert found(tmp_path, {"verify": verify, "challenge": handed_over}, RECORD, **plain) == []
    made = {"create": [{"name": "hook", "request": {"resource": "contacts", "method": "get"}}]}
    captured = {**made, "capture": {"webhook_secret": "new_secret"}}
    assert found(tmp_path, {"verify": verify, "subscription": captured}, RECORD, **plain) == []
    assert found(tmp_path, {"verify": verify, "subscription": made}, RECORD, **plain) == [at]
    options = {"a": {"format": "bearer"}, "b": {"format": "api_key", "config": {"ask": [{"name": "webhook_secret"}]}}}
    choice = {"credentials": {"format": "choice", "config": {"by": "context.kind", "options": options}}}
    assert ("EXP103", at[1]) not in found(tmp_path, {"verify": verify}, RECORD, **choice)


def test_keys_that_the_vendor_publishes_need_no_secret(tmp_path: Path) -> None:
    request = {"url": "https://api.example.com/keys"}
    verify = way("rsa", signature="headers.sig", key_request=request)
    assert found(tmp_path, {"verify": verify}, RECORD, credentials={"format": "api_key"}) == []


@pytest.mark.parametrize(
    ("declared", "code", "path"),
    [
        ({"verify": way("hmac", signature="header.sig")}, "EXP103", "verify.config.signature"),
        ({"verify": signed(content="timestamp & text")}, "EXP103", "verify.config.content"),
        ({"verify": signed(content="parts.v & text")}, None, ""),
        ({"verify": signed(expect="claims.x and header.kid")}, "EXP103", "verify.config.expect"),
        ({"verify": way("jwt", algorithms=["HS256"], expect="claims.h = body_sha256 and header.kid")}, None, ""),
        ({"verify": way("hmac", signature="item.sig", content="text")}, "EXP103", "verify.config.signature"),
        (
            {"verify": way("any", of=[way("token", token="quary.t"), HMAC], when="true")},
            "EXP103",
            "verify.config.of[0].config.token",
        ),
        ({"challenge": [{"when": "bdy.challenge"}]}, "EXP103", "challenge[0].when"),
        ({"challenge": [{"when": "query.a", "expect": "query.t = env.T"}], "verify": HMAC}, None, ""),
        ({"challenge": [{"when": "query.a", "reply": {"body": "{{qery.a}}"}}]}, "EXP103", "challenge[0].reply.body"),
        ({"challenge": [{"when": "query.a", "capture": {"s": "hedders.x"}}]}, "EXP103", "challenge[0].capture.s"),
        (
            {"challenge": [{"when": "query.a", "request": {"url": "{{bdy.url}}"}, "hosts": ["a.example.com"]}]},
            "EXP103",
            "challenge[0].request.url",
        ),
        ({"reply": {"body": "{{$nothing()}}"}}, "EXP102", "reply.body"),
        ({"events": {**EVENTS, "id": "webhook_secret"}}, "EXP103", "events.id"),
        ({"events": {**EVENTS, "each": "item.x"}}, "EXP103", "events.each"),
        ({"events": {**EVENTS, "id": "env.X"}}, "EXP104", "events.id"),
        ({"account": {"value": "env.X", "context": "org"}}, "EXP104", "account.value"),
        (
            {"subscription": {"create": [step("contacts", body="{{new_secret & ulr}}")]}},
            "EXP103",
            "subscription.create[0].request.body",
        ),
        ({"subscription": {"create": [step("contact")]}}, "REF102", "subscription.create[0].request.resource"),
    ],
)
def test_names_in_every_place(tmp_path: Path, declared: dict[str, Any], code: str | None, path: str) -> None:
    codes = found(tmp_path, {"verify": HMAC, **declared}, FETCHED, context={"org": 1})
    assert codes == ([(code, f"webhooks.{path}")] if code else [])


def test_an_event_that_no_delivery_tells_of(tmp_path: Path) -> None:
    found(tmp_path, {"verify": HMAC}, {**RECORD, "deleted": {"when": 'event.type = "gone"'}})
    golden = tmp_path / "connectors/shop/expected/deliveries/changed.json"
    golden.parent.mkdir(parents=True)
    golden.write_text(json.dumps({"reply": {}, "events": [{"type": "crm.contact.updated", "data": {}}, 7]}))
    said = [(one.code, one.path) for one in lint_paths(tmp_path, []).findings if one.code == "REC102"]
    assert said == [("REC102", "crm.contacts.events.deleted")]
    golden.write_text("{")
    assert len([one for one in lint_paths(tmp_path, []).findings if one.code == "REC102"]) == 2


def test_a_recorded_delivery_is_one(tmp_path: Path) -> None:
    found(tmp_path, {"verify": HMAC})
    path = tmp_path / "connectors/shop/deliveries/bad.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"format": 1, "url": "https://us.example/in", "recieved_at": "2026-01-01T00:00:00Z"}')
    [finding] = [one for one in lint_paths(tmp_path, []).findings if one.code == "REC001"]
    assert finding.span is not None and finding.span.file == "connectors/shop/deliveries/bad.json"


def test_an_event_cannot_fetch_with_a_disabled_operation(tmp_path: Path) -> None:
    webhooks = {"verify": signed(content="body")}
    disabled = {"unified": {"crm": {"contacts": {"get": {"enabled": False}}}}}
    assert found(tmp_path, webhooks, FETCHED, override=disabled) == [("REF141", "crm.contacts.get.enabled")]
    assert found(tmp_path, webhooks, RECORD, override=disabled) == [], "the mapping is still used"
