"""The receiver of webhooks that a programmer writes by hand: Starlette, `standardwebhooks`, an insert into SQLite.

`python -m benchmarks.peers.ingress_hand_side SECRET FILE` prints its port and serves until its standard input ends.
"""

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers.service_hand_serving import run

webhook = Webhook(sys.argv[1])
pool = ThreadPoolExecutor(1)  # SQLite writes one at a time


def connect() -> sqlite3.Connection:
    opened = sqlite3.connect(sys.argv[2], isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE delivery (number INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB)",
    ):
        opened.execute(statement)
    return opened


database = pool.submit(connect).result()


def store(name: str, body: bytes) -> None:
    database.execute("INSERT OR IGNORE INTO delivery (id, body) VALUES (?, ?)", (name, body))


async def receive(request: Request) -> Response:
    body = await request.body()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError:
        return Response(status_code=401)
    await asyncio.get_running_loop().run_in_executor(pool, store, request.headers["webhook-id"], body)
    return Response()


if __name__ == "__main__":
    run(Starlette(routes=[Route("/webhooks/github/bench", receive, methods=["POST"])]))
