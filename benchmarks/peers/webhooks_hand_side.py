"""The library a programmer takes for it, and the mapping in Python: verify, look at the type, map the record."""

from typing import Any

from standardwebhooks import Webhook

from benchmarks.by_hand import github_ticket
from benchmarks.peers.webhooks_course import Arrived, asked, measure

ACTIONS = {"opened": "created", "edited": "updated"}
webhook = Webhook(asked["secret"])
context = asked["context"]
address = f"{context['owner']}/{context['repo']}".lower()


def event(arrived: Arrived) -> tuple[str, Any]:
    headers, content = arrived
    body = webhook.verify(content, headers)
    if headers["x-github-event"] != "issues" or body["repository"]["full_name"].lower() != address:
        raise ValueError("another event")
    return f"ticketing.ticket.{ACTIONS[body['action']]}", github_ticket(body["issue"], context)


measure(event)
