"""backlot (PyPI): read APIs of several vendors over one corpus. Checks tokens, counts rate limits.

A wrong token is answered 401. The issue API counts 5,000 requests an hour for each token and then answers
403 with `x-ratelimit-remaining: 0`. Contacts cannot be written there.
"""

import hashlib
import http.client
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from processes import cache, corpus
from processes.process import free_port, running

__all__ = ["Backlot", "backlot"]

VERSION = "0.1.0"
QUIET = {"DO_NOT_TRACK": "1", "BACKLOT_TELEMETRY": "false"}  # on by default
WINDOW = 5_000


@dataclass(frozen=True, slots=True)
class Backlot:
    """A running backlot. `tokens` is a bearer token by e-mail address."""

    port: int
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def spend_requests(self, token: str) -> None:
        """Use up the token's hourly window of the issue API, over one kept connection (about 1.5 ms each)."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"authorization": f"Bearer {token}"}
        status = 0
        for _ in range(WINDOW + 1):
            link.request("HEAD", "/github/repos/acme/none", headers=headers)
            answer = link.getresponse()
            answer.read()
            status = answer.status
            if answer.getheader("x-ratelimit-remaining") == "0":
                break
        link.close()
        assert answer.getheader("x-ratelimit-remaining") == "0", f"the window is not spent: {status}"


@contextmanager
def backlot(folder: Path) -> Iterator[Backlot]:
    """Install, import the corpus (both cached), serve a copy of the data until the block is left."""
    program = cache.venv("backlot", VERSION) / "backlot"
    recipe = hashlib.sha256(Path(corpus.__file__).read_bytes()).hexdigest()[:12]
    with cache.installed(f"backlot-{VERSION}-data-{recipe}") as (made, complete):
        if not complete:
            corpus.write(made / "corpus.jsonl")
            setting = ["env", f"BACKLOT_DATA_DIR={made}", *(f"{k}={v}" for k, v in QUIET.items())]
            cache.execute([*setting, program, "import", made / "corpus.jsonl"], made)
    data = folder / "data"
    shutil.copytree(made, data)
    port = free_port()
    command: list[str | Path] = [program, "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running(
        "backlot",
        [*command, "--disable-telemetry", "--log-level", "warning"],
        url=f"http://127.0.0.1:{port}/health",
        log=folder / "backlot.log",
        folder=folder,
        environ={**QUIET, "BACKLOT_DATA_DIR": str(data)},
        ready=lambda answer: answer.status_code == 200,
    ):
        users = httpx.get(f"http://127.0.0.1:{port}/_meta/users", trust_env=False).raise_for_status().json()["users"]
        yield Backlot(port, {user["email"]: user["token"] for user in users})
