"""The live transport, sync and async, against real servers: what arrives, limits, failures in one line."""

import asyncio
import gzip
import logging
import socket
import struct
import threading
import time
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from trusting import HERE

from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Headers, Request, Response


def ask_sync(request: Request, **options: Any) -> Response:
    with Live(options.pop("redactor", Redactor()), trust=HERE, **options) as live:
        return live.send(request)


def ask_async(request: Request, **options: Any) -> Response:
    async def run() -> Response:
        async with AsyncLive(options.pop("redactor", Redactor()), trust=HERE, **options) as live:
            return await live.asend(request)

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])


@both
def test_request_arrives_as_it_is_and_the_answer_comes_back(ask, site):
    site.routes["/a b".replace(" ", "%20")] = (
        200,
        [("X-One", "1"), ("X-One", "2"), ("Content-Type", "text/plain")],
        b"ok",
    )
    request = Request(
        "POST",
        f"{site.url}/a%20b?q=%C3%A9&q=2#part",
        Headers({"X-Custom": "é", "Content-Type": "application/json"}),
        b'{"a":1}',
    )
    answer = ask(request)
    assert (answer.status, answer.body, answer.url) == (200, b"ok", request.url)
    assert answer.headers.get_all("x-one") == ["1", "2"]
    assert answer.headers["X-ONE"] == "1, 2"
    assert answer.elapsed_seconds > 0
    (got,) = site.arrived
    assert (got.method, got.target, got.body) == ("POST", "/a%20b?q=%C3%A9&q=2", b'{"a":1}')
    assert got.headers["x-custom"] == "é"
    assert got.headers["content-length"] == "7"
    assert got.headers["host"] == f"127.0.0.1:{site.port}"
    assert got.headers["accept-encoding"] == "gzip, deflate"


@both
def test_error_status_is_an_answer(ask, site):
    assert ask(Request("GET", f"{site.url}/none")).status == 404


@both
def test_write_without_body_announces_none_and_read_announces_nothing(ask, site):
    ask(Request("POST", f"{site.url}/x"))
    ask(Request("GET", f"{site.url}/x"))
    assert site.arrived[0].headers["content-length"] == "0"
    assert "content-length" not in site.arrived[1].headers


@both
def test_head_has_no_body(ask, site):
    site.routes["/x"] = (200, {}, b"12345")
    answer = ask(Request("HEAD", f"{site.url}/x"))
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")


def test_connection_is_kept_and_cookies_are_not(site):
    site.routes["/x"] = (200, {"Set-Cookie": "session=abc; Path=/"}, b"")
    with Live(trust=HERE) as live:
        for _ in range(3):
            assert live.send(Request("GET", f"{site.url}/x")).status == 200
    assert all("cookie" not in got.headers for got in site.arrived)


def test_netrc_is_not_used(site, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter22\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    ask_sync(Request("GET", f"{site.url}/x"))
    assert "authorization" not in site.arrived[0].headers


def test_many_threads_share_one_transport(site):
    site.routes["/x"] = lambda got: (200, {}, got.target.encode())
    with Live(max_connections=4, trust=HERE) as live, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: live.send(Request("GET", f"{site.url}/x?n={n}")).body, range(64)))
    assert answers == [f"/x?n={n}".encode() for n in range(64)]


def test_many_tasks_share_one_transport(site):
    site.routes["/x"] = lambda got: (200, {}, got.target.encode())

    async def run() -> list[bytes]:
        async with AsyncLive(max_connections=4, trust=HERE) as live:
            answers = await asyncio.gather(*(live.asend(Request("GET", f"{site.url}/x?n={n}")) for n in range(40)))
        return [answer.body for answer in answers]

    assert asyncio.run(run()) == [f"/x?n={n}".encode() for n in range(40)]


def test_slow_requests_do_not_delay_a_fast_one(site):
    end = threading.Event()
    site.routes["/slow"] = lambda got: (end.wait(60) and 200, {}, b"")
    site.routes["/fast"] = (200, {}, b"here")

    async def run() -> None:
        async with AsyncLive(trust=HERE) as live:
            slow = [asyncio.create_task(live.asend(Request("GET", f"{site.url}/slow"))) for _ in range(25)]
            assert (await live.asend(Request("GET", f"{site.url}/fast"))).body == b"here"
            assert not any(task.done() for task in slow)
            end.set()
            await asyncio.gather(*slow)

    asyncio.run(run())


def test_a_request_that_waits_for_its_turn_has_its_time_afterwards(site):
    end = threading.Event()
    site.routes["/slow"] = lambda got: (end.wait(60) and 200, {}, b"")
    site.routes["/fast"] = (200, {}, b"here")

    async def run() -> bytes:
        async with AsyncLive(max_connections=1, trust=HERE) as live:
            slow = asyncio.create_task(live.asend(Request("GET", f"{site.url}/slow")))
            await asyncio.sleep(0)
            fast = asyncio.create_task(live.asend(Request("GET", f"{site.url}/fast", timeout_seconds=3)))
            await asyncio.wait([fast], timeout=3.2)
            assert not fast.done()
            end.set()
            await slow
            return (await fast).body

    assert asyncio.run(run()) == b"here"


def test_a_connection_of_a_cancelled_request_is_closed(site):
    """Its answer arrives later, and would be taken for that of the next request."""
    arrived, end = threading.Event(), threading.Event()

    def reply(got):
        arrived.set()
        return end.wait(60) and 200, {}, b"late"

    site.routes["/slow"] = reply
    site.routes["/next"] = (200, {}, b"next")

    async def run() -> None:
        async with AsyncLive(max_connections=1, trust=HERE) as live:
            for _ in range(3):
                arrived.clear()
                task = asyncio.create_task(live.asend(Request("GET", f"{site.url}/slow")))
                await asyncio.to_thread(arrived.wait, 60)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await live.asend(Request("GET", f"{site.url}/next"))).body == b"next"
            end.set()

    asyncio.run(run())


@both
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello" * 9, mtime=0)),
        ("x-gzip", gzip.compress(b"hello" * 4, mtime=0) + gzip.compress(b"hello" * 5, mtime=0)),
        ("deflate", zlib.compress(b"hello" * 9)),
        ("deflate", zlib.compress(b"hello" * 9)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello" * 9), mtime=0)),
        ("identity", b"hello" * 9),
    ],
)
def test_compressed_bodies(ask, site, encoding, packed):
    site.routes["/x"] = (200, {"Content-Encoding": encoding}, packed)
    assert ask(Request("GET", f"{site.url}/x")).body == b"hello" * 9


@both
@pytest.mark.parametrize(
    ("encoding", "packed", "words"),
    [
        ("gzip", gzip.compress(b"0" * 3_000_000, mtime=0), "larger than 1000000 bytes once decompressed"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"0" * 50_000_000), mtime=0), "larger than"),
        ("gzip", gzip.compress(b"hello" * 99, mtime=0)[:-12], "ends too early"),
        ("gzip", b"not gzip", "damaged"),
        ("br", b"xxxx", '"br", which was not requested'),
        ("gzip, gzip, gzip, gzip", b"xxxx", "compressed 4 times"),
    ],
)
def test_unusable_compression(ask, site, encoding, packed, words):
    site.routes["/x"] = (200, {"Content-Encoding": encoding}, packed)
    with pytest.raises(TransportError, match=words):
        ask(Request("GET", f"{site.url}/x"), max_bytes=1_000_000)


@both
def test_body_over_the_limit_announced_or_not(ask, site, raw):
    site.routes["/x"] = (200, {}, b"0" * 3000)
    with pytest.raises(TransportError, match="larger than 2000 bytes") as caught:
        ask(Request("GET", f"{site.url}/x"), max_bytes=2000)
    assert not caught.value.retryable
    endless = raw(lambda s: [s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")] + [s.sendall(b"0" * 1000) for _ in range(100_000)])
    with pytest.raises(TransportError, match="larger than 2000 bytes"):
        ask(Request("GET", endless), max_bytes=2000)


@both
def test_body_shorter_than_announced_may_be_tried_again(ask, raw):
    url = raw(lambda s: s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"))
    with pytest.raises(TransportError, match="closed the connection early") as caught:
        ask(Request("GET", url))
    assert (caught.value.retryable, caught.value.fault) == (True, "truncated")


@both
def test_chunks_that_break_off_may_be_tried_again(ask, raw):
    url = raw(lambda s: s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"))
    with pytest.raises(TransportError, match="closed the connection early") as caught:
        ask(Request("GET", url))
    assert (caught.value.retryable, caught.value.fault) == (True, "truncated")


@both
def test_a_reset_may_be_tried_again(ask, raw):
    def reset(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with pytest.raises(TransportError, match=r"reset by the other side|closed the connection early") as caught:
        ask(Request("GET", raw(reset)))
    assert caught.value.retryable
    assert caught.value.fault in ("reset", "truncated")  # some networks tell a reset as the end


@both
def test_a_tls_handshake_that_does_not_come_is_no_connection(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connects, and never says a word of TLS
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(TransportError, match=r"no connection to .* within 0\.3 seconds") as caught:
            ask(Request("GET", url), connect_seconds=0.3)
    assert (caught.value.retryable, caught.value.fault) == (True, "connect")


@both
@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 banana\r\n\r\n"])
def test_server_that_does_not_speak_http(ask, raw, answer):
    url = raw(lambda s: s.sendall(answer))
    with pytest.raises(TransportError, match="closed the connection early or did not send HTTP") as caught:
        ask(Request("GET", url))
    assert caught.value.fault == ("protocol" if b"banana" in answer else "reset")


@both
def test_endless_headers(ask, raw):
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(1_000_000):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 1000))

    with pytest.raises(TransportError, match="closed the connection early or did not send HTTP"):
        ask(Request("GET", raw(talk)))


@both
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_bytes_that_drip_are_bounded_as_a_whole(ask, raw, start):
    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises(TransportError, match=r"did not send a complete response within 0\.5 seconds") as caught:
        ask(Request("GET", raw(talk), timeout_seconds=0.5))
    assert time.monotonic() - began < 25  # it would drip for fifty
    assert not caught.value.retryable


@both
def test_silent_server(ask, raw):
    with pytest.raises(TransportError, match="did not send a complete response") as caught:
        ask(Request("GET", raw(lambda s: time.sleep(5)), timeout_seconds=0.3))
    assert caught.value.fault == "timeout"  # and not that the connection was closed, which the server does next


@both
def test_unknown_host_in_one_line(ask):
    began = time.monotonic()
    with pytest.raises(TransportError, match=r"the host nonexistent\.invalid is unknown|no connection to") as caught:
        ask(Request("GET", "http://nonexistent.invalid/x?token=hidden", label="contacts.list"))
    assert time.monotonic() - began < 25
    assert "\n" not in caught.value.message
    assert "hidden" not in caught.value.message
    assert not caught.value.retryable


@both
def test_refused_connection(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransportError, match=f"cannot connect to 127.0.0.1:{port}") as caught:
        ask(Request("GET", f"http://127.0.0.1:{port}/"))
    assert (caught.value.retryable, caught.value.fault) == (False, "refused")
    assert "base_url" in caught.value.hint
    with pytest.raises(TransportError) as caught:
        ask(Request("GET", f"http://127.0.0.1:{port}/", purpose="token"))
    assert "token_url" in caught.value.hint


@both
def test_host_that_does_not_take_connections(ask):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):  # fill the queue, so that the system leaves the next connection hanging
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    began = time.monotonic()
    with pytest.raises(TransportError, match="no connection to 127"):
        ask(Request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/"), connect_seconds=1)
    assert time.monotonic() - began < 30  # the system would wait for minutes
    for one in [listener, *fillers]:
        one.close()


@both
def test_tls_against_a_plain_server(ask, site):
    with pytest.raises(TransportError, match=r"TLS failed|cannot connect|broke"):
        ask(Request("GET", f"https://127.0.0.1:{site.port}/"))


@both
@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nX-B: b"},
        {"Host": "evil.example"},
        {"Transfer-Encoding": "chunked"},
        {"X\u00e9": "a"},
        {"X Y": "a"},
    ],
)
def test_headers_that_would_break_the_message(ask, site, headers):
    with pytest.raises((ConfigurationError, TransportError)) as caught:
        ask(Request("GET", f"{site.url}/x", Headers(headers)))
    assert site.arrived == []
    assert "evil" not in caught.value.message


@both
def test_space_around_a_header_value_is_not_sent(ask, site):
    ask(Request("GET", f"{site.url}/x", Headers({"Authorization": " Bearer hunter22 \t"})))
    assert site.arrived[0].headers["authorization"] == "Bearer hunter22"


@both
def test_refused_message_is_not_quoted_in_a_traceback(ask, site):
    method = "hunter" + "22 X"
    with pytest.raises(TransportError, match="HTTP does not allow") as caught:
        ask(Request(method, f"{site.url}/x", label="contacts.list"))
    assert "hunter22" not in "".join(traceback.format_exception(caught.value)).lower()


@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nX: y", "G ET", ""])
def test_method_that_would_break_the_message(site, method):
    with pytest.raises(TransportError):
        ask_sync(Request(method, f"{site.url}/x"))
    assert site.arrived == []


def test_own_content_length_is_not_believed(site):
    ask_sync(Request("POST", f"{site.url}/x", Headers({"Content-Length": "99"}), b"abc"))
    assert site.arrived[0].body == b"abc"


def test_proxy_of_the_environment_is_used_but_not_for_this_machine(site, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://user:pa55word@127.0.0.1:{site.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    redactor = Redactor()
    site.routes["/direct"] = (200, {}, b"direct")
    site.routes["http://api.invalid/x"] = (200, {}, b"by proxy")
    assert ask_sync(Request("GET", f"{site.url}/direct")).body == b"direct"

    assert ask_sync(Request("GET", "http://api.invalid/x"), redactor=redactor).body == b"by proxy"

    assert redactor.find("pa55word")
    monkeypatch.setenv("NO_PROXY", "api.invalid")
    with pytest.raises(TransportError, match="unknown"):
        ask_sync(Request("GET", "http://api.invalid/x"))


def test_certificates_that_cannot_be_read(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/file.pem")
    with pytest.raises((ConfigurationError, TransportError)):
        ask_sync(Request("GET", "https://127.0.0.1:9/"))


def test_secret_headers_stay_out_of_debug_logs(site, caplog):
    site.routes["/x"] = (200, {"X-Token": "vendor-secret-1"}, b"")
    with caplog.at_level(logging.DEBUG):
        ask_sync(Request("GET", f"{site.url}/x", Headers({"Authorization": "Bearer own-secret-2"})))
    assert "secret" not in caplog.text


def test_closed_transport_opens_new_connections(site):
    live = Live(trust=HERE)
    live.send(Request("GET", f"{site.url}/x"))
    live.close()
    assert live.send(Request("GET", f"{site.url}/x")).status == 404
    live.close()


def test_deadline_does_not_outlive_its_request(site, raw):
    slow = raw(lambda s: time.sleep(5))
    before = set(threading.enumerate())
    with Live(trust=HERE) as live:
        for _ in range(4):
            with pytest.raises(TransportError):
                live.send(Request("GET", slow, timeout_seconds=0.1))
        time.sleep(0.15)
        assert live.send(Request("GET", f"{site.url}/x")).status == 404
    servers = 4 + 1  # of each slow answer, and of the site
    assert len(set(threading.enumerate()) - before) <= servers
