"""An account's override, a delivery or a message tries to get at a secret by way of what comes in."""

import json
from typing import Any

import pytest
from attack import ENVIRONMENT_SECRET, KEY, World
from inbox import ADDRESS, HMAC, HOOK, Inbox, plain, signed, webhooks
from measuring import cpu_limit

from conn_engine import ConfigurationError
from conn_engine.runtime.webhooks import Acceptance
from conn_engine.webhooks import VerificationContext
from conn_engine.wire import Response

CODES = {"SEC111", "SEC113", "SEC114"}
TOKEN = {"format": "token", "config": {"token": "query.t"}}
BASE = webhooks(
    verify={"format": "any", "config": {"of": [HMAC, TOKEN]}},
    challenge=[{"when": "query.c", "verified": False, "reply": {"body": "{{query.c}}"}}],
)


@pytest.fixture
def inbox(world: World) -> Inbox:
    return Inbox(world)


def proof(format: str = "hmac", **config: Any) -> dict[str, Any]:  # noqa: A002
    """A `verify` that an override says."""
    usual = {"hmac": HMAC["config"], "token": TOKEN["config"], "jwt": {"algorithms": ["HS256"]}}.get(format, {})
    return {"verify": {"format": format, "config": {**usual, **config}}}


def within(format: str, *ways: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Ways to prove it within another."""
    return {"verify": {"format": format, "config": {"of": [way["verify"] for way in ways]}}}


ASKING = {"url": "https://keys.example.com/{{api_key}}", "hosts": ["keys.example.com"]}


@pytest.mark.parametrize(
    "override",
    [
        {"reply": {"body": "{{api_key}}"}},
        {"reply": {"body": {"a": ["{{env.VENDOR_APP}}"]}}},
        {"reply": {"headers": {"x-a": "{{api_key}}"}}},
        {"challenge": [{"when": "true", "verified": False, "reply": {"body": "{{api_key}}"}}]},
        {"challenge": [{"when": "api_key", "verified": False}]},
        {"challenge": [{"when": "query.c", "verified": False, "expect": "$contains(api_key, query.c)"}]},
        {"challenge": [{"when": "query.c", "verified": False, "capture": {"x": "env.VENDOR_APP"}}]},
        {"challenge": [{"when": "query.c", "request": {"url": "https://x.example/{{api_key}}"}, "hosts": ["x.*"]}]},
        proof("rsa", signature="query.s", key_request=ASKING),
        within("any", proof("jwt", algorithms=["RS256"], key_request=ASKING)),
        within("all", within("any", proof("ecdsa", signature="query.s", key_request={"url": ASKING["url"]}))),
        proof(signature="api_key"),
        proof(signature="api_key & ';' & api_key", separator=";", pair="Z", take="v"),
        proof(signature="`api_key`", prefix="k3y"),
        proof("token", token="api_key", key="abc", prefix="k"),
        proof(timestamp="api_key"),
        proof(each="api_key"),
        proof(when="api_key"),
        proof(expect="api_key"),
        proof(expect="api_key = 'x'"),
        proof(content="$string($)"),
        proof(content="$string($$)"),
        proof(content="*"),
        proof(content="$string(**)"),
        proof(content="query.%.api_key"),
        proof(content="$lookup(env, 'VENDOR_APP')"),
        proof(content="$lookup($, 'api_key')"),
        proof(content="$env"),
        proof(content="$string(env)"),
        proof(content="env['VENDOR_APP']"),
        proof(content="$substring(api_key, 0, 1)"),
        proof(key="{{$substring(api_key, 0, 1)}}"),
        proof(key=["{{webhook_secret}}", "{{$substring(api_key, 0, 1)}}"]),
        proof(key=["{{webhook_secret}}", "{{env.OTHER}}"]),
        proof(key=["{{env.VENDOR_APP}}", "{{webhook_secret}}"]),
        proof(key="constant"),
        proof(key=""),
        proof("none"),
        proof("token", token="'constant'", key="constant"),
        proof(content="'constant'"),
        proof(content="text", expect="method = 'POST'"),
        proof(when="true"),
        proof(timestamp="headers.t", tolerance_seconds=0),
        within("any", proof("none")),
        within("any", proof(), proof("none")),
        within("all", proof("none")),
        {"subscription": {"capture": {"webhook_secret": "'constant'"}}},
        {"subscription": {"create": [{"name": "a", "request": {"path": "/things", "body": {"x": "{{new_secret}}"}}}]}},
        {"subscription": {"create": [{"name": "a", "transform": "new_secret"}]}},
        proof("basic", username="{{$uppercase(api_key)}}"),
        proof("jwt", issuer="{{$substring(api_key, 0, 1)}}"),
        proof("jwt", token="api_key"),
        within("any", proof(signature="$substring(api_key, 0, 1)")),
        within("all", within("any", proof("token", token="$join($reverse($split(api_key, '')))"))),
    ],
    ids=lambda override: json.dumps(override)[:90],
)  # fmt: skip
def test_an_override_may_not(inbox: Inbox, override: dict[str, Any]) -> None:
    inbox.lay_out(BASE, {"webhooks": override})
    with pytest.raises(ConfigurationError) as refused:
        inbox.receiver().receive(signed(url=f"{ADDRESS}?c=1"), account="acme")
    assert {finding.code for finding in refused.value.findings} & CODES
    lint = inbox.world.conn("lint")
    assert lint.code == 1 and any(code in lint.all for code in CODES)
    assert inbox.world.stranger.arrived == inbox.world.vendor.arrived == []


@pytest.mark.parametrize(
    "override",
    [
        proof(key="{{webhook_secret}}"),
        within("any", proof(key="{{webhook_secret}}")),
        within("any", proof("token"), proof(key="{{webhook_secret}}")),
        {"events": {"type": "item.type", "id": "item.id & context.tenant"}},
    ],
    ids=lambda override: json.dumps(override)[:90],
)
def test_an_override_may(inbox: Inbox, override: dict[str, Any]) -> None:
    receipt = inbox.lay_out(BASE, {"webhooks": override}).receive(signed())
    assert receipt.refusal is None and receipt.verified_by


MAPPINGS = (
    "$string($)", "$string($$)", "$string(**)", "$string(headers)", "$join($reverse($split($string($), '')))",
    "api_key", "webhook_secret", "$string(env)", "env.VENDOR_APP", "$lookup($$, 'webhook_secret')", "url & query.t",
)  # fmt: skip


@pytest.mark.parametrize("expression", MAPPINGS)
@pytest.mark.parametrize(
    ("verify", "delivery"),
    [
        (HMAC, signed()),
        (TOKEN, plain({"a": 1}, url=f"{ADDRESS}?t={HOOK}")),
        ({"format": "token", "config": {"token": "headers.'x-t'"}}, plain({"a": 1}, headers=[("x-t", HOOK)])),
        ({"format": "token", "config": {"token": "body.t"}}, plain({"t": HOOK, "u": f"{HOOK}!", "id": "1"})),
        ({"format": "token", "config": {"token": "headers.authorization", "prefix": "Bearer "}},
         plain({"a": 1}, headers=[("Authorization", f"Bearer {HOOK}"), ("cookie", HOOK)])),
    ],
    ids=["hmac", "query", "header", "body", "bearer"],
)  # fmt: skip
def test_events_hold_no_secret_whoever_maps_them(
    inbox: Inbox, verify: dict[str, Any], delivery: Any, expression: str
) -> None:
    """Where the proof is the secret itself, mappings see a delivery without it."""
    own = {"type": "'x'", "record": expression, "id": expression, "record_id": expression}
    inbox.lay_out(webhooks(verify=verify), {"webhooks": {"events": own}})
    unified = {"things": {"events": {"created": {"when": "true", "record": f"{{'id': {expression}}}"}},
                          "list": {"response_mapping": {"id": "response.id"}}}}  # fmt: skip
    inbox.world.write("connectors/demo/unified/crm.yaml", {"resources": unified})
    receiver = inbox.receiver(remote_data=True)
    receipt = receiver.receive(delivery, account="acme")
    assert receipt.verified_by and receipt.events, receipt.error
    inbox.nothing_shown(receipt)


@pytest.mark.parametrize("expression", ["$error($string($))", "$number($string(headers))", "$error(webhook_secret)"])
@pytest.mark.parametrize("place", ["type", "each", "record"])
def test_an_event_that_fails_says_no_secret(inbox: Inbox, expression: str, place: str) -> None:
    inbox.lay_out(webhooks(verify=TOKEN, events={"type": "'x'", place: expression}))
    receipt = inbox.receive(plain({"t": HOOK}, url=f"{ADDRESS}?t={HOOK}", headers=[("authorization", HOOK)]))
    assert receipt.reply.status == 503 or "webhook_secret" in expression


FAULT = "$error($join($reverse($split(webhook_secret, ''))))"


@pytest.mark.parametrize(
    "declared",
    [
        webhooks(verify={"format": "hmac", "config": {**HMAC["config"], "key": f"{{{{{FAULT}}}}}"}}),
        webhooks(verify={"format": "hmac", "config": {**HMAC["config"], "content": FAULT}}),
        webhooks(verify={"format": "hmac", "config": {**HMAC["config"], "expect": FAULT}}),
        webhooks(verify={"format": "hmac", "config": {**HMAC["config"], "key": "{{$number(webhook_secret)}}"}}),
        webhooks(verify={"format": "token", "config": {"token": FAULT}}),
        webhooks(verify={"format": "basic", "config": {"username": f"{{{{{FAULT}}}}}"}}),
        webhooks(verify={"format": "rsa", "config": {"signature": "'AA'", "key": "{{webhook_secret}}"}}),
        webhooks(verify={"format": "standard_webhooks", "config": {"key": f"{{{{{FAULT}}}}}"}}),
        webhooks(reply={"body": f"{{{{{FAULT}}}}}"}),
        webhooks(reply={"headers": {"x-a": f"{{{{{FAULT}}}}}"}}),
        webhooks(challenge=[{"when": FAULT}]),
        webhooks(challenge=[{"when": "true", "verified": False, "expect": FAULT}]),
        webhooks(challenge=[{"when": "true", "verified": False, "capture": {"x": FAULT}}]),
        webhooks(challenge=[{"when": "true", "verified": False, "request": {"url": f"{{{{{FAULT}}}}}"}}]),
    ],
    ids=lambda declared: json.dumps(declared)[:90],
)
def test_the_connectors_own_expression_fails_without_a_value(inbox: Inbox, declared: dict[str, Any]) -> None:
    headers = [("webhook-id", "1"), ("webhook-timestamp", "1795000000"), ("webhook-signature", "v1,AA==")]
    inbox.lay_out(declared).receive(signed(headers=headers))
    inbox.receive(plain(headers=[("authorization", "Basic YTpi"), *headers]))


def test_a_template_in_a_delivery_is_data(inbox: Inbox) -> None:
    said = "{{env.VENDOR_APP}}{{webhook_secret}}"
    reply = {"headers": {"x-a": "{{query.c}}"}, "body": {"said": "{{query.c}}"}}
    inbox.lay_out(webhooks(challenge=[{"when": "query.c", "verified": False, "reply": reply}]))
    receipt = inbox.receive(plain(url=f"{ADDRESS}?c={said}"))
    assert receipt.reply.headers["x-a"] == said
    assert json.loads(receipt.reply.body) == {"said": said}
    mapped = inbox.receive(signed({"type": said, "id": said, "name": said}))
    (event,) = mapped.events
    assert event.type == f"demo:{said}" and event.data["name"] == said


def test_representations_hold_no_secret(inbox: Inbox) -> None:
    inbox.lay_out(webhooks())
    receiver, delivery = inbox.receiver(), signed(url=f"{ADDRESS}?t={HOOK}", headers=[("x-t", HOOK)])
    shown = [repr(receiver), repr(delivery), repr(Acceptance(Response(200), captured={"webhook_secret": HOOK}))]
    shown.append(
        repr(VerificationContext(delivery, {"webhook_secret": HOOK, "env": {"A": ENVIRONMENT_SECRET}}, inbox.clock))
    )
    for secret in (HOOK, KEY, ENVIRONMENT_SECRET):
        assert secret not in "\n".join(shown)


@pytest.mark.parametrize("place", ["query.t", "headers.'x-t'", "body.t", "headers.authorization"])
@pytest.mark.parametrize("right", [True, False])
def test_the_command_line_shows_no_secret(inbox: Inbox, place: str, *, right: bool) -> None:
    """A proof that is the secret itself, in each place: judged, as JSON, with the delivery's text at hand."""
    prefix = "Bearer " if place == "headers.authorization" else None
    verify = {"format": "token", "config": {"token": place, "prefix": prefix}}
    inbox.lay_out(webhooks(verify=verify, events={"type": "'x'", "record": "$string($)"}))
    lines = (f"POST /in/acme?t={HOOK} HTTP/1.1", "host: hooks.example.com", f"x-t: {HOOK}")
    more = ("content-type: application/json", f"authorization: Bearer {HOOK}", "", json.dumps({"type": "a", "t": HOOK}))
    declared = "\r\n".join((*lines, *more))
    stored = {"CONN_ACME_WEBHOOK_SECRET": HOOK if right else "another-secret-of-acme"}
    for words in ([], ["--format", "json"]):
        done = inbox.world.conn("--debug", "webhook", "check", "-", "-a", "acme", *words, stdin=declared, **stored)
        assert done.code == (0 if right else 4), done.all
        if right:
            inbox.world.nothing_leaked(done, HOOK, KEY, ENVIRONMENT_SECRET)
        else:
            inbox.world.nothing_leaked(done, "another-secret-of-acme", KEY, ENVIRONMENT_SECRET)


@pytest.mark.slow
def test_a_pattern_that_runs_away_ends(inbox: Inbox) -> None:
    runaway = "$match(text, /(a+)+b/) ? 'x' : 'y'"
    with cpu_limit(60):
        receipt = inbox.lay_out(webhooks(challenge=[], events={"type": runaway})).receive(signed(b"a" * 60))
        assert receipt.reply.status == 503
