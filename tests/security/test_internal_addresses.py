"""Server-side request forgery: wherever a URL comes from, no driver sends a request to an internal address.

The vendor itself is on this machine, and conn.yaml trusts it; the stranger is on another port.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attack import KEY, World
from inbox import Inbox
from test_deliveries_sending_elsewhere import FORGERS, by_certificate, by_jwt, certificate, jwks

from conn_engine import aconnect, connect, load_workspace
from conn_engine.errors import ConfigurationError, ConnError, TransportError
from conn_engine.runtime.call import Call

Run = Callable[..., list[Any]]


def _settings(world: World) -> Mapping[str, str]:
    return {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(world.folder / ".state"), "CONN_ACME_API_KEY": KEY}


def run_sync(world: World, operation: str = "things.list", **environ: str) -> list[Any]:
    with connect(load_workspace(world.folder), "acme", environ={**_settings(world), **environ}) as acme:
        return list(acme.records(operation, Call()))


def run_async(world: World, operation: str = "things.list", **environ: str) -> list[Any]:
    async def records() -> list[Any]:
        async with aconnect(load_workspace(world.folder), "acme", environ={**_settings(world), **environ}) as acme:
            return [record async for record in acme.records(operation, Call())]

    return asyncio.run(records())


both = pytest.mark.parametrize("run", [run_sync, run_async])
ANONYMOUS = {"format": "none"}


@both
def test_of_a_base_url(run: Run, world: World) -> None:
    """That a connector names a host does not make it reachable: also where nothing secret goes along."""
    world.lay_out(connector=world.connector(authorization=ANONYMOUS, credentials=None))
    assert run(world)
    world.write("conn.yaml", {"version": 1})
    with pytest.raises(ConfigurationError, match="internal address") as caught:
        run(world)
    assert f'"127.0.0.1:{world.vendor.port}" to trusted_hosts' in caught.value.hint
    assert len(world.vendor.arrived) == 1


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"])
def test_of_a_next_page(run: Run, world: World, host: str) -> None:
    following = {"results": [{"id": "1"}], "next": f"http://{host}:{world.stranger.port}/page"}
    world.vendor.answer = lambda got: (200, {}, following)
    paging = {"format": "next_url", "config": {"next_url_field": "next"}}
    world.lay_out(connector=world.connector(authorization=ANONYMOUS, credentials=None, pagination=paging))
    with pytest.raises(ConfigurationError, match="internal address"):
        run(world)
    assert (len(world.vendor.arrived), world.stranger.arrived) == (1, [])


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]"])
def test_of_a_redirect(run: Run, world: World, host: str) -> None:
    world.vendor.answer = lambda got: (302, {"location": f"http://{host}:{world.stranger.port}/"}, b"")
    world.lay_out()
    with pytest.raises(TransportError, match=r"a redirect to .*internal address"):
        run(world)
    assert world.stranger.arrived == []


@both
def test_of_a_token_url(run: Run, world: World) -> None:
    config = {"token_url": f"{world.vendor.url}/token", "client_id": "app", "client_secret": "s3cret-of-app"}
    connector = world.connector(
        base_url="https://api.vendor.example",
        credentials={"format": "oauth2", "config": config},
        authorization={"format": "bearer"},
    )
    world.lay_out(connector=connector)
    ended = {"oauth": {"token": {"access_token": "old-token-1234", "refresh_token": KEY, "expires_at": 1}}}
    environ = {"CONN_ACME_API_KEY": "", "CONN_ACME_CREDENTIALS": json.dumps(ended)}
    world.write("conn.yaml", {"version": 1})
    with pytest.raises(ConfigurationError, match=r"token request would go to .*internal address"):
        run(world, **environ)
    assert world.vendor.arrived == []
    world.write("conn.yaml", {"version": 1, "trusted_hosts": [f"127.0.0.1:{world.vendor.port}"]})
    world.vendor.answer = lambda got: (302, {"location": f"{world.stranger.url}/token"}, b"")
    with pytest.raises(ConnError, match="refused"):
        run(world, **environ)
    assert (len(world.vendor.arrived), world.stranger.arrived) == (1, [])


@both
def test_of_the_links_of_a_job(run: Run, world: World) -> None:
    """Where a result lies is the vendor's to say, on any public host."""
    job = {
        "poll": {
            "path": "/jobs/{{job.created.body.id}}",
            "status": "body.state",
            "done": ["done"],
            "every_seconds": 0.01,
        },
        "download": {"url": "job.polled.body.url"},
    }
    exports = {"list": {"method": "post", "path": "/jobs", "writes": False, "job": job}}
    world.vendor.answer = lambda got: (200, {}, {"id": "1", "state": "done", "url": f"{world.stranger.url}/result"})
    world.lay_out(connector=world.connector(resources={"exports": exports}))
    with pytest.raises(ConfigurationError, match="internal address"):
        run(world, "exports.list")
    assert world.stranger.arrived == []


@pytest.mark.parametrize("fixed", [True, False])
def test_of_keys_and_certificates_for_deliveries(tmp_path: Any, world: World, *, fixed: bool) -> None:
    inbox = Inbox(world)
    verify = jwks(url=f"{world.vendor.url}/keys") if fixed else certificate(inbox)
    delivery = by_jwt(FORGERS) if fixed else by_certificate(f"{world.vendor.url}/cert.pem")
    inbox.lay_out(verify)
    world.write("conn.yaml", {"version": 1})
    receipt = inbox.receive(delivery)
    assert receipt.error is not None and "internal address" in receipt.error.message
    assert (receipt.verified_by, world.vendor.arrived) == ("", [])
