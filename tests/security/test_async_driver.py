"""The attacks of an account's override and of a vendor, by the asynchronous driver of the library."""

import asyncio
import json
from typing import Any

import pytest
from attack import ENVIRONMENT_SECRET, KEY, World, forms

from conn_engine import aconnect, load_workspace
from conn_engine.errors import ConnError
from conn_engine.runtime.call import Call


def attack(world: World, override: dict[str, Any], operation: str = "crm.things.list") -> str:
    """Everything that the caller can see of the run: pages or the error."""
    world.lay_out(override)
    environ = {
        "CONN_NO_KEYRING": "1",
        "CONN_STATE_DIR": str(world.folder / ".state"),
        "CONN_ACME_API_KEY": KEY,
        "VENDOR_APP": ENVIRONMENT_SECRET,
    }

    async def run() -> str:
        async with aconnect(load_workspace(world.folder), "acme", environ=environ) as acme:
            return "".join([repr(page) async for page in acme.pages(operation, Call())])

    try:
        return asyncio.run(run())
    except ConnError as error:
        return f"{error!r} {error.message} {error.hint}"


def nothing_leaked(world: World, seen: str) -> None:
    texts = [seen, *(f"{got.target}{got.headers}{got.body!r}" for got in world.stranger.arrived)]
    for secret in (KEY, ENVIRONMENT_SECRET):
        for form in forms(secret):
            assert not any(form in text for text in texts), form
    assert world.stranger.arrived == []


def mapped(expression: str) -> dict[str, Any]:
    return {"unified": {"crm": {"things": {"list": {"response_mapping": {"x": expression}}}}}}


@pytest.mark.parametrize(
    "expression",
    [
        "env.VENDOR_APP",
        "$string($)",
        "response.echo",
        "$join($reverse($split(response.echo, '')))",
        "$error(response.echo)",
    ],
)
def test_no_mapping_reads_a_secret(world: World, expression: str) -> None:
    """The vendor sends the credential back, plain and escaped."""

    def echo(got: Any) -> tuple[int, dict[str, str], bytes]:
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in got.headers["x-key"])
        text = json.dumps({"results": [{"id": "1", "echo": got.headers["x-key"]}]})
        return 200, {}, text[:-3].encode() + f', "again": "{escaped}"}}]}}'.encode()

    world.vendor.answer = echo
    seen = attack(world, mapped(expression))
    assert len(world.vendor.arrived) == 1 and world.vendor.arrived[0].headers["x-key"] == KEY
    nothing_leaked(world, seen)


@pytest.mark.parametrize(
    "override",
    [
        {"base_url": "http://@S"},
        {"resources": {"things": {"list": {"path": "//@S/x"}}}},
        {"resources": {"things": {"list": {"path": "/../..//@S/x"}}}},
        {"headers": {"Host": "@S"}},
        {"headers": {"X-A": "{{api_key}}"}},
        {"query": {"a": "{{env.VENDOR_APP}}"}},
        {"authorization": {"format": "query", "config": {"name": "k", "value": "{{api_key}}"}}},
    ],
    ids=lambda override: json.dumps(override)[:60],
)
def test_no_override_leads_a_secret_elsewhere(world: World, override: dict[str, Any]) -> None:
    place = f"127.0.0.1:{world.stranger.port}"
    nothing_leaked(world, attack(world, json.loads(json.dumps(override).replace("@S", place))))
    for got in world.vendor.arrived:
        assert KEY not in got.target and ENVIRONMENT_SECRET not in f"{got.target}{got.headers}"


def test_a_redirect_carries_no_credential(world: World) -> None:
    world.vendor.answer = lambda got: (302, {"Location": f"{world.stranger.url}/x"}, {})
    nothing_leaked(world, attack(world, {}))
