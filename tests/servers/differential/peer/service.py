"""The server that answers one stream's requests, whichever side sends them. It remembers what it was asked."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser

from differential.peer import synthesis, templates
from differential.peer.answers import Answers
from differential.peer.bodies import encode
from differential.peer.endpoints import Endpoint, Request, Seen
from differential.peer.jobs import answer
from differential.peer.moment import NOW

__all__ = ["MOST_REQUESTS", "ORIGIN", "Fault", "Service"]

ORIGIN = "X-Differential-Origin"
MOST_REQUESTS = 400


@dataclass(frozen=True)
class Fault:
    """That a request (its base, window and page) is refused with a status: each time, or only the first `times`."""

    status: int
    request: Request
    times: int = 0

    def hits(self, seen: Seen, before: int) -> bool:
        """Whether it refuses a request that came `before` times already."""
        return seen.own and seen.request == self.request and (not self.times or before < self.times)


class Service:
    """The server. `serve` sets the endpoints of one stream; `asked` is what came in since."""

    def __init__(self) -> None:
        self.asked: list[Seen] = []
        self.unknown: list[str] = []
        self._served: list[Answers] = []
        self._secrets: list[str] = []
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment per answer

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                service.exchange(self, self.rfile.read(length))

            def log_message(self, *_: Any) -> None:
                return

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def prepare(self, endpoints: Sequence[Endpoint], span: timedelta, secrets: Sequence[str]) -> list[str]:
        """Plan the answers; gives the names of endpoints whose pages could not be planned."""
        self._secrets = [secret for secret in secrets if len(secret) > 5]
        self._served = [Answers(endpoint, span) for endpoint in endpoints]
        self.refuse(None)
        self.forget()
        return [one.endpoint.name for one in self._served if not one.paging.found]

    @property
    def told(self) -> bool:
        """Whether the stream's own requests tell the window they are for."""
        return any(one.windows.any for one in self._served if one.endpoint.own)

    def refuse(self, fault: Fault | None) -> None:
        """From now on, until something else is served."""
        self._fault = fault

    def forget(self) -> None:
        """Start again: no requests, no tokens issued."""
        self.asked, self.unknown = [], []
        for served in self._served:
            served.forget()

    def exchange(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        origin = handler.headers.get(ORIGIN, "")
        headers = [(name, value) for name, value in handler.headers.items() if name != ORIGIN]
        seen = Seen(handler.command, origin, handler.path, headers, body)
        with self._lock:
            self.asked.append(seen)
            status, told, raw = self._answer(seen)
        handler.send_response(status)
        for name, value in told.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)
        handler.wfile.flush()

    def _answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if len(self.asked) > MOST_REQUESTS:
            return 418, {}, b'{"error": "more requests than a comparison needs"}'
        scored = sorted(((served.endpoint.score(seen), -at) for at, served in enumerate(self._served)), reverse=True)
        if not scored or scored[0][0] < 0:
            self.unknown.append(f"{seen.method} {seen.origin}{seen.target}")
            return 404, {"Content-Type": "application/json"}, b'{"error": "no endpoint of the stream"}'
        served = self._served[-scored[0][1]]
        seen.kind, seen.name, seen.own = served.endpoint.kind, served.endpoint.name, served.endpoint.own
        if served.endpoint.kind in ("token", "login", "check"):
            data = _credential(served.endpoint)
            return 200, {"Content-Type": "application/json"}, json.dumps(data).encode()
        if served.endpoint.kind in ("job", "poll"):
            polled = sum(one.kind == "poll" for one in self.asked)
            return 200, {"Content-Type": "application/json"}, json.dumps(answer(served.endpoint, polled)).encode()
        data, headers = served.answer(seen, self._secrets)
        before = sum(one.own and one.request == seen.request for one in self.asked[:-1])
        if self._fault is not None and self._fault.hits(seen, before):
            seen.count = 0
            raw = json.dumps({"error": {"message": f"refused by {self._fault.status}"}}).encode()
            return self._fault.status, {"Content-Type": "application/json"}, raw
        kind, raw = encode(served.endpoint.decoder, data)
        return 200, {"Content-Type": kind, **headers}, raw


def _credential(endpoint: Endpoint) -> Any:
    """The same token each time: how often a reader asks must not show in all its other requests."""
    row, token = endpoint.extra, "granted-Xw9"
    if endpoint.kind == "token":
        name = templates.plain(row.get("access_token_name") or "access_token", endpoint.config, {})
        expires = templates.plain(row.get("expires_in_name") or "expires_in", endpoint.config, {})
        updater = row.get("refresh_token_updater") or {}
        found = {
            name: token,
            "token_type": "bearer",
            updater.get("refresh_token_name") or "refresh_token": f"re{token}",
        }
        form = row.get("token_expiry_date_format")
        moment = NOW + timedelta(hours=1)
        written = DatetimeParser().format(moment, form) if form and "%" in form else moment.isoformat()
        found[expires] = written if form else 3600
        return found
    body: dict[str, Any] = {}
    synthesis.put(body, row.get("session_token_path") or [row.get("session_token_response_key") or "id"], token)
    return body
