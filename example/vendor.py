"""A stand-in for HubSpot on this machine, for the sandbox environment: `python vendor.py`, stop it with Ctrl-C.

It has 250 invented contacts, the same ones at each start. It lists them in pages (`limit`, `after`), selects those that
were changed later than `updatedAfter`, and accepts new ones (POST), changes (PATCH) and deletions (DELETE), which it
forgets when it stops. It checks no tokens. Only the standard library is needed.
"""

import argparse
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl

PORTS = (4200, 4201)
CONTACTS = "/hubspot/crm/v3/objects/contacts"
COUNT = 250
FIRST_CHANGE = datetime(2026, 1, 5, 8, tzinfo=UTC)
FIRST_NAMES = ("Ada", "Ben", "Chidi", "Dana", "Emre", "Freya", "Goran", "Hana", "Ines", "Jonas", "Kaya")
LAST_NAMES = ("Okonkwo", "Sá e Melo", "Weber", "Lindqvist", "Haddad", "Novak", "Tanaka")
STAGES = ("lead", "opportunity", "customer")


def write_time(moment: datetime) -> str:
    """Return a time as HubSpot writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_contact(number: int) -> dict[str, Any]:
    """Return the contact with a number: always the same one."""
    first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[number % len(LAST_NAMES)]
    created = write_time(FIRST_CHANGE + timedelta(hours=number))
    changed = write_time(FIRST_CHANGE + timedelta(hours=number, minutes=7 * (number % 5)))
    return {
        "id": str(1001 + number),
        "properties": {
            "email": f"contact{number + 1}@example.com",
            "firstname": first,
            "lastname": last,
            "lifecyclestage": STAGES[number % len(STAGES)],
            "createdate": created,
            "lastmodifieddate": changed,
        },
        "createdAt": created,
        "updatedAt": changed,
        "archived": False,
    }


class StandIn(BaseHTTPRequestHandler):
    """Answers one request. All ports and threads share `contacts`."""

    protocol_version = "HTTP/1.1"
    contacts: ClassVar[dict[str, dict[str, Any]]] = {}
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        """List contacts, or return one."""
        path, query = self._read_target()
        if path == CONTACTS:
            self._answer(200, self._list(query))
        elif path.startswith(f"{CONTACTS}/") and path.rpartition("/")[2] in self.contacts:
            self._answer(200, self.contacts[path.rpartition("/")[2]])
        else:
            self._answer(404, {"status": "error", "message": f"the stand-in does not have {path}"})

    def do_PATCH(self) -> None:
        """Change properties of a contact."""
        path, _ = self._read_target()
        body = self._read_body()
        number = path.removeprefix(f"{CONTACTS}/")
        with self.lock:
            old = self.contacts.get(number)
            if old is None:
                self._answer(404, {"status": "error", "message": f"there is no contact {number}"})
                return
            now = write_time(datetime.now(UTC))
            properties = old["properties"] | body.get("properties", {}) | {"lastmodifieddate": now}
            self.contacts[number] = old | {"properties": properties, "updatedAt": now}
        self._answer(200, self.contacts[number])

    def do_POST(self) -> None:
        """Add a contact."""
        path, _ = self._read_target()
        body = self._read_body()
        if path != CONTACTS:
            self._answer(404, {"status": "error", "message": f"the stand-in does not have {path}"})
            return
        now = write_time(datetime.now(UTC))
        with self.lock:
            number = str(max(map(int, self.contacts), default=1000) + 1)
            properties = {**body.get("properties", {}), "createdate": now, "lastmodifieddate": now}
            contact = {"id": number, "properties": properties, "createdAt": now, "updatedAt": now, "archived": False}
            self.contacts[number] = contact
        self._answer(201, contact)

    def do_DELETE(self) -> None:
        """Remove a contact."""
        path, _ = self._read_target()
        with self.lock:
            old = self.contacts.pop(path.removeprefix(f"{CONTACTS}/"), None)
        if old is None:
            self._answer(404, {"status": "error", "message": f"the stand-in does not have {path}"})
            return
        self.send_response(204)
        self.end_headers()

    def _read_body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        return body

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        after = query.get("updatedAfter", "")
        found = [contact for contact in self.contacts.values() if contact["updatedAt"] > after]
        start, size = int(query.get("after", 0)), max(1, min(int(query.get("limit", 10)), 100))
        page: dict[str, Any] = {"results": found[start : start + size]}
        if start + size < len(found):
            page["paging"] = {"next": {"after": str(start + size)}}
        return page

    def _read_target(self) -> tuple[str, dict[str, str]]:
        path, _, query = self.path.partition("?")
        return path, dict(parse_qsl(query))

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json;charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing for each request."""


def start_servers(ports: tuple[int, ...] = PORTS) -> list[ThreadingHTTPServer]:
    """Serve new contacts on these ports of this machine, in threads. For port 0, a free one is taken."""
    contacts = {contact["id"]: contact for contact in map(make_contact, range(COUNT))}
    handler = type("Handler", (StandIn,), {"contacts": contacts, "lock": threading.Lock()})
    servers = [ThreadingHTTPServer(("127.0.0.1", port), handler) for port in ports]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A stand-in for HubSpot on this machine.")
    parser.add_argument("--port", type=int, help="serve on this port only (default: 4200, and 4201 for Umbrella)")
    port = parser.parse_args().port
    servers = start_servers(PORTS if port is None else (port,))
    for server in servers:
        print(f"http://127.0.0.1:{server.server_port}/hubspot", flush=True)
    print(f"{COUNT} contacts; stop with Ctrl-C", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        for server in servers:
            server.shutdown()


if __name__ == "__main__":
    main()
