"""emulate (npm, on the Node.js that npm brings): several vendors' APIs with writes and their OAuth.

It accepts any bearer token where it does not say otherwise: what it proves is that flows and writes fit, never that
the right token was sent. Its pages of consent are walked here by plain HTTP, as a browser would.
"""

import html
import random
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from processes import cache
from processes.process import ServerFailed, running

__all__ = ["CALLBACK", "SENDERS", "Emulate", "emulate"]

VERSION = "0.12.2"
NODE = "node@24"
SEED = Path(__file__).with_name("emulate.yaml")
CALLBACK = "http://127.0.0.1:9099/callback"
SERVICES = ("github", "stripe", "slack", "linear", "google", "microsoft", "okta")
SENDERS = ("github", "stripe", "slack", "linear", "twilio")
"""The services that send deliveries."""
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Emulate:
    """A running emulate: each service has a port of its own, from `first` on."""

    first: int
    services: tuple[str, ...] = SERVICES

    def port(self, service: str) -> int:
        """The port of one service."""
        return self.first + self.services.index(service)

    def url(self, service: str) -> str:
        """The origin of one service."""
        return f"http://127.0.0.1:{self.port(service)}"

    def consent(self, url: str) -> str:
        """Open an authorization URL and choose the first person; returns where the browser ends, not opened."""
        with httpx.Client(trust_env=False, timeout=60) as browser:
            page = browser.get(url)
            form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.DOTALL)
            assert page.status_code == 200 and form, f"no page of consent: {page.status_code} {page.text[-600:]}"
            fields = {html.unescape(name): html.unescape(value) for name, value in HIDDEN.findall(form[2])}
            answer = browser.post(urljoin(url, html.unescape(form[1])), data=fields)
        assert answer.status_code == 302, f"{answer.status_code} {answer.text[:300]}"
        return str(answer.headers["location"])


def free_ports(count: int) -> int:
    """The first of N consecutive TCP ports that nothing listens on right now, on 127.0.0.1."""
    for _ in range(200):
        first = random.randrange(20_000, 32_000)
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise ServerFailed(f"{count} free ports in a row were not found on 127.0.0.1.")


@contextmanager
def emulate(folder: Path, services: tuple[str, ...] = SERVICES, seed: str = "") -> Iterator[Emulate]:
    """Install (cached), serve until the block is left. `seed` is what it begins with, YAML; default: emulate.yaml."""
    modules = cache.node_modules("emulate", VERSION, NODE)
    told = folder / "seed.yaml"
    told.write_text(seed or SEED.read_text(encoding="utf-8").replace("@callback@", CALLBACK), encoding="utf-8")
    first = free_ports(len(services))
    command: list[str | Path] = [modules / ".bin/node", modules / "emulate/dist/index.js", "start", "--seed", told]
    with running(
        "emulate",
        [*command, "--host", "127.0.0.1", "--port", str(first), "--service", ",".join(services)],
        url=f"http://127.0.0.1:{first + len(services) - 1}/oauth2/default/.well-known/openid-configuration",
        log=folder / "emulate.log",
        folder=folder,
        seconds=120,
        ready=lambda answer: answer.status_code == 200 or (services != SERVICES and answer.status_code < 500),
    ):
        yield Emulate(first, services)
