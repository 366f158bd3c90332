"""Deliveries of vendors: stored before the reply, expanded into events later. This is the public interface."""

from conn_service.inbox.arrivals import ArrivalWriter
from conn_service.inbox.current_receiver import CurrentReceiver
from conn_service.inbox.expansion import InboxExpander, InboxOutcome
from conn_service.inbox.queue import InboxQueue
from conn_service.inbox.store import InboxRetention, InboxRow, InboxStatus, InboxStore
from conn_service.inbox.worker_part import InboxWork

__all__ = [
    "ArrivalWriter",
    "CurrentReceiver",
    "InboxExpander",
    "InboxOutcome",
    "InboxQueue",
    "InboxRetention",
    "InboxRow",
    "InboxStatus",
    "InboxStore",
    "InboxWork",
]
