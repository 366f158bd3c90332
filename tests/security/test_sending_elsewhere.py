"""An override, a value or an answer tries to send the credential, or just a request, to another host."""

import base64
import json
from typing import Any

import pytest
from attack import KEY, World
from evaluating import usual

from conn_engine.config.host_patterns import effective_hosts
from conn_engine.config.origins import Layer
from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import gateway
from conn_engine.transport.hosts import is_covered
from conn_engine.transport.redirects import HopResponse, follow_redirects
from conn_engine.transport.url_templates import fill_base_url
from conn_engine.wire import Headers, Request

HOSTS = ("api.vendor.example", "*.tenant.example")


@pytest.mark.parametrize(
    "override",
    [
        {"base_url": "http://@S"},
        {"base_url": "http://@S", "authorization": {"format": "none"}},
        {"base_url": "http://@S", "hosts": ["@S"]},
        {"base_url": "http://@S", "hosts": ["*", "*:*", "127.0.0.1:*"]},
        {"base_url": "http://{{context.host}}:{{context.port}}"},
        {"base_url": "http://{{context.host}}:{{context.port}}", "authorization": {"format": "none"}},
        {"base_url": "http://{{context.whole}}", "authorization": {"format": "none"}},
        {"base_url": "http://@V@@S/"},
        {"base_url": "http://@V\\@@S/"},
        {"base_url": "http://@V#@@S/"},
        {"base_url": "//@S/"},
        {"base_url": "HTTP://@S/v1"},
        {"resources": {"things": {"list": {"base_url": "http://@S"}}}},
        {"resources": {"things": {"base_url": "http://@S"}}},
        {"resources": {"things": {"list": {"path": "//@S/x"}}}},
        {"resources": {"things": {"list": {"path": "http://@S/x"}}}},
        {"resources": {"things": {"list": {"path": "@@S/x"}}}},
        {"resources": {"things": {"list": {"path": ":80@@S/x"}}}},
        {"resources": {"things": {"list": {"path": "\\\\@S/x"}}}},
        {"resources": {"things": {"list": {"path": "/../..//@S/x"}}}},
        {"unified": {"crm": {"things": {"list": {"before": [{"name": "a", "request": {"path": "@@S/"}}]}}}}},
        {"unified": {"crm": {"things": {"list": {"before": [{"name": "a", "request": {"path": "//@S/"}}]}}}}},
        {"unified": {"crm": {"things": {"list": {"before": [{"name": "a", "request": {"path": "http://@S/"}}]}}}}},
        {"headers": {"Host": "@S"}},
        {"headers": {"X-A": "{{'a\r\nHost: @S'}}"}},
        {"headers": {"X-A\r\nHost": "@S"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"query": {"a": "{{'x HTTP/1.1\r\nHost: @S\r\n\r\n'}}"}},
        {"authorization": {"format": "header", "config": {"name": "Host", "value": "{{api_key}}"}}},
        {"authorization": {"format": "header", "config": {"name": "X\r\nX-B", "value": "{{api_key}}"}}},
    ],
    ids=lambda override: json.dumps(override)[:80],
)
def test_nothing_reaches_the_stranger(world: World, override: dict[str, Any]) -> None:
    place = f"127.0.0.1:{world.stranger.port}"
    text = json.dumps(override).replace("@S", place).replace("@V", f"127.0.0.1:{world.vendor.port}")
    context = {"host": "127.0.0.1", "port": world.stranger.port, "whole": f"{place}/#"}
    done = world.attack(json.loads(text), context=context)
    world.nothing_leaked(done)
    for got in world.vendor.arrived:  # what did arrive is one whole request to the vendor
        assert got.headers["host"] == f"127.0.0.1:{world.vendor.port}"
        assert "x-b" not in got.headers


@pytest.mark.parametrize(
    "value",
    ["evil.example#", "evil.example/", "evil.example?", "a@evil.example", "evil.example\\", "evil.example:1/x", "[::1]",
     "evil\u3002example", "\uff45vil", "a\r\nb", "", " evil", "a%2f", "x:99999999"],
)  # fmt: skip
def test_a_value_in_the_host_stays_a_part_of_it(value: str) -> None:
    with pytest.raises(ConfigurationError):
        made = fill_base_url("https://{{context.v}}.vendor.example/x", usual({"context": {"v": value}}))
        assert gateway.is_permitted(gateway.parse_target(made).origin, ("*.vendor.example",)), made
        raise ConfigurationError("it stayed a part of the host")


@pytest.mark.parametrize(
    "url",
    ["http://api.vendor.example/", "https://api.vendor.example:8443/", "https://api.vendor.example.evil.example/",
     "https://evil.example/api.vendor.example", "https://a.b.tenant.example/", "https://tenant.example/",
     "https://xtenant.example/", "https://127.0.0.1/", "https://[::1]/", "https://xn--pi-7ed.vendor.example/",
     "https://api.vendor.example%2eevil.example/", "https://api.vendor.example\t.evil.example/",
     "https://user@api.vendor.example/", "https://api.vendor.example@evil.example/", "https://api.vendor.example\\@evil.example",
     "https://\u0430pi.vendor.example/", "https://api\u3002vendor.example/", "https://api.vendor.example\uff0fevil",
     "//evil.example/", "file:///etc/passwd", "data:,x", "ftp://api.vendor.example/", "https:/evil.example", "https:///evil.example"],
)  # fmt: skip
def test_the_door_lets_no_credential_through(url: str) -> None:
    request = Request("GET", url, authorized=True, hosts=HOSTS)
    with pytest.raises(ConfigurationError):
        gateway.check_request(request, Redactor())


@pytest.mark.parametrize(
    "url", ["https://API.Vendor.Example/", "https://api.vendor.example./", "https://api.vendor.example:443/x",
            "https://a.tenant.example/"],
)  # fmt: skip
def test_the_door_knows_the_vendor_however_it_is_spelled(url: str) -> None:
    assert gateway.check_request(Request("GET", url, authorized=True, hosts=HOSTS), Redactor())


@pytest.mark.parametrize("where", ["url", "header", "body", "basic"])
def test_a_secret_does_not_pass_for_data(where: str) -> None:
    packed = base64.b64encode(f"me:{KEY}".encode()).decode()
    request = Request(
        "POST",
        f"https://evil.example/{KEY if where == 'url' else ''}",
        Headers({"x": KEY if where == "header" else packed if where == "basic" else ""}),
        KEY.encode() if where == "body" else None,
        hosts=HOSTS,
    )
    with pytest.raises(ConfigurationError, match="not a host of the connector"):
        gateway.check_request(request, Redactor([KEY]))


@pytest.mark.parametrize(
    "asked",
    ["evil.example", "*", "*.*", "*.example", "http://api.vendor.example", "http://api.vendor.example:*",
     "api.vendor.example:*", "api.vendor.example:8443", "a.b.tenant.example", "*.b.tenant.example",
     "evil.example/.tenant.example", "evil.example#.tenant.example", "user@a.tenant.example", "tenant.example"],
)  # fmt: skip
@pytest.mark.parametrize("base", [HOSTS, ("api.vendor.example:443", "*.tenant.example:443")])
def test_an_override_of_hosts_only_narrows(asked: str, base: tuple[str, ...]) -> None:
    assert not is_covered(asked, base)
    layers = (Layer("base", {"hosts": list(base)}, ()), Layer("account", {"hosts": [asked]}, ()))
    assert effective_hosts(layers, ()) == ()


def test_a_wildcard_port_does_not_let_http_in() -> None:
    assert not is_covered("http://a.tenant.example:*", ("*.tenant.example:*",))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://{s}/x", "//{s}/x", "http://{v}@{s}/", "http://{s}/?k={key}"])
def test_redirects_carry_no_credential(world: World, status: int, target: str) -> None:
    world.trusted = ("127.0.0.0/8",)  # the stranger may receive a request, but no credential
    places = {"s": f"127.0.0.1:{world.stranger.port}", "v": f"127.0.0.1:{world.vendor.port}", "key": KEY}
    world.vendor.answer = lambda got: (status, {"location": target.format(**places)}, b"")
    done = world.attack({})
    world.nothing_leaked(done, stranger_may_be_asked=True)
    assert all("x-key" not in got.headers for got in world.stranger.arrived)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "data:text/plain,x", "javascript:1", "gopher://a/"])
def test_redirects_out_of_http_are_refused(world: World, target: str) -> None:
    world.vendor.answer = lambda got: (302, {"location": target}, b"")
    done = world.attack({})
    assert done.code != 0
    assert len(world.vendor.arrived) == 1


INTERNAL = [
    "169.254.169.254", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0.0.0.0", "10.0.0.1",
    "192.168.1.1", "172.16.0.1", "100.100.100.200", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]",
    "localhost", "localhost.", "metadata.google.internal", "printer", "x.local",
]  # fmt: skip


@pytest.mark.parametrize("host", INTERNAL)
def test_a_redirect_does_not_reach_into_our_network(host: str) -> None:
    course = follow_redirects(Request("GET", "https://api.vendor.example/", hosts=HOSTS), Redactor(), 5)
    next(course)
    with pytest.raises(TransportError):
        course.send(HopResponse(302, Headers({"location": f"https://{host}/latest/meta-data/"}), b"", ""))


@pytest.mark.parametrize("host", INTERNAL)
def test_a_next_page_does_not_reach_into_our_network(world: World, host: str) -> None:
    """Without a credential the door has nothing to keep in, but this machine reaches what a stranger cannot."""
    answer = {"results": [{"id": "1"}], "next": f"http://{host}:{world.stranger.port}/latest/meta-data"}
    world.vendor.answer = lambda got: (200, {}, answer)
    paging = {"pagination": {"format": "next_url", "config": {"next_url_field": "next"}}}
    done = world.attack({"authorization": {"format": "none"}, **paging})
    assert done.code == 3, done.err
    assert "internal address" in done.err
    assert world.stranger.arrived == []


@pytest.mark.parametrize(
    "credentials",
    [
        {"config": {"token_url": "http://@S/token"}},
        {"config": {"token_url": "http://{{context.host}}:{{context.port}}/token"}},
        {"config": {"refresh": {"url": "http://@S/token", "body": {"r": "{{oauth.token.refresh_token}}"}}}},
        {"config": {"refresh": {"url": "http://{{context.whole}}/token"}}},
    ],
    ids=lambda told: json.dumps(told)[:60],
)
def test_a_token_request_stays_with_the_vendor(world: World, credentials: dict[str, Any]) -> None:
    settings = {"token_url": f"{world.vendor.url}/token", "client_id": "app", "client_secret": "{{env.VENDOR_APP}}"}
    connector = world.connector(
        credentials={"format": "oauth2", "config": settings}, authorization={"format": "bearer"}
    )
    place = f"127.0.0.1:{world.stranger.port}"
    override = {"credentials": json.loads(json.dumps(credentials).replace("@S", place))}
    context = {"host": "127.0.0.1", "port": world.stranger.port, "whole": place}
    world.lay_out(override, connector=connector, context=context)
    document = {"oauth": {"token": {"access_token": "old-token-1234", "refresh_token": KEY, "expires_at": 1}}}
    done = world.conn(
        "run", "things.list", "-a", "acme", CONN_ACME_API_KEY="", CONN_ACME_CREDENTIALS=json.dumps(document)
    )
    assert done.code == 3, done.all
    world.nothing_leaked(done)
