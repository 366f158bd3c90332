"""An override uses a secret only where the connector does, and does not weaken the verification of deliveries."""

import json
from typing import Any

import pytest
from overrides import judged, refusals

from conn_engine.config.secret_uses import OF_DELIVERIES, SecretComparison
from conn_engine.webhooks.keys import KeyRequest

MOVES = [
    # another secret in the same place, the same one in another
    ('authorization: { config: { path: "env.APP_SECRET" } }', "authorization.config.path"),
    ('authorization: { config: { path: oauth.token.refresh_token } }', "authorization.config.path"),
    ('authorization: { config: { header: X-Note } }', "authorization.config.header"),
    ('authorization: { config: { path: null } }', "authorization.config.path"),
    ('authorization: { format: header, config: { name: Authorization, value: "Bearer {{oauth.token.access_token}}" } }',
     "authorization.format"),
    ('authorization: { format: body, config: { field: properties.jobtitle, value: "{{env.APP_SECRET}}" } }',
     "authorization.format"),
    ('authorization: { format: query, config: { name: q, value: "{{oauth.token.access_token}}" } }',
     "authorization.format"),
    ('authorization: { format: cookie, config: { name: q, value: "{{env.UNUSED}}" } }', "authorization.format"),
    ('authorization: { format: path, config: { name: x, value: "{{env.APP_SECRET}}" } }', "authorization.format"),
    ('authorization: { format: expression, config: { expression: "{\'body\': {\'note\': env.APP_SECRET}}" } }',
     "authorization.format"),
    ('authorization: { format: several, config: { all: [ { format: bearer, config: { path: oauth.token.access_token } }'
     ', { format: query, config: { name: k, value: "{{env.APP_ID}}" } } ] } }', "authorization.format"),
    ('authorization: { format: choice, config: { by: context.x, options: { a: { format: bearer } } } }',
     "authorization.format"),
    ('resources: { things: { list: { authorization: { config: { header: X } } } } }',
     "resources.things.list.authorization.config.header"),
    ('resources: { things: { authorization: { config: { header: X } } } }',
     "resources.things.authorization.config.header"),
    ('resources: { new: { list: { method: get, path: /x, authorization: { format: query, config: { name: k } } } } }',
     "resources.new.list.authorization.format"),
    ('resources: { things: { open: { authorization: { format: bearer } } } }',
     "resources.things.open.authorization.format"),
    ('resources: { things: { list: { authorization: { format: header, config: { name: X-Admin, value:'
     ' "{{env.APP_SECRET}}" } } } } }', "resources.things.list.authorization.format"),
    # the request of an operation with an authorization of its own
    ('resources: { things: { admin: { path: /notes } } }', "resources.things.admin.path"),
    ('resources: { things: { admin: { method: put } } }', "resources.things.admin.method"),
    ('resources: { things: { admin: { base_url: "https://api.example.com/v1/notes" } } }',
     "resources.things.admin.base_url"),
    # the request of an operation with the authorization of its resource, also of an operation that it adds
    ('resources: { admins: { path: /notes } }', "resources.admins.path"),
    ('resources: { admins: { list: /notes } }', "resources.admins.list.path"),
    ('resources: { admins: { create: /notes } }', "resources.admins.create.path"),
    ('resources.admins.new: { method: post, path: /notes }', "resources.admins.new.path"),
    # signatures
    ('signature: { config: { headers: { X-Note: "{{env.APP_SECRET}}" } } }', "signature.config.headers.X-Note"),
    ('signature: { config: { headers: { X-Note: "{{request.headers.authorization}}" } } }',
     "signature.config.headers.X-Note"),
    ('signature: { config: { query: { s: "{{signature}}" } } }', "signature.config.query.s"),
    ('signature: { config: { key: "{{env.APP_ID}}" } }', "signature.config.key"),
    ('signature: { config: { content: "env.APP_SECRET" } }', "signature.config.content"),
    ('signature: { format: jwt, config: { assertion: { claims: { note: "{{env.APP_SECRET}}" } } } }',
     "signature.format"),
    ('resources: { things: { make: { signature: { config: { query: { s: "{{env.APP_SECRET}}" } } } } } }',
     "resources.things.make.signature.config.query.s"),
    # token requests
    ('credentials: { config: { client_id: "{{env.APP_SECRET}}" } }', "credentials.config.client_id"),
    ('credentials: { config: { client_id: "{{oauth.token.refresh_token}}" } }', "credentials.config.client_id"),
    ('credentials: { config: { client_secret: "{{env.UNUSED}}" } }', "credentials.config.client_secret"),
    ('credentials: { config: { client_secret: null } }', "credentials.config.client_secret"),
    ('credentials: { config: { client_authentication: basic } }', "credentials.config.client_authentication"),
    ('credentials: { config: { token_params: { note: "{{client.client_secret}}" } } }',
     "credentials.config.token_params.note"),
    ('credentials: { config: { token_params: { a: { b: ["{{env.APP_SECRET}}"] } } } }',
     "credentials.config.token_params.a.b"),
    ('credentials: { config: { token_headers: { X-Note: "{{env.APP_ID}}" } } }',
     "credentials.config.token_headers.X-Note"),
    ('credentials: { config: { authorization_params: { note: "{{env.APP_SECRET}}" } } }',
     "credentials.config.authorization_params.note"),
    ('credentials: { config: { scopes: ["{{env.APP_SECRET}}"] } }', "credentials.config.scopes"),
    ('credentials: { config: { scope_separator: "{{env.APP_SECRET}}" } }', "credentials.config.scope_separator"),
    ('credentials: { config: { redirect_uri: "https://x.example.com/{{env.APP_SECRET}}" } }',
     "credentials.config.redirect_uri"),
    ('credentials: { config: { authorization_url: "https://www.example.com/{{env.APP_SECRET}}" } }',
     "credentials.config.authorization_url"),
    ('credentials: { config: { token_url: "https://api.example.com/v1/things" } }', "credentials.config.token_url"),
    ('credentials: { config: { token_url: "https://api.example.com/oauth/token?note={{env.APP_SECRET}}" } }',
     "credentials.config.token_url"),
    ('credentials: { config: { token_url: "https://api.example.com/x/oauth/token" } }', "credentials.config.token_url"),
    ('credentials: { config: { token_url: "{{context.url}}/oauth/token" } }', "credentials.config.token_url"),
    ('credentials: { config: { body_format: json } }', "credentials.config.body_format"),
    ('credentials: { config: { refresh: { url: "https://api.example.com/oauth/token", body: { a: b } } } }',
     "credentials.config.refresh"),
    ('credentials: { config: { introspect: { url: "https://api.example.com/v1/things" } } }',
     "credentials.config.introspect"),
    ('credentials: { config: { revoke: [{ url: "https://api.example.com/v1/things", body: { token: '
     '"{{oauth.token.refresh_token}}" } }] } }', "credentials.config.revoke"),
    ('credentials: { config: { revoke: [{ url: "https://api.example.com/oauth/revoke", query: { token: '
     '"{{oauth.token.refresh_token}}" } }] } }', "credentials.config.revoke"),
    ('credentials: { config: { response: "response.refresh_token" } }', "credentials.config.response"),
    ('credentials: { config: { capture: { note: response.refresh_token } } }', "credentials.config.capture.note"),
    ('credentials: { config: { ask: [{ name: more }] } }', "credentials.config.ask"),
    ('credentials: { format: session, config: { login: { url: "https://api.example.com/v1/things" } } }',
     "credentials.format"),
    # webhooks
    ('webhooks: { challenge: [] }', "webhooks.challenge"),
    ('webhooks: { reply: { body: "{{env.APP_SECRET}}" } }', "webhooks.reply.body"),
    ('webhooks: { subscription: { capture: { webhook_secret: "\'constant\'" } } }',
     "webhooks.subscription.capture.webhook_secret"),
    ('webhooks: { subscription: { create: [{ name: a, transform: new_secret }] } }', "webhooks.subscription.create"),
]  # fmt: skip


@pytest.mark.parametrize("level", ["account", "environment"])
@pytest.mark.parametrize(("override", "path"), MOVES, ids=lambda text: text[:90])
def test_a_secret_stays_where_the_connector_uses_it(make: Any, override: str, path: str, level: str) -> None:
    found = refusals(judged(make, f"{{ {override} }}", level=level))
    assert found and {code for code, _ in found} == {"SEC113"}
    assert found[0][1].startswith(path)


@pytest.mark.parametrize(
    "override",
    [
        "label: L, description: '{{env.APP_SECRET}}'",
        "authorization: { format: none }",
        "authorization: null",
        "authorization: { config: { prefix: Token } }",
        "authorization: { config: { path: oauth.token.access_token } }",
        "resources: { things: { list: { authorization: null, path: /other } } }",
        "resources: { new: { list: { method: get, path: /new }, authorization: { format: none } } }",
        "resources: { things: { open: { path: /opened } } }",
        "resources: { admins: { open: { path: /opened } } }",
        "signature: { format: none }",
        "signature: { config: { headers: { X-Version: '2', X-Tenant: '{{context.tenant}}' } } }",
        "signature: { config: { headers: { X-Sign: 'v1 {{signature}}' } } }",
        "credentials: { config: { client_id: another-app } }",
        "credentials: { config: { scopes: [read, write], pkce: false, redirect_port: 8080, buffer_seconds: 5 } }",
        "credentials: { config: { token_params: { audience: '{{context.tenant}}', more: [1, true] } } }",
        "credentials: { config: { token_url: 'https://login.example.com/oauth/token' } }",
        "credentials: { config: { authorization_url: 'https://www.example.com/other' } }",
        "credentials: { config: { revoke: [] } }",
        "credentials: { format: bearer, config: { label: Key } }",
        "webhooks: { verify: { format: basic, config: {} } }",
        "webhooks: { verify: { format: basic, config: { username: '{{webhook_username}}' } } }",
        "webhooks: { events: { type: body.type }, subscription: { renew_before_seconds: 60 } }",
    ],
)
def test_what_moves_no_secret_may_be_overridden(make: Any, override: str) -> None:
    assert refusals(judged(make, f"{{ {override} }}")) == []


def test_a_new_operation_is_authorized_as_its_resource(make: Any) -> None:
    effective = judged(make, "{ resources: { things: { new: { method: get, path: /new } } } }")
    assert refusals(effective) == []
    assert effective.vendor("things", "new").authorization.path == "oauth.token.access_token"


@pytest.mark.parametrize(
    "verify",
    [
        "{ format: none }",
        "{ format: token, config: { token: query.t, key: constant } }",
        "{ format: token, config: { token: headers.t } }",
        "{ format: basic, config: { password: '' } }",
        "{ format: basic, config: { when: 'true' } }",
        "{ config: { of: [ { format: token, config: { token: query.t } }, { format: none } ] } }",
        "{ config: { when: 'true' } }",
        "{ format: all, config: { of: [ { format: none } ] } }",
    ],
)
def test_verification_is_not_weakened(make: Any, verify: str) -> None:
    override = f"{{ webhooks: {{ verify: {verify} }} }}"
    (found,) = refusals(judged(make, override))
    assert found[0] == "SEC114" and found[1].startswith("webhooks.verify")
    allowed = "environments: { sandbox: { allow: { verification: true } } }\n"
    effective = judged(make, override, allowed)
    assert refusals(effective) == [] and [one.code for one in effective.find_widening()] == ["SEC117"]
    other = "environments: { production: { allow: { verification: true } } }\n"
    assert refusals(judged(make, override, other))


@pytest.mark.parametrize(
    "verify",
    [
        "{ format: token, config: { token: api_key, key: x } }",
        "{ format: token, config: { token: query.t, key: '{{$substring(api_key, 0, 1)}}' } }",
        "{ format: token, config: { token: query.t, key: '{{env.UNUSED}}' } }",
        "{ format: hmac, config: { signature: query.s, content: api_key } }",
        "{ format: rsa, config: { signature: query.s, key_request: { url: 'https://x.example.com/{{api_key}}' } } }",
    ],
)
def test_an_allowed_verification_still_hands_out_no_secret(make: Any, verify: str) -> None:
    allowed = "environments: { sandbox: { allow: { verification: true } } }\n"
    found = refusals(judged(make, f"{{ webhooks: {{ verify: {verify} }} }}", allowed))
    assert {code for code, _ in found} == {"SEC113"}


OWN_APP = """\
{ credentials: { config: { client_id: "{{env.SANDBOX_ID}}", client_secret: "{{env.SANDBOX_SECRET}}" } } }"""


@pytest.mark.parametrize("level", ["account", "environment"])
def test_an_environment_may_have_an_app_of_its_own(make: Any, level: str) -> None:
    assert {code for code, _ in refusals(judged(make, OWN_APP, level=level))} == {"SEC111"}
    for_all = "env: [SANDBOX_ID, SANDBOX_SECRET]\n"
    assert {code for code, _ in refusals(judged(make, OWN_APP, for_all, level=level))} == {"SEC113"}
    allowed = "environments: { sandbox: { allow: { env: [SANDBOX_ID, SANDBOX_SECRET] } } }\n"
    effective = judged(make, OWN_APP, allowed, level=level)
    assert refusals(effective) == []
    assert {"SANDBOX_ID", "SANDBOX_SECRET"} < set(effective.env_names)
    found = effective.find_widening()
    assert [(one.code, one.severity) for one in found] == [("SEC117", 1)] * 2
    assert "SANDBOX_ID" in found[0].message and '"sandbox"' in found[0].message
    elsewhere = "environments: { production: { allow: { env: [SANDBOX_ID, SANDBOX_SECRET] } } }\n"
    assert {code for code, _ in refusals(judged(make, OWN_APP, elsewhere, level=level))} == {"SEC111"}


@pytest.mark.parametrize(
    "override",
    [
        '{ credentials: { config: { token_params: { note: "{{env.SANDBOX_ID}}" } } } }',
        '{ authorization: { format: body, config: { field: note, value: "{{env.SANDBOX_ID}}" } } }',
        '{ credentials: { config: { client_secret: "{{$substring(env.SANDBOX_ID, 1)}}" } } }',
        '{ signature: { config: { headers: { X-Note: "{{env.SANDBOX_ID}}" } } } }',
    ],
)
def test_an_allowed_variable_stands_in_the_place_of_another(make: Any, override: str) -> None:
    allowed = "environments: { sandbox: { allow: { env: [SANDBOX_ID] } } }\n"
    assert "SEC113" in {code for code, _ in refusals(judged(make, override, allowed))}


@pytest.mark.parametrize("placed", ["authorization", "authorization.config", "authorization.config.header"])
def test_conn_yaml_may_allow_another_place(make: Any, placed: str) -> None:
    override = "{ authorization: { config: { header: X-Token } } }"
    allowed = f"environments: {{ sandbox: {{ allow: {{ placement: [{placed}] }} }} }}\n"
    effective = judged(make, override, allowed)
    assert refusals(effective) == [] and [one.code for one in effective.find_widening()] == ["SEC117"]
    other = '{ authorization: { format: query, config: { name: k, value: "{{oauth.token.access_token}}" } } }'
    assert bool(refusals(judged(make, other, allowed))) is (placed != "authorization")


@pytest.mark.parametrize(
    "value", ["{{$substring(oauth.token.access_token, 1)}}", "{{env.UNUSED}}", "{{$lookup(env, 'APP_SECRET')}}"]
)
def test_an_allowed_place_is_not_for_every_secret(make: Any, value: str) -> None:
    override = f'{{ authorization: {{ format: query, config: {{ name: k, value: "{value}" }} }} }}'
    allowed = "environments: { sandbox: { allow: { placement: [authorization] } } }\n"
    assert refusals(judged(make, override, allowed))


TEXTUAL = """\
base_url: https://api.example.com
credentials:
  format: session
  config:
    login:
      url: https://api.example.com/login
      body_format: raw
      body: "<login><password>{{password}}</password></login>"
      headers: { X-App: "App {{env.APP}}" }
authorization: { format: cookie, config: { value: "SID={{session.access_token}}" } }
resources:
  things:
    list: { method: get, path: "/{key}/things", authorization: { format: path, config: { name: key } } }
"""


def login(key: str, told: Any) -> dict[str, Any]:
    return {"credentials": {"config": {"login": {key: told}}}}


def authorized(value: str) -> dict[str, Any]:
    return {"authorization": {"config": {"value": value}}}


@pytest.mark.parametrize(
    ("override", "refused"),
    [
        (login("body", "<login><password></password><note>{{password}}</note></login>"), True),
        (login("body", "<note>{{password}}</note>"), True),
        (login("body", "{{'<note>' & password & '</note>'}}"), True),
        (login("body", "<login><password>{{username}}</password></login>"), True),
        (login("body", "{{password}}"), True),
        (login("body", "nothing"), False),
        (login("headers", {"X-App": "Key {{env.APP}}"}), False),
        (login("headers", {"X-App": "{{'Key ' & env.APP}}"}), False),
        (login("headers", {"X-App": 'App="{{env.APP}}"'}), True),
        (authorized("note={{session.access_token}}"), True),
        ({"resources": {"things": {"list": authorized("notes/{{api_key}}")}}}, True),
    ],
)
def test_the_text_around_a_secret_may_be_its_place(make: Any, override: dict[str, Any], *, refused: bool) -> None:
    found = refusals(judged(make, json.dumps(override), base=TEXTUAL))
    assert {code for code, _ in found} == ({"SEC113"} if refused else set())


def test_how_published_keys_are_read_is_the_connectors_alone() -> None:
    url = "https://shop.example/keys"
    own, base = KeyRequest(url=url, keys='[{"kty": "oct"}]'), KeyRequest(url=url, keys="response.keys")
    (departure,) = SecretComparison(known=OF_DELIVERIES).departures(own, base, ())
    assert (departure.path, departure.kind) == (("keys",), "place")
