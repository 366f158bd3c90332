"""An override takes hold of where credentials are got, proved, prepared and revoked: neither a secret nor a request
gets to the stranger, and nothing of a secret into what is kept or printed."""

import json
from typing import Any

import pytest
from attack import ENVIRONMENT_SECRET, KEY, World

STATE = {"CONN_VAULT_KEY": "a key for the tests alone, long enough", "CONN_ACME_API_KEY": ""}
OAUTH2 = {"token_url": "@V/token", "client_id": "app", "client_secret": "{{env.VENDOR_APP}}"}
OAUTH1 = {
    "request_token_url": "@V/request_token",
    "authorization_url": "@V/authorize",
    "access_token_url": "@V/access_token",
    "consumer_key": "app",
    "consumer_secret": "{{env.VENDOR_APP}}",
}
LEGS: dict[str, dict[str, Any]] = {
    "oauth2": {"format": "oauth2", "config": OAUTH2},
    "oauth1": {"format": "oauth1", "config": OAUTH1},
    "mtls": {"format": "mtls", "config": {"with": {"format": "oauth2", "config": OAUTH2}}},
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "oauth2": {"oauth": {"token": {"access_token": KEY, "refresh_token": KEY[::-1]}}},
    "oauth1": {"token": KEY, "token_secret": KEY[::-1]},
    "mtls": {"oauth": {"token": {"access_token": KEY, "refresh_token": KEY[::-1], "expires_at": 1}}},
}


def prepared(world: World, kind: str, override: dict[str, Any], **base: Any) -> None:
    """A workspace whose account's override is the attacker's, with places written @V (vendor) and @S (stranger)."""
    told = json.loads(json.dumps(LEGS[kind]).replace("@V", world.vendor.url))
    authorization = {
        "format": "bearer",
        "config": {"path": "token" if kind == "oauth1" else "oauth.token.access_token"},
    }
    connector = world.connector(credentials=told, authorization=authorization, **base)
    places = {"@S": world.stranger.url, "@V": world.vendor.url}
    text = json.dumps(override)
    for name, url in places.items():
        text = text.replace(name, url)
    context = {"host": "127.0.0.1", "port": world.stranger.port}
    world.lay_out(json.loads(text), connector=connector, context=context)


def stored(kind: str) -> dict[str, str]:
    return {"CONN_ACME_API_KEY": "", "CONN_ACME_CREDENTIALS": json.dumps(DOCUMENTS[kind])}


def credentials(**config: Any) -> dict[str, Any]:
    return {"credentials": {"config": config}}


REVOKE = {"headers": {"x": "{{oauth.token.access_token}}"}, "body": {"t": "{{oauth.token.access_token}}"}}
STEP = {"path": "/x", "headers": {"x": "y"}}


@pytest.mark.parametrize(
    ("kind", "override", "words"),
    [
        ("oauth2", credentials(revoke=[{"url": "@S/revoke", **REVOKE}]), ("auth", "logout", "acme")),
        ("oauth2", credentials(revoke=[{"url": "http://{{context.host}}:{{context.port}}/r", **REVOKE}]),
         ("auth", "logout", "acme")),
        ("oauth2", credentials(introspect={"url": "@S/introspect", **REVOKE}), ("run", "things.list", "-a", "acme")),
        ("oauth2", credentials(introspect={"url": "http://{{context.host}}:{{context.port}}/i", **REVOKE}),
         ("run", "things.list", "-a", "acme")),
        ("oauth1", credentials(request_token_url="@S/r"), ("auth", "login", "acme", "--timeout", "1")),
        ("oauth1", credentials(request_token_url="http://{{context.host}}:{{context.port}}/r"),
         ("auth", "login", "acme", "--timeout", "1")),
        ("oauth1", credentials(access_token_url="@S/a"), ("auth", "login", "acme", "--timeout", "1")),
        ("oauth1", credentials(authorization_url="@S/page"), ("auth", "login", "acme", "--timeout", "1")),
        ("mtls", credentials(**{"with": {"config": {"token_url": "@S/token"}}}), ("run", "things.list", "-a", "acme")),
        ("oauth2", {"connect": [{"name": "a", "request": {"base_url": "@S", **STEP}}]}, ("auth", "connect", "acme")),
        ("oauth2", {"connect": [{"name": "a", "request": {"base_url": "http://{{context.host}}:{{context.port}}",
                                                          **STEP}}]}, ("auth", "connect", "acme")),
        ("oauth2", {"connect": [{"name": "a", "request": {"path": "//@S/x"}}]}, ("auth", "connect", "acme")),
        ("oauth2", {"unified": {"crm": {"things": {"list": {"before": [{"name": "a", "request": {"base_url": "@S",
                                                                                               **STEP}}]}}}}},
         ("run", "things.list", "-a", "acme")),
    ],
    ids=lambda told: json.dumps(told)[:90],
)  # fmt: skip
def test_nothing_reaches_the_stranger(
    world: World, kind: str, override: dict[str, Any], words: tuple[str, ...]
) -> None:
    prepared(world, kind, override)
    environ = {"CONN_ACME_API_KEY": "", **STATE} if words[1] == "login" else stored(kind)
    done = world.conn(*words, **environ)
    assert done.code in (3, 5) or "//" in world.vendor.arrived[-1].target, done.all  # a path stays one of the vendor's
    world.nothing_leaked(done)


BACKWARDS = "{{$join($reverse($split(env.VENDOR_APP, '')))}}"
DISGUISED = "$join($map($split(response.access_token, ''), function($c) { $c & '-' }))"


@pytest.mark.parametrize(
    "override",
    [
        credentials(revoke=[{"url": "@V/r", "done": "$error(response.token)"}]),
        credentials(introspect={"url": "@V/i", "active": "$error(response.token)"}),
        credentials(introspect={"url": "@V/i", "expires": "$length(response.token)"}),
        credentials(response=f"{{'access_token': response.access_token, 'user_name': {DISGUISED}}}"),
        credentials(expires="$length(response.access_token)"),
        credentials(revoke=[{"url": "@V/r", "body": {"x": "{{$substring(oauth.token.access_token, 0, 4)}}"}}]),
        credentials(capture={"leak": "response.access_token"}),
        {"signature": {"format": "rsa", "config": {"content": "oauth.token.access_token & 'a'",
                                                   "key": "{{$substring(env.VENDOR_APP, 1)}}",
                                                   "headers": {"x": "{{signature}}"}}}},
        {"signature": {"format": "jwt", "config": {"assertion": {"claims": {"a": BACKWARDS}}}}},
    ],
    ids=lambda told: json.dumps(told)[-90:],
)  # fmt: skip
def test_an_override_may_not_compute_with_a_secret_there(world: World, override: dict[str, Any]) -> None:
    prepared(world, "oauth2", override)
    done = world.conn("run", "things.list", "-a", "acme", **stored("oauth2"))
    assert done.code == 3 and "SEC113" in done.err, done.all
    assert world.vendor.arrived == []
    world.nothing_leaked(done)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (credentials(revoke=[{"url": "@V/r", "body": {"x": "{{env.OTHER_SECRET}}"}}]), ("auth", "logout", "acme")),
        (credentials(introspect={"url": "@V/i", "body": {"x": "{{env.OTHER_SECRET}}"}}), ("run", "things.list")),
    ],
    ids=["revoke", "introspect"],
)
def test_another_variable_is_not_to_be_had(world: World, override: dict[str, Any], words: tuple[str, ...]) -> None:
    prepared(world, "oauth2", override)
    account = () if words[0] == "auth" else ("-a", "acme")
    done = world.conn(*words, *account, OTHER_SECRET="other-" + ENVIRONMENT_SECRET, **stored("oauth2"))
    assert done.code == 3 and "SEC111" in done.err, done.all
    world.nothing_leaked(done)


@pytest.mark.parametrize("text", ["oauth.token.access_token", "env.VENDOR_APP", "$string($)", "$$"])
def test_steps_and_expectations_see_no_secret(world: World, text: str) -> None:
    override = {
        "connect": [{"name": "leak", "transform": text}, {"name": "again", "transform": f"{{'x': {text}}}"}],
        "verify": {"operation": "things.list", "expect": "false", "message": f"$string({text})"},
    }
    prepared(world, "oauth2", override)
    world.nothing_leaked(world.conn("auth", "connect", "acme", **stored("oauth2")))
    done = world.conn("auth", "verify", "acme", **stored("oauth2"))
    assert done.code != 0
    world.nothing_leaked(done)


def test_what_an_answer_echoes_is_not_captured_by_a_step(world: World) -> None:
    world.vendor.answer = lambda got: (200, {}, {"echo": got.headers.get("authorization"), "id": "7"})
    step = {"name": "leak", "request": {"path": "/me"}, "transform": "response.echo & response.id"}
    prepared(world, "oauth2", {"connect": [step]})
    done = world.conn("auth", "connect", "acme", **stored("oauth2"))
    assert done.code == 0 and "[redacted]7" in done.out, done.all
    world.nothing_leaked(done)


@pytest.mark.parametrize(
    ("name", "place"),
    [("accounts/acme.yaml", "override"), ("environments/production.yaml", "connectors.demo"), ("connector", "")],
)
def test_authorities_are_conn_yamls_alone(world: World, name: str, place: str) -> None:
    world.lay_out()
    said = {"trusted_certificates": "/etc/ssl/evil.pem"}
    if name == "connector":
        world.write("connectors/demo/connector.yaml", world.connector(**said))
    elif place == "override":
        world.write(name, {"connector": "demo", "override": said})
    else:
        world.write(name, {"connectors": {"demo": said}})
    done = world.conn("run", "things.list", "-a", "acme")
    assert done.code == 3 and "trusted_certificates" in done.err, done.all
    assert world.vendor.arrived == []
