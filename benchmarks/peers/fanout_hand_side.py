"""The sender that a programmer writes by hand: `standardwebhooks`, `httpx`, and two tables of SQLite.

It keeps the order, and after a crash it continues; it has no retries, egress checks, states or limits.
"""

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from benchmarks.peers.fanout_course import asked, measure

MARK_EVERY = 10
webhook = Webhook(asked["secret"])
database = sqlite3.connect(asked["file"])
for statement in (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "CREATE TABLE event (id TEXT PRIMARY KEY, body TEXT)",
    "CREATE TABLE delivery (number INTEGER PRIMARY KEY, url TEXT, event TEXT, done INTEGER DEFAULT 0)",
    "CREATE INDEX due ON delivery (url, done, number)",
):
    database.execute(statement)


def send(records: list[Any]) -> int:
    for number, record in enumerate(records):
        now = datetime.now(UTC).isoformat()
        body = {"type": "ticket.updated", "timestamp": now, "account": "bench", "data": record}
        with database:
            database.execute("INSERT INTO event VALUES (?, ?)", (f"evt_{number}", json.dumps(body)))
            rows = [(url, f"evt_{number}") for url in asked["urls"]]
            database.executemany("INSERT INTO delivery (url, event) VALUES (?, ?)", rows)
    with httpx.Client(timeout=15) as client:
        return sum(deliver(client, url) for url in asked["urls"])


def deliver(client: httpx.Client, url: str) -> int:
    """Send what waits for an endpoint, and mark every ten events."""
    delivered = 0
    query = (
        "SELECT number, event.id, body FROM delivery JOIN event ON event.id = delivery.event "
        "WHERE url = ? AND done = 0 ORDER BY number LIMIT ?"
    )
    while rows := database.execute(query, (url, MARK_EVERY)).fetchall():
        done = []
        for number, name, body in rows:
            moment = datetime.now(UTC)
            headers = {
                "content-type": "application/json",
                "webhook-id": name,
                "webhook-timestamp": str(int(moment.timestamp())),
                "webhook-signature": webhook.sign(name, moment, body),
            }
            client.post(url, content=body.encode(), headers=headers).raise_for_status()
            done.append((number,))
        with database:
            database.executemany("UPDATE delivery SET done = 1 WHERE number = ?", done)
        delivered += len(done)
    return delivered


measure(send)
