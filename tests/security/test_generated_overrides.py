"""Generated overrides: no secret is ever in a request at a place where the connector does not put it, nor in a value
that a mapping, an error or an event can read.

The vendor is a real server that sends back whatever it gets. `sightings` finds every place of a request that holds a
secret, in any form that it may travel in, also reversed.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from attack import forms
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from vendor import Arrived, Vendor, start_vendor

from conn_engine.config import Workspace, load_workspace
from conn_engine.documents import dump_yaml
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.drive import finish
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks import Receiver
from conn_engine.runtime.webhooks.subscribing import subscribe
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault import MemoryVault
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers

NOW = 1_795_000_000
ENVIRON = {
    "APP_ID": "app-Zq81xWv7Rt5Lm2Kd9",
    "APP_SECRET": "sec-Hd92kQp4Tn6Yb3Wx8",
    "ADMIN_KEY": "adm-Vb5Nm2Xc8Zl4Qw7Er",
    "UNUSED": "unu-Gh5Jk8Nb3Vc6Xz1Lp",
    "OTHER_APP": "oth-Wq7Zx3Cv9Bn5Mk2Jh",  # declared by conn.yaml, for another connector
}
STORED = {
    "access_token": "tok-Xy7Pq2Lm9Rs4Td6Uf",
    "refresh_token": "ref-Ty6Ui3Op8As1Df5Gk",
    "extra": "ext-Jk4Lz9Xc2Vb7Nm3Qw",
    "webhook_secret": "hok-Er5Ty8Ui1Op4As6Df",
}
NEW = "new-Zx2Cv6Bn9Mq3We5Rt"
SECRETS = {**ENVIRON, **STORED, "new_secret": NEW}

HMAC = {"format": "hmac", "config": {"signature": 'headers."x-signature"'}}
ALLOWED = {  # where the connector below puts which secret: what carries it, its name, and the end of the path
    ("header", "authorization", "", "access_token"),
    ("header", "x-admin", "/admin", "ADMIN_KEY"),
    ("body", "client_id", "/oauth/token", "APP_ID"),
    ("body", "client_secret", "/oauth/token", "APP_SECRET"),
    ("body", "refresh_token", "/oauth/token", "refresh_token"),
    ("body", "token", "/oauth/revoke", "refresh_token"),
    ("body", "config.secret", "/hooks", "new_secret"),
    ("query", "client_id", "/authorize", "APP_ID"),
}


def connector(url: str) -> dict[str, Any]:
    """A connector with a secret in every kind of request."""
    return {
        "base_url": f"{url}/v1",
        "env": ["UNUSED"],
        "fields": [{"name": "webhook_secret", "secret": True, "required": False}],
        "credentials": {
            "format": "oauth2",
            "config": {
                "client_id": "{{env.APP_ID}}",
                "client_secret": "{{env.APP_SECRET}}",
                "token_url": f"{url}/oauth/token",
                "authorization_url": f"{url}/authorize",
                "client_authentication": "body",
                "scopes": ["read"],
                "token_params": {"audience": "app"},
                "ask": [{"name": "extra", "required": False}],
                "revoke": [{"url": f"{url}/oauth/revoke", "body": {"token": "{{oauth.token.refresh_token}}"}}],
            },
        },
        "authorization": {"format": "bearer", "config": {"path": "oauth.token.access_token"}},
        "signature": {
            "format": "hmac",
            "config": {"content": "request.path", "key": "{{env.APP_SECRET}}", "headers": {"X-Sign": "{{signature}}"}},
        },
        "connect": [{"name": "me", "request": {"path": "/me"}, "transform": "response.id"}],
        "verify": "things.list",
        "webhooks": {
            "verify": HMAC,
            "events": {"type": "body.type", "record": "body"},
            "subscription": {
                "create": [
                    {
                        "name": "hook",
                        "request": {
                            "path": "/hooks",
                            "method": "post",
                            "body": {"config": {"secret": "{{new_secret}}"}},
                        },
                        "transform": "response.id",
                    }
                ],
                "capture": {"webhook_secret": "new_secret"},
            },
        },
        "resources": {
            "things": {
                "list": {"method": "get", "path": "/things", "response_path": "results"},
                "create": {"method": "post", "path": "/things"},
                "admin": {
                    "method": "post",
                    "path": "/admin",
                    "authorization": {"format": "header", "config": {"name": "X-Admin", "value": "{{env.ADMIN_KEY}}"}},
                },
            }
        },
    }


UNIFIED = {
    "resources": {
        "things": {
            "list": {"response_mapping": {"id": "response.id"}},
            "events": {"created": {"when": "true", "record": "event.record"}},
        }
    }
}
MAPPED = ("unified", "crm", "things", "list")
LIST, MAKE, ADMIN = (("resources", "things", name) for name in ("list", "create", "admin"))
CREDENTIALS = ("credentials", "config")
NAMES = [
    *(f"env.{name}" for name in ENVIRON), "oauth.token.access_token", "oauth.token.refresh_token", "oauth.token",
    "extra", "webhook_secret", "client.client_secret", "client.basic", "new_secret", "signature",
    "request.headers.authorization", "request", "env", "context.tenant", "response.refresh_token", "response.echo",
    "response",
]  # fmt: skip
FORMS = [
    "{0}", "{0}", "{0}", "$base64encode({0})", "$join($reverse($split({0}, '')))", "$substring({0}, 0, 12)",
    "$string({0})", "$string($)", "$string($$)", "$lookup($, '{0}')", "[{0}][0]", "($x := {0}; $x)", "'x' & {0}",
    "$error({0})", "$uppercase({0})",
]  # fmt: skip


def fixed(*path: Any, value: Any = None) -> Any:
    return lambda expression, template: (path, value)


def text(*path: Any, wrap: Any = lambda value: value) -> Any:
    """A place for a template."""
    return lambda expression, template: (path, wrap(template))


def code(*path: Any, wrap: Any = lambda value: value) -> Any:
    """A place for an expression."""
    return lambda expression, template: (path, wrap(expression))


def carriers() -> Iterator[Any]:
    """Each way to carry a secret, as an authorization."""
    for kind, config in (
        ("header", {"name": "X-Note"}),
        ("header", {"name": "Authorization"}),
        ("query", {"name": "note"}),
        ("cookie", {"name": "note"}),
        ("body", {"field": "note"}),
        ("body", {"field": "properties.jobtitle"}),
        ("path", {"name": "mark"}),
    ):
        yield lambda value, kind=kind, config=config: {"format": kind, "config": {**config, "value": value}}
    yield lambda value: {"format": "basic", "config": {"username": value, "password": value}}
    yield lambda value: {"format": "header", "config": {"headers": {"X-A": "b", "X-Note": value}}}
    yield lambda value: {
        "format": "several",
        "config": {"all": [{"format": "bearer"}, {"format": "query", "config": {"name": "k", "value": value}}]},
    }
    yield lambda value: {
        "format": "choice",
        "config": {"by": "'a'", "options": {"a": {"format": "query", "config": {"name": "k", "value": value}}}},
    }


OWN_REQUEST = {"url": "@/v1/notes", "method": "post"}
IN_EXPRESSION = ("{{'query': {{'k': {0}}}}}", "{{'body': {{'k': {0}}}}}", "{{'headers': {{'x-note': {0}}}}}")


def expressed(form: str) -> Any:
    return lambda value: {"format": "expression", "config": {"expression": form.format(value)}}


def signed_by(kind: str, *names: str, **more: Any) -> Any:
    return lambda value: {"format": kind, "config": {**dict.fromkeys(names, value), **more}}


def claimed(value: str) -> dict[str, Any]:
    return {
        "format": "jwt",
        "config": {"assertion": {"algorithm": "HS256", "key": "k" * 32, "claims": {"note": value}}},
    }


def own_request(key: str, name: str = "note", **more: Any) -> Any:
    return lambda value: {**OWN_REQUEST, key: {name: value}, **more}


def by_choice(value: str) -> dict[str, Any]:
    client = {"token_url": "@/v1/notes", "client_id": value, "client_secret": value}
    option = {"format": "oauth2_client_credentials", "config": client}
    return {"format": "choice", "config": {"by": "'a'", "options": {"a": option}}}


def step(key: str) -> Any:
    return lambda value: [{"name": "a", "request": {"path": "/notes", "method": "post", key: {"n": value}}}]


def transform(value: str) -> list[dict[str, Any]]:
    return [{"name": "a", "transform": value}]


def several(make: Any) -> Any:
    return lambda value: [make(value)]


AUTHORIZATIONS = (("authorization",), *((*at, "authorization") for at in (LIST, MAKE, LIST[:2])))
SECRET_PLACES = [
    *(text(*at, wrap=carrier) for carrier in carriers() for at in AUTHORIZATIONS),
    *(code("authorization", wrap=expressed(form)) for form in IN_EXPRESSION),
    *(code(*at, "config", "path") for at in AUTHORIZATIONS),
    *(fixed(*at, "config", "header", value="X-Note") for at in AUTHORIZATIONS),
    text("authorization", "config", "prefix"),
    fixed("authorization", value={"format": "none"}),
    text(*ADMIN, "authorization", "config", "value"),
    fixed(*ADMIN, "authorization", "config", "name", value="X-Note"),
    fixed(*ADMIN, "path", value="/notes"),
    fixed(*ADMIN, "authorization", value=None),
    text(*MAKE, "authorization", wrap=lambda value: {
        "format": "header", "config": {"name": "X-Admin", "value": value}
    }),
    text("resources", "new", wrap=lambda value: {
        "post": {"method": "post", "path": "/notes"},
        "authorization": {"format": "body", "config": {"field": "n", "value": value}},
    }),
    *(text(*at, "signature", "config", key, "note") for at in ((), MAKE) for key in ("headers", "query")),
    text("signature", "config", "key"),
    code("signature", "config", "content"),
    text("signature", wrap=claimed),
    text("signature", wrap=signed_by("aws_sigv4", "service", "region", "access_key", secret_key="x")),
    text("signature", wrap=signed_by("oauth1", "consumer_key", "token", "realm", consumer_secret="x", token_secret="")),
    fixed("signature", value={"format": "none"}),
    *(text(*CREDENTIALS, key) for key in ("client_id", "client_secret", "scope_separator", "redirect_uri")),
    *(text(*CREDENTIALS, key, "note") for key in ("token_params", "token_headers", "code_params")),
    text(*CREDENTIALS, "authorization_params", "note"),
    text(*CREDENTIALS, "token_params", "a", wrap=lambda value: {"b": [value]}),
    text(*CREDENTIALS, "scopes", wrap=lambda value: [value]),
    fixed(*CREDENTIALS, "client_secret", value=None),
    fixed(*CREDENTIALS, "client_authentication", value="basic"),
    fixed(*CREDENTIALS, "body_format", value="json"),
    fixed(*CREDENTIALS, "scopes", value=["read", "write"]),
    fixed(*CREDENTIALS, "token_url", value="@/v1/notes"),
    text(*CREDENTIALS, "token_url", wrap=lambda value: f"@/oauth/token?note={value}"),
    text(*CREDENTIALS, "token_url", wrap=lambda value: f"@/notes/{value}/oauth/token"),
    text(*CREDENTIALS, "authorization_url", wrap=lambda value: f"@/authorize?note={value}"),
    text(*CREDENTIALS, "refresh", wrap=own_request("body")),
    text(*CREDENTIALS, "refresh", wrap=lambda value: {
        **OWN_REQUEST, "before": [{**OWN_REQUEST, "name": "a", "query": {"n": value}}]
    }),
    text(*CREDENTIALS, "introspect", wrap=own_request("headers", "x-note")),
    text(*CREDENTIALS, "revoke", wrap=several(own_request("body"))),
    text(*CREDENTIALS, "revoke", wrap=several(own_request("query", "token", url="@/oauth/revoke"))),
    *(code(*CREDENTIALS, key) for key in ("response", "expires")),
    code(*CREDENTIALS, "capture", "note"),
    text("credentials", wrap=lambda value: {"format": "session", "config": {"login": own_request("body")(value)}}),
    text("credentials", wrap=by_choice),
    fixed("credentials", value={"format": "bearer"}),
    fixed("credentials", value={"format": "mtls"}),
    text("webhooks", "reply", "body"),
    text("webhooks", "reply", "headers", "x-note"),
    text("webhooks", "verify", "config", "key"),
    *(code("webhooks", "verify", "config", key) for key in ("content", "signature", "expect")),
    fixed("webhooks", "verify", value={"format": "none"}),
    code("webhooks", "challenge", wrap=lambda value: [{"when": "true", "verified": False, "expect": value}]),
    text("webhooks", "challenge", wrap=lambda value: [
        {"when": "true", "verified": False, "request": own_request("body")(value)}
    ]),
    text("webhooks", "subscription", "create", wrap=step("body")),
    code("webhooks", "subscription", "create", wrap=transform),
    code("webhooks", "subscription", "capture", "note"),
]  # fmt: skip
OTHER_PLACES = [
    text("resources", "new", "post", wrap=lambda value: {"method": "post", "path": "/notes", "body": {"a": value}}),
    *(text(*at) for at in (("headers", "X-Note"), ("query", "note"), (*LIST, "query", "n"), (*MAKE, "body", "n"))),
    *(text(key) for key in ("description", "label", "docs_url")),
    *(fixed(*LIST, "path", value=path) for path in ("/../notes", "/%2e%2e/notes", "/things/{token}")),
    text(*LIST, "path", wrap=lambda value: f"/things/{value}"),
    text(*LIST, "base_url", wrap=lambda value: f"@/v1/{value}"),
    text("base_url", wrap=lambda value: f"@/v1/{value}"),
    code(*MAPPED, "response_mapping"),
    *(code(*MAPPED, f"{kind}_mapping", "note") for kind in ("response", "query", "request_header", "path")),
    code(*MAPPED, "error_mapping", "message"),
    *(code(*MAPPED, key, wrap=transform) for key in ("before", "after")),
    text(*MAPPED, "before", wrap=step("body")),
    code("unified", "crm", "things", "events", "created", wrap=lambda value: {
        "when": "true", "record": f"{{'id': {value}}}"
    }),
    *(code(*LIST, key) for key in ("record_filter", "record_mapping", "response_path", "distinct")),
    text(*LIST, "enrich", wrap=lambda value: [{"request": {"path": "/notes", "query": {"n": value}}, "name": "more"}]),
    text(*LIST, "parents", wrap=lambda value: [{"as": "p", "values": [value]}]),
    code("errors", wrap=lambda value: [{"when": "true", "then": {"fail": {"message": value}}}]),
    code("errors", wrap=lambda value: [{"when": value, "then": "ok"}]),
    code("rate_limit", "limited_when"),
    text("rate_limit", "budget", wrap=lambda value: [{"requests": 9, "per_seconds": 1, "path": value}]),
    code("pagination", wrap=lambda value: {
        "format": "next_url", "config": {"next_url_field": f"'/v1/notes?n=' & {value}"}
    }),
    code("pagination", wrap=lambda value: {
        "format": "dynamic", "config": {"send": f"{{'query': {{'n': {value}}}}}", "next": "null"}
    }),
    text("connect", wrap=step("query")),
    code("connect", wrap=transform),
    code("verify", wrap=lambda value: {"operation": "things.list", "expect": "false", "message": value}),
    fixed("fields", value=[{"name": "webhook_secret"}, {"name": "extra"}]),
    fixed("env", value=["APP_SECRET", "OTHER_APP"]),
    *(code("webhooks", "events", key) for key in ("type", "record", "id")),
    code("webhooks", "subscription", "expires"),
    text("webhooks", "subscription", "renew", wrap=step("query")),
]  # fmt: skip


def laid(override: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    node = override
    for key in path[:-1]:
        below = node.get(key)
        node[key] = node = below if isinstance(below, dict) else {}
    node[path[-1]] = value


ONE = st.sampled_from(SECRET_PLACES).map(lambda place: [place])
OTHERS = st.lists(st.sampled_from(OTHER_PLACES), min_size=1, max_size=4)
BOTH = st.lists(st.sampled_from(SECRET_PLACES + OTHER_PLACES), min_size=2, max_size=4)


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    """Several attempts at once, over several places."""
    made: dict[str, Any] = {}
    for place in draw(ONE | OTHERS | BOTH):
        expression = draw(st.sampled_from(FORMS)).format(draw(st.sampled_from(NAMES)))
        around = draw(st.sampled_from(["{}", "x{}", "{} y"]))
        laid(made, *place(expression, around.format(f"{{{{{expression}}}}}")))
    return made


CONTEXTS = st.sampled_from(
    [{"tenant": "acme"}, {"tenant": "{{env.APP_SECRET}}"}, {"tenant": "../../notes"}, {"tenant": "%2e%2e/notes?x="}]
)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with start_vendor(answer) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Path:
    root = tmp_path_factory.mktemp("generated")
    trusted = {"env": ["OTHER_APP"], "trusted_hosts": [f"127.0.0.1:{vendor.port}"]}
    write(root / "conn.yaml", trusted)
    write(root / "connectors/demo/connector.yaml", connector(vendor.url))
    write(root / "connectors/demo/unified/crm.yaml", UNIFIED)
    return root


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_yaml(data), encoding="utf-8")


def answer(got: Arrived) -> tuple[int, dict[str, str], Any]:
    """Everything comes back, as a record of the vendor's would show it; a token for every caller."""
    echo = {"headers": got.headers, "path": got.target, "body": got.body.decode("utf-8", "replace")}
    token = {"access_token": STORED["access_token"], "refresh_token": STORED["refresh_token"], "expires_in": 3600}
    return (
        200,
        {"x-echo": json.dumps(echo)[:2000]},
        {"results": [{"id": "1", "echo": echo}], "id": "1", "echo": echo, **token},
    )


KNOWN = {name: Redactor([value, value[::-1], value[:12], value.upper()]) for name, value in SECRETS.items()}


def sightings(got: Arrived) -> Iterator[tuple[str, str, str, str]]:
    """Every place of a request that holds a secret: what carries it, the name there, the path, the secret."""
    url = urlsplit(got.target)
    parts = [("path", "", url.path), *(("query", name, value) for name, value in parse_qsl(url.query, True))]
    parts += [("name", "", name) for name, _ in parse_qsl(url.query, True)]
    parts += [("header", name, f"{name}: {value}") for name, value in got.headers.items()]
    parts += [("body", name, value) for name, value in fields(got)]
    for carrier, name, value in parts:
        for secret, known in KNOWN.items():
            if known.find(value):
                yield carrier, name, url.path, secret


def fields(got: Arrived) -> list[tuple[str, str]]:
    value = got.body.decode("utf-8", "replace")
    if "form" in got.headers.get("content-type", ""):
        return parse_qsl(value, True)
    with suppress(ValueError):
        return list(leaves(json.loads(value), ""))
    return [("", value)]


def leaves(data: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves(value, f"{at}.{key}".strip("."))
    elif isinstance(data, list):
        for value in data:
            yield from leaves(value, at)
    else:
        yield at, str(data)


def is_allowed(seen: tuple[str, str, str, str]) -> bool:
    carrier, name, path, secret = seen
    return any((carrier, name, secret) == (one[0], one[1], one[3]) and path.endswith(one[2]) for one in ALLOWED)


def value(error: ConnError) -> list[str]:
    return [error.message, error.hint, repr(error), json.dumps(getattr(error, "details", None), default=repr)]


def played(workspace: Workspace) -> list[str]:
    """Run everything of the account; what mappings, errors and events came to know."""
    document = {
        "oauth": {
            "token": {"access_token": STORED["access_token"], "refresh_token": STORED["refresh_token"], "expires_at": 1}
        },
        "extra": STORED["extra"],
        "webhook_secret": STORED["webhook_secret"],
    }
    vault, clock = MemoryVault({"acme": document}), FrozenClock(NOW)
    wiring = wire_account(workspace, "acme", environ=ENVIRON, vault=vault, clock=clock)
    wiring.redactor.add(NEW)
    shown: list[str] = []
    with Connection(wiring, wiring.live()) as acme:
        names = [name for name in acme.effective.operations() if name.method != "events"][:6]
        flows = [lambda name=name: list(acme.pages(name, Call(body={"a": "b"}))) for name in names]
        for flow in (*flows, acme.prepare, acme.verify, lambda: subscribed(acme), lambda: consent(acme), acme.revoke):
            try:
                shown.append(repr(flow()))
            except ConnError as error:
                shown += value(error)
        shown.append(json.dumps(acme.effective.context, default=repr))
    receiver = Receiver(workspace, ENVIRON, vault, clock=clock, redactor=wiring.redactor, remote_data=True)
    raw = json.dumps({"type": "a", "id": "1"}).encode()
    signature = hmac.new(STORED["webhook_secret"].encode(), raw, hashlib.sha256).hexdigest()
    receipt = receiver.receive(
        Delivery("POST", "https://x.example/in", Headers({"x-signature": signature}), raw), account="acme"
    )
    shown += [repr(receipt), receipt.reply.body.decode(), str(receipt.reply.headers.pairs)]
    shown += [json.dumps(one.plain(), default=repr) for one in receipt.events]
    return shown


def subscribed(acme: Connection) -> Any:
    value, wiring = subscribe(Run(acme.effective, acme.wiring.session), "https://x.example/in", NEW), acme.wiring
    return finish(value, acme.transport, wiring.vault, wiring.session.clock, wiring.redactor)


def consent(acme: Connection) -> None:
    """The page of a login is a request as well: a browser's."""
    credentials = acme.effective.connector.credentials
    if hasattr(credentials, "consent"):
        scope = authorization_scope(Run(acme.effective, acme.wiring.session))
        page = credentials.consent(scope, redirect_uri="http://127.0.0.1/", state="s", verifier="v" * 43)
        VISITED.append(Arrived("GET", "/" + page.url.partition("://")[2].partition("/")[2], {}, b""))


VISITED: list[Arrived] = []
OUTCOMES = {"refused": 0, "run": 0}


def attempt(folder: Path, vendor: Vendor, override: dict[str, Any], context: dict[str, Any]) -> list[Arrived] | None:
    """The requests that are made under an override, None when it is refused; nothing may be shown."""
    vendor.arrived.clear()
    VISITED.clear()
    override = json.loads(json.dumps(override).replace('"@/', f'"{vendor.url}/'))
    write(folder / "accounts/acme.yaml", {"connector": "demo", "context": context, "override": override})
    try:
        shown = played(load_workspace(folder))
    except ConfigurationError as error:
        shown = value(error)
        if not vendor.arrived:
            OUTCOMES["refused"] += 1
            return None
    OUTCOMES["run"] += 1
    text = "\n".join(shown)
    for name, secret in SECRETS.items():
        for form in forms(secret):
            assert form not in text, f"{name} as {form} is shown under {override}: {text[:3000]}"
    return [*vendor.arrived, *VISITED]


@pytest.mark.slow
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(overrides(), CONTEXTS)
@example({"headers": {"X-Note": "{{new_secret}}"}}, {})
@example({"errors": [{"when": "true", "then": {"fail": {"message": "$string(new_secret)"}}}]}, {})
@example({"authorization": {"format": "body", "config": {"field": "jobtitle", "value": "{{env.APP_SECRET}}"}}}, {})
def test_no_secret_leaves_its_place(
    folder: Path, vendor: Vendor, override: dict[str, Any], context: dict[str, Any]
) -> None:
    made = attempt(folder, vendor, override, context)
    event("refused" if made is None else "run")
    for got in made or ():
        for seen in sightings(got):
            assert is_allowed(seen), f"{seen} under {override}"


def test_the_connector_itself_puts_them_there(folder: Path, vendor: Vendor) -> None:
    """The search finds what there is to find."""
    made = attempt(folder, vendor, {}, {"tenant": "acme"})
    assert made is not None
    found = {seen for got in made for seen in sightings(got)}
    assert all(map(is_allowed, found))
    expected = {(carrier, name, secret) for carrier, name, _, secret in ALLOWED}
    assert {(carrier, name, secret) for carrier, name, _, secret in found} == expected
