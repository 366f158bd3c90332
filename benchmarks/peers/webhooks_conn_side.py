"""Conn: a `Receiver` over a workspace, asked for an account as a web server would ask it."""

import os
from typing import Any

from benchmarks.peers.webhooks_course import Arrived, asked, measure
from conn_engine import load_workspace
from conn_engine.runtime.webhooks import Receiver
from conn_engine.secrets.vault import MemoryVault
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

vault = MemoryVault({"bench": {"token": "bench-token-of-github", "webhook_secret": asked["secret"]}})
receiver = Receiver(load_workspace(asked["workspace"]), os.environ, vault)
url = "https://hooks.example.com/in/bench"


def event(arrived: Arrived) -> tuple[str, Any]:
    headers, body = arrived
    receipt = receiver.receive(Delivery("POST", url, Headers(headers), body), account="bench")
    (made,) = receipt.events
    return made.type, made.data


measure(event)
