"""Kinto (PyPI): a store of JSON records over HTTP, in memory here. Basic credentials; a whole next URL in the
header `Next-Page`; create, PATCH, delete.

Buckets are made by the fixture's own user; every test takes a collection of its own.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from processes import cache
from processes.process import free_port, running

__all__ = ["Kinto", "kinto"]

VERSION = "26.5.0"
USER, PASSWORD = "admin", "s3cr3t:+/%ü"
BATCH = 500
SETTINGS = """\
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 8
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.includes = kinto.plugins.accounts
kinto.userid_hmac_secret = conn
multiauth.policies = account
multiauth.policy.account.use = kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
kinto.account_validation = false
kinto.paginate_by = 1000
kinto.batch_max_requests = 500
"""


@dataclass(slots=True)
class Kinto:
    """A running Kinto with the bucket `crm`."""

    port: int
    user: str = USER
    password: str = PASSWORD
    names: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def auth(self) -> httpx.BasicAuth:
        """The user's Basic credential, UTF-8."""
        return httpx.BasicAuth(self.user.encode(), self.password.encode())

    def call(self, method: str, path: str, data: object = None) -> httpx.Response:
        """One call past the engine, for preparing and for looking afterwards."""
        answer = httpx.request(method, f"{self.url}/v1{path}", json=data, auth=self.auth, trust_env=False, timeout=60)
        return answer.raise_for_status()

    def collection(self, records: int = 0) -> str:
        """Make a collection of numbered contacts in the bucket; returns its name."""
        name = f"contacts{next(self.names)}"
        self.call("PUT", f"/buckets/crm/collections/{name}", {})
        path = f"/v1/buckets/crm/collections/{name}/records"
        bodies = [
            {"data": {"first": f"First{n}", "last": f"Last{n}", "email": f"u{n}@example.com", "n": n}}
            for n in range(records)
        ]
        for start in range(0, records, BATCH):
            requests = [{"body": body} for body in bodies[start : start + BATCH]]
            self.call("POST", "/batch", {"defaults": {"method": "POST", "path": path}, "requests": requests})
        return name

    def records(self, collection: str) -> list[dict[str, object]]:
        """What the collection holds now (up to one page of 1,000)."""
        found: list[dict[str, object]] = self.call("GET", f"/buckets/crm/collections/{collection}/records").json()[
            "data"
        ]
        return found


@contextmanager
def kinto(folder: Path) -> Iterator[Kinto]:
    """Install (cached), serve from `folder`, make the user and the bucket; ends with the block."""
    program = cache.venv("kinto", VERSION) / "kinto"
    port = free_port()
    settings = folder / "kinto.ini"
    settings.write_text(SETTINGS.format(port=port), encoding="utf-8")
    with running(
        "kinto",
        [program, "start", "--ini", settings, "--port", str(port)],
        url=f"http://127.0.0.1:{port}/v1/",
        log=folder / "kinto.log",
        folder=folder,
        ready=lambda answer: answer.status_code == 200,
    ):
        server = Kinto(port)
        account = {"data": {"password": PASSWORD}}
        httpx.put(f"{server.url}/v1/accounts/{USER}", json=account, trust_env=False, timeout=60).raise_for_status()
        server.call("PUT", "/buckets/crm", {})
        yield server
