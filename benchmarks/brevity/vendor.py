"""The eight APIs on one local server, in threads. It rejects requests without the credential, and unexpected ones."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["CREDENTIALS", "EXPECTED", "NEW", "serve"]

CREDENTIALS = {"api_key": "k-1", "token": "t-1", "username": "ada", "password": "pw"}
PAGE = 100


def _person(number: int) -> dict[str, str]:
    at = f"2026-01-{1 + number // 24:02}T{number % 24:02}:00:00Z"
    return {"id": f"p{number}", "name": f"Person {number}", "updated_at": at}


PEOPLE = [_person(number) for number in range(250)]
ADDED = _person(250)
NEW = {"name": "Person 250"}
"""The body of the request that creates the person who has changed when a run starts where the last one stopped."""
PROJECTS = [{"id": f"j{number}", "name": f"Project {number}"} for number in range(150)]
TASKS = {
    project["id"]: [{"id": f"{project['id']}-t{number}", "name": f"Task {number}"} for number in range(size)]
    for project, size in zip(PROJECTS, [120, 0, 1] * 50, strict=True)
}
EXPECTED = {
    "people": [person["id"] for person in PEOPLE],
    "projects": [project["id"] for project in PROJECTS],
    "tasks": [task["id"] for project in PROJECTS for task in TASKS[project["id"]]],
    "changed": [ADDED["id"]],
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the path below the API's address, its query and its JSON body."""

    method: str
    base: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def _page_numbers(asked: Asked) -> Reply:
    size = min(int(asked.query.get("per_page", 20)), PAGE)
    start = (int(asked.query.get("page", 1)) - 1) * size
    return Reply({"data": PEOPLE[start : start + size]})


def _cursor(asked: Asked) -> Reply:
    records, following = _cut(PEOPLE, asked.query.get("cursor"))
    return Reply({"data": records, "meta": {"next_cursor": following}})


def _offset(asked: Asked) -> Reply:
    start = int(asked.query.get("offset", 0))
    return Reply(PEOPLE[start : start + min(int(asked.query.get("limit", 20)), PAGE)])


def _link_header(asked: Asked) -> Reply:
    records, following = _cut(PEOPLE, asked.query.get("after"))
    link = {"Link": f'<{asked.base}/people?after={following}>; rel="next"'} if following else {}
    return Reply(records, headers=link)


def _next_url(asked: Asked) -> Reply:
    records, following = _cut(PEOPLE, asked.query.get("after"))
    return Reply({"results": records, "next": f"{asked.base}/people?after={following}" if following else None})


def _post_search(asked: Asked) -> Reply:
    if asked.method != "POST" or asked.body.get("status") != "active":
        return Reply({"error": "status is required"}, 400)
    records, following = _cut(PEOPLE, asked.body.get("cursor"))
    return Reply({"results": records, "next_cursor": following})


def _children(asked: Asked) -> Reply:
    parts = asked.path.split("/")
    records, following = _cut(PROJECTS if len(parts) == 2 else TASKS[parts[2]], asked.query.get("cursor"))
    return Reply({"data": records, "next_cursor": following})


def _changes(asked: Asked) -> Reply:
    if asked.method == "POST":
        return Reply(ADDED, 201) if asked.body == NEW else Reply({"error": "unexpected body"}, 400)
    if asked.path != "/people":
        return Reply(next(person for person in PEOPLE if asked.path == f"/people/{person['id']}"))
    since = asked.query.get("updated_since", "")
    is_later_run = since.startswith(PEOPLE[-1]["updated_at"][:16])
    records, following = _cut([ADDED] if is_later_run else PEOPLE, asked.query.get("cursor"))
    return Reply({"data": records, "next_cursor": following})


def _cut(records: list[dict[str, str]], cursor: str | None) -> tuple[list[dict[str, str]], str | None]:
    end = int(cursor or 0) + PAGE
    return records[int(cursor or 0) : end], str(end) if end < len(records) else None


_BEARER = ("Authorization", f"Bearer {CREDENTIALS['token']}")
_PAIR = f"{CREDENTIALS['username']}:{CREDENTIALS['password']}"
_BASIC = ("Authorization", f"Basic {base64.b64encode(_PAIR.encode()).decode()}")
_ROUTES: dict[str, tuple[Callable[[Asked], Reply], tuple[str, str]]] = {
    "page_numbers": (_page_numbers, ("X-Api-Key", CREDENTIALS["api_key"])),
    "cursor": (_cursor, _BEARER),
    "offset": (_offset, _BASIC),
    "link_header": (_link_header, _BEARER),
    "next_url": (_next_url, _BEARER),
    "post_search": (_post_search, _BEARER),
    "children": (_children, _BEARER),
    "changes": (_changes, _BEARER),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *args: Any) -> None:
        pass

    def _answer(self, body: Any) -> None:
        parts = urlsplit(self.path)
        _, folder, rest = parts.path.split("/", 2)
        answer, (name, value) = _ROUTES[folder]
        base = f"http://{self.headers['Host']}/{folder}"
        asked = Asked(self.command, base, f"/{rest}", dict(parse_qsl(parts.query)), body)
        reply = answer(asked) if self.headers[name] == value else Reply({"error": "unauthorized"}, 401)
        content = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for header in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **reply.headers,
        }.items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serve() -> Iterator[str]:
    """The address of the running server; an API is below it by its folder's name."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
