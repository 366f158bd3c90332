"""A secret of three characters cannot be searched for: it is hidden in the places where the engine itself put it."""

import json
from typing import Any

import pytest
from attack import World

SHORT = "q7!"

PLACES: dict[str, dict[str, Any]] = {
    "header": {"format": "header", "config": {"name": "X-Key", "value": "v {{api_key}}"}},
    "query": {"format": "query", "config": {"name": "k", "value": "a-{{api_key}}"}},
    "path": {"format": "path", "config": {"name": "key", "value": "bot{{api_key}}"}},
    "body": {"format": "body", "config": {"field": "who.k", "value": "{{api_key}}"}},
    "cookie": {"format": "cookie", "config": {"name": "S", "value": "{{$encodeUrlComponent(api_key)}}"}},
    "expression": {
        "format": "expression",
        "config": {"expression": "{'query': {'e': api_key}, 'headers': {'x-e': api_key}, 'body': {'e': [api_key]}}"},
    },
    "several": {
        "format": "several",
        "config": {
            "all": [
                {"format": "query", "config": {"name": "k", "value": "{{env.VENDOR_APP}}"}},
                {"format": "header", "config": {"name": "X-Key", "value": "{{api_key}}"}},
            ]
        },
    },
}


def lay_out(world: World, authorization: dict[str, Any], form: str = "json", **changes: Any) -> None:
    made = world.connector(authorization=authorization, **changes)
    operation = made["resources"]["things"]["create"]
    operation["path"] = "/{key}/things" if authorization["format"] == "path" else "/things"
    operation["body_format"] = form
    made["resources"] = {"things": {"create": operation}}
    world.lay_out(connector=made)
    world.write("connectors/demo/unified/crm.yaml", {"resources": {}})


@pytest.mark.parametrize("form", ["json", "form"])
@pytest.mark.parametrize("place", PLACES)
def test_it_is_hidden_where_it_was_put(world: World, place: str, form: str) -> None:
    lay_out(world, PLACES[place], form)
    environ = {"CONN_ACME_API_KEY": SHORT, "VENDOR_APP": SHORT}
    world.vendor.answer = lambda got: (200, {}, {"id": "1"})
    asked = ["demo:things.create", "-a", "acme", "--body", '{"a": 1}']
    shown = [
        world.conn("run", *asked, "--dry-run", **environ),
        world.conn("run", *asked, "--send", "--trace", **environ),
        world.conn("record", *asked, "--send", **environ),
    ]
    assert [done.code for done in shown] == [0, 0, 0], shown
    assert SHORT in json.dumps([[got.target, got.headers, got.body.decode()] for got in world.vendor.arrived]).replace(
        "%21", "!"
    )
    recordings = [path.read_text() for path in (world.folder / "connectors/demo/recordings").glob("*.json")]
    for text in (*(done.all for done in shown), *recordings):
        assert SHORT not in text.replace("%21", "!")
    assert len(recordings) == 1
    assert world.conn("test", "demo:things.create", "--raw", **environ).code == 0


def test_an_expression_that_computes_with_it_shows_the_host_alone(world: World) -> None:
    computed = "{'query': {'e': $string($number(api_key) + 1)}}"
    lay_out(world, {"format": "expression", "config": {"expression": computed}})
    done = world.conn(
        "run", "demo:things.create", "-a", "acme", "--body", '{"a": 1}', "--send", "--trace", CONN_ACME_API_KEY="411"
    )
    assert "e=412" in world.vendor.arrived[0].target
    assert "412" not in done.all
    assert f"> POST http://127.0.0.1:{world.vendor.port}/[redacted]" in done.err


def test_a_token_request_hides_it_too(world: World) -> None:
    url = f"{world.vendor.url}/token/{{{{env.VENDOR_APP}}}}"
    config = {
        "token_url": url,
        "client_id": "app",
        "client_secret": "{{env.VENDOR_APP}}",
        "refresh": {"url": url, "query": {"k": "{{env.VENDOR_APP}}"}, "body": {"r": "{{oauth.token.refresh_token}}"}},
    }
    lay_out(world, {"format": "bearer"}, credentials={"format": "oauth2", "config": config})
    stale = {"oauth": {"token": {"access_token": "old-token-1234", "refresh_token": "r", "expires_at": 1}}}
    world.vendor.answer = lambda got: (400, {}, {"error": "no"})
    done = world.conn(
        *("run", "demo:things.create", "-a", "acme", "--body", "{}", "--send", "--trace"),
        CONN_ACME_API_KEY="",
        CONN_ACME_CREDENTIALS=json.dumps(stale),
        VENDOR_APP=SHORT,
    )
    assert done.code != 0
    assert SHORT in world.vendor.arrived[0].target.replace("%21", "!")
    assert SHORT not in done.all.replace("%21", "!")
    assert "/token/[redacted]" in done.err


def test_an_account_without_a_short_secret_is_shown_as_it_is(world: World) -> None:
    lay_out(world, PLACES["query"])
    done = world.conn("run", "demo:things.create", "-a", "acme", "--body", '{"a": 1}', "--send", "--trace")
    assert "/v1/things?k=a-[redacted]" in done.err
