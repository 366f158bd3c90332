"""Large bodies over real connections: spooled, bounded, clean, and never left behind."""

import asyncio
import gc
import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from measuring import cpu_limit
from trusting import HERE
from vendor import Vendor, start_vendor

from conn_engine.bodies import Upload, encode_upload
from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Headers, Request, Response

SECRET = "token-of-acme-4711"
MIB = 2**20


@pytest.fixture
def site() -> Iterator[Vendor]:
    with start_vendor() as made:
        yield made


def write_by(site: Vendor, write: Callable[[Any], None]) -> None:
    """Let a function write each answer to the request handler."""
    site.answer = lambda arrived: write


def body(content: bytes, status: int = 200, **headers: str) -> Callable[[Any], None]:
    def write(handler: Any) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return write


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Callable[..., Response]:
    """`send(request, **limits)` by either transport."""

    def go(asked: Request, *, secrets: tuple[str, ...] = (SECRET,), **limits: Any) -> Response:
        redactor = Redactor(secrets)
        if request.param == "sync":
            with Live(redactor, trust=HERE, **limits) as live:
                return live.send(asked)

        async def run() -> Response:
            async with AsyncLive(redactor, trust=HERE, **limits) as live:
                return await live.asend(asked)

        return asyncio.run(run())

    return go


def asked(site: Vendor, **values: Any) -> Request:
    return Request("GET", f"{site.url}/", hosts=("127.0.0.1:*",), **{"stream": True, **values})


def open_files() -> int:
    """Unnamed files that this process holds."""
    gc.collect()
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum("deleted" in str(link.readlink()) for link in links)


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed on Linux only")


def test_small_and_large(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(b"x" * MIB))
    small = send(asked(site))
    assert (small.spool, small.size) == (None, MIB)
    write_by(site, body(b"x" * (3 * MIB)))
    large = send(asked(site))
    assert (large.body, large.size) == (b"", 3 * MIB)
    with large.open() as reader:
        assert reader.read() == b"x" * (3 * MIB)
    large.close()
    with pytest.raises(ValueError, match="released"):
        large.open().read()


def test_the_bound_of_what_is_not_streamed_stays(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(b"x" * 2_000))
    with pytest.raises(TransportError, match="larger than 1000 bytes") as raised:
        send(asked(site, stream=False), max_bytes=1_000)
    assert "response_format" in raised.value.hint
    assert send(asked(site), max_bytes=1_000).size == 2_000


def test_errors_are_never_streamed(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(b"x" * 2_000, status=500))
    with pytest.raises(TransportError, match="larger than 1000"):
        send(asked(site), max_bytes=1_000)
    assert send(asked(site)).body == b"x" * 2_000


@pytest.mark.parametrize("has_length", [True, False])
def test_the_bound_of_streams(site: Vendor, send: Callable[..., Response], has_length: bool) -> None:
    content = b"x" * (4 * MIB)
    headers = {} if has_length else {"Content-Length": "0", "Content-Encoding": "gzip"}
    if not has_length:
        content = gzip.compress(content)
        headers["Content-Length"] = str(len(content))
    write_by(site, body(content, **headers))
    with pytest.raises(TransportError, match=r"larger than 3145728 bytes"):
        send(asked(site), max_stream_bytes=3 * MIB)


def test_a_bomb_in_the_content_encoding(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(gzip.compress(b"\0" * (80 * MIB)), Content_Encoding="gzip"))
    with cpu_limit(30), pytest.raises(TransportError, match="more than 250 times"):
        send(asked(site))


def test_compressed(site: Vendor, send: Callable[..., Response]) -> None:
    content = os.urandom(2 * MIB)
    write_by(site, body(gzip.compress(content), Content_Encoding="gzip"))
    with send(asked(site)).open() as reader:
        assert reader.read() == content


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("fault", ["short", "damaged", "closed"])
def test_a_body_that_breaks_off_leaves_nothing_behind(site: Vendor, send: Callable[..., Response], fault: str) -> None:
    content = os.urandom(4 * MIB)
    if fault == "short":
        write_by(site, body(content, Content_Length=str(5 * MIB), Connection="close"))
    elif fault == "damaged":
        write_by(site, body(gzip.compress(content)[: 3 * MIB], Content_Length=str(3 * MIB), Content_Encoding="gzip"))
    else:

        def cut(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(5 * MIB))
            handler.end_headers()
            handler.wfile.write(content)
            handler.wfile.flush()
            handler.connection.close()
            handler.close_connection = True

        write_by(site, cut)
    before = open_files()
    original = site.answer(None)

    def ended(handler: Any) -> None:
        original(handler)
        handler.close_connection = True

    write_by(site, ended)
    with pytest.raises(TransportError):
        send(asked(site))
    assert open_files() == before


@pytest.mark.slow
@needs_proc
def test_a_response_that_nobody_closes_leaves_nothing_behind(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(b"x" * (3 * MIB)))
    before = open_files()
    response = send(asked(site))
    assert open_files() == before + 1
    del response
    assert open_files() == before


def test_a_credential_that_comes_back_is_removed_even_across_pieces(
    site: Vendor, send: Callable[..., Response]
) -> None:
    content = (b"." * 65_530 + SECRET.encode()) * 40 + b"end"
    write_by(site, body(content))
    with send(asked(site)).open() as reader:
        got = reader.read()
    assert SECRET.encode() not in got
    assert got == content.replace(SECRET.encode(), b"[redacted]")


def test_a_token_request_keeps_what_comes_back(site: Vendor, send: Callable[..., Response]) -> None:
    write_by(site, body(SECRET.encode() * 2))
    assert send(asked(site, purpose="token")).body == SECRET.encode() * 2


def test_a_body_that_drips_comes_to_an_end(site: Vendor, send: Callable[..., Response]) -> None:
    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"x" * 100)
            handler.wfile.flush()
            time.sleep(0.05)

    write_by(site, drip)
    started = time.monotonic()
    with pytest.raises(TransportError, match=r"did not send a complete response within 0\.6 seconds"):
        send(asked(site, timeout_seconds=0.6))
    assert time.monotonic() - started < 25  # it would drip for fifty


def test_a_body_that_flows_may_take_longer_than_the_time_limit(site: Vendor, send: Callable[..., Response]) -> None:
    def flow(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10 * 128 * 1024))
        handler.end_headers()
        for _ in range(10):
            handler.wfile.write(b"x" * 128 * 1024)
            handler.wfile.flush()
            time.sleep(0.1)

    write_by(site, flow)
    assert send(asked(site, timeout_seconds=0.6)).size == 10 * 128 * 1024
    with pytest.raises(TransportError, match=r"within 0\.6 seconds"):
        send(asked(site, timeout_seconds=0.6, stream=False))


class TestUploads:
    def request(self, site: Vendor, path: Path) -> Request:
        payload, kind = encode_upload("multipart", {"f": {"file": "f"}}, None, None, {"f": Upload.from_path(path)})
        assert not isinstance(payload, bytes)
        return Request("POST", f"{site.url}/", Headers({"Content-Type": kind}), hosts=("127.0.0.1:*",), payload=payload)

    def test_a_large_file_arrives_whole(self, site: Vendor, send: Callable[..., Response], tmp_path: Path) -> None:
        content = os.urandom(3 * MIB)
        (tmp_path / "f.bin").write_bytes(content)
        write_by(site, body(b"{}"))
        request = self.request(site, tmp_path / "f.bin")
        assert send(request).status == 200
        assert content in site.arrived[0].body
        assert request.payload is not None
        assert [one.headers["content-length"] for one in site.arrived] == [str(request.payload.size)]
        send(request)  # a retry sends the same bytes
        assert site.arrived[0].body == site.arrived[1].body

    def test_a_redirect_that_keeps_the_body(self, site: Vendor, send: Callable[..., Response], tmp_path: Path) -> None:
        (tmp_path / "f.bin").write_bytes(b"x" * (2 * MIB))

        def moved(handler: Any) -> None:
            if handler.path == "/":
                body(b"", 307, Location="/there")(handler)
            else:
                body(b"{}")(handler)

        write_by(site, moved)
        assert send(self.request(site, tmp_path / "f.bin")).status == 200
        assert site.arrived[0].body == site.arrived[1].body
        assert len(site.arrived[0].body) > 2 * MIB

    @pytest.mark.parametrize("size", [MIB, 4 * MIB])
    def test_a_file_that_changes_meanwhile(
        self, site: Vendor, send: Callable[..., Response], tmp_path: Path, size: int
    ) -> None:
        path = tmp_path / "f.bin"
        path.write_bytes(b"x" * (3 * MIB))
        request = self.request(site, path)
        path.write_bytes(b"x" * size)
        write_by(site, body(b"{}"))
        with pytest.raises(ConfigurationError, match="changed while it was sent"):
            send(request)

    def test_a_file_with_a_known_secret_does_not_go_to_a_foreign_host(
        self, site: Vendor, send: Callable[..., Response], tmp_path: Path
    ) -> None:
        path = tmp_path / "f.bin"
        path.write_bytes(b"x" * (MIB - 10) + SECRET.encode() + b"x" * (2 * MIB))
        payload, _ = encode_upload("raw", None, None, None, {"f": Upload.from_path(path)})
        assert not isinstance(payload, bytes)
        with pytest.raises(ConfigurationError, match="would send"):
            send(Request("POST", "https://elsewhere.example.com/", payload=payload, hosts=("api.example.com",)))
