"""Conn: events in the queue of deliveries, which is drained for each endpoint, as a worker does."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.peers.fanout_course import asked, measure
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import build_event
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK
from conn_service.delivery import DeliveryStore, ResolvedEndpoint, add_deliveries, drain, parse_signing_key
from conn_service.store import open_engine

store = DeliveryStore(open_engine(StoreLocation(file=Path(asked["file"]))))
key = parse_signing_key(asked["secret"])
trust = Trust((urlsplit(asked["urls"][0]).netloc,))


def send(records: list[Any]) -> int:
    """Add each event in a transaction of its own, as deliveries arrive, and drain the endpoints."""
    for number, record in enumerate(records):
        name = str(number)
        event = build_event(
            sync="bench", account="bench", type_="ticket.updated", key=name, data=record, version=name, began=0.0
        )
        with store.engine.begin() as connection:
            add_deliveries(connection, asked["urls"], "bench", [event], MACHINE_CLOCK.now())
    delivered = 0
    with Live(trust=trust, max_redirects=0) as sender:
        for url in asked["urls"]:
            delivered += drain(store, ResolvedEndpoint(url, url, (key,)), sender, MACHINE_CLOCK).delivered
    return delivered


measure(send)
