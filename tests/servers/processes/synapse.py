"""Matrix Synapse (PyPI) over SQLite: login for a token of 20 seconds, real limits, pages by tokens, `since`.

Limits are on messages and logins; nobody is limited when registering, so that tests take people of their own.
"""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from processes import cache
from processes.process import free_port, running

__all__ = ["LIFETIME_SECONDS", "PEOPLE", "Synapse", "synapse"]

VERSION = "1.163.2"
PEOPLE = 25
LIFETIME_SECONDS = 20
SHARED = "conn-shared"
SETTINGS: dict[str, Any] = {
    "enable_registration": True,
    "enable_registration_without_verification": True,
    "registration_shared_secret": SHARED,
    "refreshable_access_token_lifetime": f"{LIFETIME_SECONDS}s",
    "refresh_token_lifetime": "24h",
    "nonrefreshable_access_token_lifetime": "24h",
    "suppress_key_server_warning": True,
    "trusted_key_servers": [],
    "federation_domain_whitelist": [],
    "report_stats": False,
    "bcrypt_rounds": 4,
    "presence": {"enabled": False},
    "rc_message": {"per_second": 2, "burst_count": 8},
    "rc_login": {
        "address": {"per_second": 1000, "burst_count": 1000},
        "account": {"per_second": 1000, "burst_count": 1000},
        "failed_attempts": {"per_second": 0.2, "burst_count": 3},
    },
    "rc_registration": {"per_second": 1000, "burst_count": 10000},
    "rc_room_creation": {"per_second": 1000, "burst_count": 10000},
}


@dataclass(slots=True)
class Synapse:
    """A running Synapse with `admin` and 25 people (`person00` …). `admin_token` does not end."""

    port: int
    admin_token: str = ""
    password: str = "pass word:+/%é"
    names: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        """One call past the engine, for preparing and for looking afterwards; returns the answer's JSON."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = httpx.request(
            method, self.url + path, json=body, headers=headers, trust_env=False, timeout=60
        ).raise_for_status()
        return answer.json()

    def person(self, name: str = "", *, admin: bool = False) -> str:
        """Make a person; returns the name."""
        name = name or f"guest{next(self.names)}"
        path = "/_synapse/admin/v1/register"
        nonce = self.call("GET", path)["nonce"]
        said = "\0".join([nonce, name, self.password, "admin" if admin else "notadmin"])
        mac = hmac.new(SHARED.encode(), said.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": self.password, "admin": admin, "mac": mac}
        self.call("POST", path, body)
        return name

    def token(self, name: str) -> str:
        """A token of a person that does not end within a day."""
        who = {"type": "m.id.user", "user": name}
        body = {"type": "m.login.password", "identifier": who, "password": self.password}
        return str(self.call("POST", "/_matrix/client/v3/login", body)["access_token"])

    def room(self, token: str, messages: int = 0) -> str:
        """Make a room that the token's owner is in, with N state events in it; returns its id."""
        state = [{"type": "org.example.note", "state_key": str(n), "content": {"n": n}} for n in range(messages)]
        made = self.call("POST", "/_matrix/client/v3/createRoom", {"name": "r", "initial_state": state}, token)
        return str(made["room_id"])


@contextmanager
def synapse(folder: Path) -> Iterator[Synapse]:
    """Install (cached), set up, serve and fill until the block is left."""
    program = cache.venv("matrix-synapse", VERSION) / "python"
    port = free_port()
    resources = [{"names": ["client"], "compress": False}]
    listeners = [{"port": port, "type": "http", "tls": False, "bind_addresses": ["127.0.0.1"], "resources": resources}]
    settings = folder / "homeserver.json"
    secrets = {"macaroon_secret_key": "conn tests", "form_secret": "conn tests", "signing_key_path": "signing.key"}
    database = {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}}
    whole = {"server_name": "conn.test", **SETTINGS, **secrets, "listeners": listeners, "database": database}
    whole |= {"media_store_path": str(folder / "media"), "pid_file": str(folder / "synapse.pid")}
    settings.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    module = [program, "-m", "synapse.app.homeserver", "-c", settings]
    cache.execute([*module, "--generate-keys"], folder)
    with running(
        "synapse",
        module,
        url=f"http://127.0.0.1:{port}/health",
        log=folder / "synapse.log",
        folder=folder,
        seconds=180,
        ready=lambda answer: answer.status_code == 200,
        patience=20,
    ):
        server = Synapse(port)
        server.person("admin", admin=True)
        server.admin_token = server.token("admin")
        for number in range(PEOPLE):
            server.person(f"person{number:02}")
        yield server
