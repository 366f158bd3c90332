"""moto (PyPI): AWS's APIs, with every SigV4 signature and every policy really checked.

Records are DynamoDB items (POST body, an object as cursor) and S3 keys (XML, a token); there is a user who may do
everything and one who may only read.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import cache
from processes.process import free_port, running

__all__ = ["ITEMS", "KEYS", "Moto", "moto"]

VERSION = "5.2.5"
ITEMS, KEYS = 60, 25
SEED = Path(__file__).with_name("moto_seed.py")


@dataclass(frozen=True, slots=True)
class Moto:
    """A running moto with the table `contacts` and the bucket `crm`. `users`: {key, secret} of `full`, `reader`."""

    port: int
    users: dict[str, dict[str, str]]

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def moto(folder: Path) -> Iterator[Moto]:
    """Install (cached), serve, fill and begin to check, until the block is left."""
    # Not its extra `server`: that brings what every service needs, in three times the space.
    programs = cache.venv("moto", VERSION, "flask>=3", "flask-cors>=5", extras="s3,dynamodb")
    port = free_port()
    with running(
        "moto",
        [programs / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        url=f"http://127.0.0.1:{port}/moto-api/",
        log=folder / "moto.log",
        folder=folder,
        environ={"INITIAL_NO_AUTH_ACTION_COUNT": "1000000000"},  # until the seed says otherwise
        seconds=180,
        ready=lambda answer: answer.status_code == 200,
    ):
        made = folder / "users.json"
        cache.execute([programs / "python", SEED, f"http://127.0.0.1:{port}", str(ITEMS), str(KEYS), made], folder)
        yield Moto(port, json.loads(made.read_text(encoding="utf-8")))
