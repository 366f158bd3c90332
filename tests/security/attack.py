"""A workspace under attack: a vendor and a stranger on 127.0.0.1, one account whose override the attacker writes.

The vendor is the connector's own host. `World.attack` writes the override and runs a command line in-process;
`World.nothing_leaked` looks for the secrets, also reversed and base64-encoded, in what was printed and written, and at
what the stranger received.
"""

import base64
import http.server
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.documents import dump_yaml
from conn_engine.wire import FrozenClock

KEY = "k3y-Zq81xWv7Rt5Lm2"
ENVIRONMENT_SECRET = "env-Hd92kQp4Tn6Yb3"
SECRETS = (KEY, ENVIRONMENT_SECRET)


@dataclass
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """`answer`: a function of the request to (status, headers, body). `got` is what arrived."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], tuple[int, dict[str, str], Any]] = lambda got: (200, {}, {"results": [{"id": "1"}]})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def serve(made: Site) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: in two, the second waits 40 ms for the first to be acknowledged

        def answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {k.lower(): v for k, v in self.headers.items()}
            got = Got(self.command, self.path, headers, self.rfile.read(size))
            made.got.append(got)
            status, extra, body = made.answer(got)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **extra}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # clients that go away are part of these tests

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@dataclass
class Run:
    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class World:
    folder: Path
    vendor: Site
    stranger: Site
    trusted: tuple[str, ...] = ()
    """What conn.yaml trusts beside the vendor."""

    def connector(self, **changes: Any) -> dict[str, Any]:
        return {
            "base_url": f"{self.vendor.url}/v1",
            "hosts": [f"127.0.0.1:{self.vendor.port}"],
            "credentials": {"format": "api_key", "config": {}},
            "authorization": {"format": "header", "config": {"name": "X-Key", "value": "{{api_key}}"}},
            "env": ["VENDOR_APP"],
            "resources": {
                "things": {
                    "list": {"method": "get", "path": "/things", "response_path": "results"},
                    "get": {"method": "get", "path": "/things/{{id}}"},
                    "create": {"method": "post", "path": "/things"},
                }
            },
            **changes,
        }

    def write(self, name: str, data: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else dump_yaml(data), encoding="utf-8")
        return path

    def lay_out(self, override: dict[str, Any] | None = None, *, connector: Any = None, **account: Any) -> None:
        self.write("conn.yaml", {"version": 1, "trusted_hosts": [f"127.0.0.1:{self.vendor.port}", *self.trusted]})
        self.write("connectors/demo/connector.yaml", connector or self.connector())
        self.write(
            "connectors/demo/unified/crm.yaml",
            {"resources": {"things": {"list": {"response_mapping": {"id": "response.id"}}}}},
        )
        document = {"connector": "demo", "context": {"tenant": "acme"}, **account}
        self.write("accounts/acme.yaml", {**document, "override": override or {}})

    def conn(self, *arguments: str, stdin: str = "", **environ: str) -> Run:
        out, err = io.StringIO(), io.StringIO()
        surroundings = {
            "CONN_NO_KEYRING": "1",
            "CONN_STATE_DIR": str(self.folder / ".state"),
            "CONN_ACME_API_KEY": KEY,
            "VENDOR_APP": ENVIRONMENT_SECRET,
            **environ,
        }
        app = App(
            folder=self.folder,
            environ={name: value for name, value in surroundings.items() if value},
            clock=FrozenClock(1_795_000_000),
            stdin=io.StringIO(stdin),
            stdout=out,
            stderr=err,
        )
        code = execute(arguments, app)
        return Run(int(code), out.getvalue(), err.getvalue())

    def attack(self, override: dict[str, Any], *arguments: str, **account: Any) -> Run:
        self.lay_out(override, **account)
        return self.conn(*(arguments or ("run", "things.list", "-a", "acme", "--trace")))

    def nothing_leaked(self, done: Run, *secrets: str, stranger_may_be_asked: bool = False) -> None:
        texts = {"printed": done.all}
        for path in self.folder.rglob("*"):
            if path.is_file():
                texts[str(path)] = path.read_text(encoding="utf-8", errors="replace")
        for got in self.stranger.got:
            texts["the stranger"] = f"{got.path}{got.headers}{got.body!r}"
        for secret in secrets or SECRETS:
            for where, text in texts.items():
                for form in forms(secret):
                    assert form not in text, f"{form} of {secret} in {where}"
        if not stranger_may_be_asked:
            assert self.stranger.got == []


def forms(secret: str) -> list[str]:
    """A secret plain, and as an expression could disguise it."""
    packed = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, secret[::-1], packed, " ".join(secret), secret.upper(), secret[:12], secret[-12:]]
