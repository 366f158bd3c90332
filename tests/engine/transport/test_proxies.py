"""A proxy that fails is named as the proxy, in both drivers; what the vendor behind it does is not blamed on it."""

import asyncio
import socket

import pytest

from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Request

PASSWORD = "pa55word-of-the-proxy"
VENDOR = "https://api.vendor.test/x"


def public(host, port):
    return ["8.8.8.8"]


def ask_sync(url):
    with Live(Redactor(), resolver=public, connect_seconds=0.3) as live:
        return live.send(Request("GET", url, label="people.list", timeout_seconds=2.0))


def ask_async(url):
    async def run():
        async with AsyncLive(Redactor(), resolver=public, connect_seconds=0.3) as live:
            return await live.asend(Request("GET", url, label="people.list", timeout_seconds=2.0))

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])


@pytest.fixture
def behind(monkeypatch):
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def name_proxy(url):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, url.replace("://", f"://ada:{PASSWORD}@"))
        return url

    return name_proxy


def failed(ask, url=VENDOR):
    with pytest.raises(TransportError) as caught:
        ask(url)
    assert caught.value.fault == "proxy"
    assert PASSWORD not in caught.value.message + caught.value.hint
    return caught.value


def refusing(status, reason=b"No"):
    return lambda connection: connection.sendall(b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n" % (status, reason))


@both
@pytest.mark.parametrize("status", [403, 502])
def test_one_that_refuses(ask, behind, raw, status):
    proxy = behind(raw(refusing(status, b"\x1b[31mvendor is down")))
    error = failed(ask)
    assert error.message == f"people.list: the proxy {proxy} refuses to connect to api.vendor.test (status {status})"
    assert "HTTPS_PROXY" in error.hint


@both
def test_one_that_asks_for_a_user(ask, behind, raw):
    behind(raw(refusing(407)))
    assert "USER:PASSWORD" in failed(ask).hint


@both
@pytest.mark.parametrize("url", [VENDOR, "http://api.vendor.test/x"])
def test_one_where_nothing_listens(ask, behind, url):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    proxy = behind(f"http://127.0.0.1:{port}")
    assert failed(ask, url).message == f"people.list: cannot connect to the proxy {proxy}: it refuses the connection"


@both
def test_one_that_is_spoken_to_in_tls_and_has_none(ask, behind, site):
    behind(site.url.replace("http:", "https:"))
    error = failed(ask)
    assert "TLS failed" in error.message and "the proxy https://127.0.0.1" in error.message
    assert "write http://" in error.hint


@both
def test_one_that_breaks_off_is_named_with_the_vendor(ask, behind, raw):
    proxy = behind(raw(lambda connection: None))
    with pytest.raises(TransportError) as caught:
        ask(VENDOR)
    assert caught.value.message.endswith(f"(through the proxy {proxy})")


@both
def test_tls_of_the_vendor_is_the_vendors(ask, behind, raw):
    def talk(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.recv(65536)  # the client's side of TLS: a connection that is closed unread loses what was sent
        connection.sendall(b"this is not TLS" * 100)

    behind(raw(talk))
    with pytest.raises(TransportError) as caught:
        ask(VENDOR)
    assert caught.value.fault == "tls"
    assert "cannot connect to api.vendor.test" in caught.value.message


@both
@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1"])
def test_one_of_another_protocol_is_refused(ask, behind, url):
    behind(url)
    with pytest.raises(ConfigurationError, match="only http:// and https://") as caught:
        ask(VENDOR)
    assert url in caught.value.message
    assert PASSWORD not in caught.value.message
