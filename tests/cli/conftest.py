"""Makes `transcript` importable, and a server on 127.0.0.1 that answers as told and keeps what it got."""

import http.server
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that `transcript` is found under every import mode


@dataclass
class Got:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Vendor:
    """`answer(got)` gives (status, headers, body as JSON data or text)."""

    url: str = ""
    port: int = 0
    answer: Any = None
    got: list[Got] = field(default_factory=list)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """The vendor's server."""
    with served() as made:
        yield made


@pytest.fixture
def stranger() -> Iterator[Vendor]:
    """A server of somebody else, which answers everything."""
    with served() as made:
        made.answer = lambda got: (200, {}, {"data": [], "access_token": "from-a-stranger-1"})
        yield made


@contextmanager
def served() -> Iterator[Vendor]:
    """A server until the block is left."""
    made = Vendor()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            got = Got(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(size))
            made.got.append(got)
            status, headers, body = made.answer(got)
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - the server's names

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    made.url = f"http://127.0.0.1:{made.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A workspace with the skeleton connector `demo` and an account `me` of it."""
    from transcript import conn

    monkeypatch.chdir(tmp_path)
    assert conn(tmp_path, "new", "demo").code == 0
    (tmp_path / "accounts").mkdir(exist_ok=True)
    (tmp_path / "accounts/me.yaml").write_text("connector: demo\n")
    return tmp_path.resolve()
