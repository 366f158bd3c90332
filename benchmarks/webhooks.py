"""Deliveries proved and mapped, one after another, against the library that programmers take to prove them and the same
mapping by hand."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import CHECKOUT, Row, Spread, alternate, environment, ratios
from benchmarks.peers.installed import peer_python
from benchmarks.records import made
from benchmarks.workspaces import overridden

__all__ = ["SECRET", "run", "sign_delivery"]

EACH = 0.001  # processor seconds that a delivery may take: a web server takes about as long to read and answer it
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    count = 500 if quick else 2_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        records, context = made("github", "ticketing.tickets.list", count)
        # Unchanged, except that verification follows the specification that the peer's library knows.
        verify = {"format": "standard_webhooks", "config": {"key": "{{webhook_secret}}"}}
        overridden(folder, "github", context, {"webhooks": {"verify": verify}})
        rows = [sign_delivery(number, record, context) for number, record in enumerate(records)]
        (folder / "deliveries.json").write_text(json.dumps(rows), "utf-8")
        work = {"file": str(folder / "deliveries.json"), "workspace": place, "secret": SECRET, "context": context}
        size = sum(len(row["body"]) for row in rows) / count / 1024
        return _rows(json.dumps(work), count, size, quick=quick)


def sign_delivery(number: int, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Return the headers and the body of a delivery with a record."""
    repository = {"full_name": f"{context['owner']}/{context['repo']}"}
    action = "opened" if number % 2 else "edited"
    body = json.dumps({"action": action, "issue": record, "repository": repository}, separators=(",", ":"))
    name, moment = f"msg_{number}", str(int(time.time()))
    digest = hmac.digest(KEY, f"{name}.{moment}.{body}".encode(), hashlib.sha256)
    headers = {"webhook-id": name, "webhook-timestamp": moment}
    headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    about = {"content-type": "application/json", "x-github-event": "issues", "x-github-delivery": name}
    return {"headers": {**headers, **about}, "body": body}


def _rows(work: str, count: int, size: float, *, quick: bool) -> list[Row]:
    said: dict[str, list[Any]] = {"conn": [], "hand": []}
    pythons = {"conn": sys.executable, "hand": peer_python("standardwebhooks")}

    def receive(side: str) -> float:
        variables = environment(PYTHONPATH=str(CHECKOUT)) if side == "hand" else environment()
        command = [pythons[side], "-m", f"benchmarks.peers.webhooks_{side}_side"]
        done = subprocess.run(command, input=work, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{side} failed:\n{done.stderr[-3000:]}")
        said[side].append(json.loads(done.stdout.splitlines()[-1]))
        return float(said[side][-1]["cpu"])

    values = alternate({side: partial(receive, side) for side in said}, 3 if quick else 9)
    if len({answer["digest"] for answers in said.values() for answer in answers}) != 1:
        raise RuntimeError("the sides made different events of the same deliveries")
    rates = {side: count / Spread.of(seconds).median for side, seconds in values.items()}
    measured = f"github ticketing.tickets, deliveries of {size:.1f} KiB"
    figures = f"{rates['conn']:,.0f} / {rates['hand']:,.0f} deliveries a CPU second"
    by_hand = ratios(values["conn"], values["hand"])
    alone = Spread.of([seconds / count / EACH for seconds in values["conn"]])
    return [
        Row("webhooks", measured, "standardwebhooks, mapped by hand", by_hand, None, figures),
        Row("webhooks", measured, "1 ms each", alone, 1.0, f"{1000 / rates['conn']:.2f} ms CPU each"),
    ]
