"""Deliveries that vendors' stand-ins really send: each proved in its own way, and refused when anything of it was
changed on its way."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from library import Library
from postbox import SECRET, Came, Postbox, schemes, vendors
from processes.emulate import Emulate
from processes.workspace import workspace

ACCOUNT_SID = "AC00000000000000000000000000000000"
Sending = Callable[[Emulate], None]


@pytest.fixture
def box(tmp_path: Path, deliveries: Postbox) -> Postbox:
    """The postbox, for an account of each vendor."""
    return deliveries.opened(vendors(tmp_path / "inbox", schemes("stripe", "linear", "twilio")))


def asked(server: Emulate, service: str, path: str, **told: Any) -> Any:
    """One call past the engine, by which something happens there."""
    headers = {"authorization": "Bearer conn_admin_token"} if "auth" not in told else {}
    answer = httpx.post(server.url(service) + path, headers=headers, trust_env=False, timeout=60, **told)
    return answer.raise_for_status().json()


def customer(server: Emulate) -> None:
    asked(server, "stripe", "/v1/customers", data={"email": "ada@example.com", "name": "Grüße & <co>"})


def issue(server: Emulate) -> None:
    teams = asked(server, "linear", "/graphql", json={"query": "{ teams { nodes { id } } }"})["data"]["teams"]["nodes"]
    query = "mutation($input: IssueCreateInput!) { issueCreate(input: $input) { success } }"
    variables = {"input": {"teamId": teams[0]["id"], "title": "Grüße \u2028 & <co>"}}
    asked(server, "linear", "/graphql", json={"query": query, "variables": variables})


def message(server: Emulate) -> None:
    said = {"To": "+15550001111", "From": "+15550002222", "Body": "Grüße & 1 + 1 = 2"}
    asked(server, "twilio", "/_twilio/simulate/inbound-message", data=said, auth=(ACCOUNT_SID, SECRET))


def changed(came: Came, header: str) -> dict[str, dict[str, Any]]:
    """How somebody on its way could change a delivery."""
    body, signature = came.delivery.body, came.delivery.headers[header]
    return {
        "one letter": {"body": body.replace(b"e", b"E", 1)},
        "one space": {"body": body + b" "},
        "no body": {"body": b""},
        "no signature": {"headers": {header: None}},
        "half a signature": {"headers": {header: signature[: len(signature) // 2]}},
        "another signature": {"headers": {header: signature[:-6] + signature[-6:].swapcase()[::-1]}},
    }


VENDORS: dict[str, tuple[Sending, str, str]] = {
    "stripe": (customer, "stripe-signature", "stripe:customer.created"),
    "linear": (issue, "linear-signature", "linear:Issue.create"),
    "twilio": (message, "x-twilio-signature", "twilio:message"),
}


@pytest.mark.parametrize("account", VENDORS)
def test_a_delivery_is_verified_and_a_changed_one_is_not(box: Postbox, senders: Emulate, account: str) -> None:
    sent, header, kind = VENDORS[account]
    sent(senders)
    came = box.next(account)
    assert (came.receipt.reply.status, came.receipt.refusal, came.types) == (200, None, [kind])
    for what, change in changed(came, header).items():
        refused = box.again(came, **change)
        assert (refused.reply.status, refused.verified_by, refused.events) == (401, "", ()), what
    (event,) = box.again(came).events
    assert event == came.receipt.events[0], "the same delivery again is the same event"


def test_a_delivery_is_of_its_account_s_secret_alone(tmp_path: Path, deliveries: Postbox, senders: Emulate) -> None:
    """And a secret that is being changed counts before and after."""
    rotated = schemes("stripe")["stripe"]
    rotated["verify"]["config"]["key"] = ["{{next_secret}}", "{{webhook_secret}}"]
    library = vendors(tmp_path / "inbox", {"stripe": rotated}, "quite another secret")
    box = deliveries.opened(library)
    customer(senders)
    came = box.next("stripe")
    assert came.receipt.reply.status == 401
    library.knows("stripe", webhook_secret="quite another secret", next_secret=SECRET)
    assert box.again(came).verified_by == "hmac"


def test_a_delivery_of_an_hour_ago_is_refused(box: Postbox, senders: Emulate) -> None:
    customer(senders)
    came = box.next("stripe")
    receiver = box.receiver
    assert receiver is not None

    class Later:
        def now(self) -> float:
            return time.time() + 3600

        def sleep(self, seconds: float) -> None:
            raise AssertionError(seconds)

    receiver.clock = Later()
    late = box.again(came)
    assert late.reply.status == 401 and late.refusal is not None
    assert "ago; 300 s are allowed" in late.refusal.message


def test_a_form_s_fields_in_another_order_are_the_same_text(box: Postbox, senders: Emulate) -> None:
    """What is signed is the sorted form and the address that was called."""
    message(senders)
    came = box.next("twilio")
    fields = came.delivery.body.split(b"&")
    assert box.again(came, body=b"&".join(reversed(fields))).verified_by
    assert box.again(came, url=came.delivery.url + "?a=b").reply.status == 401
    assert box.again(came, url=came.delivery.url.replace("127.0.0.1", "localhost")).reply.status == 401


def test_the_catalogue_s_connector_makes_unified_events(tmp_path: Path, deliveries: Postbox, senders: Emulate) -> None:
    """GitHub's stand-in: a ping, which is answered and has no event, and issues that come and change."""
    root = workspace(tmp_path, "hooks", connectors=("github",))
    box = deliveries.opened(Library.over(root).knows("crm", token="conn_admin_token", webhook_secret=SECRET))
    hook = {"url": box.url("crm"), "secret": SECRET, "content_type": "json"}
    repository = "/repos/octocat/crm"
    made = asked(senders, "github", f"{repository}/hooks", json={"config": hook, "events": ["issues"]})
    httpx.post(
        f"{senders.url('github')}{repository}/hooks/{made['id']}/pings",
        headers={"authorization": "Bearer conn_admin_token"},
        trust_env=False,
    ).raise_for_status()
    ping = box.next("crm")
    assert (ping.receipt.reply.status, ping.receipt.challenge, ping.receipt.events) == (200, 0, ())
    assert box.again(ping, body=ping.delivery.body + b" ").reply.status == 401
    asked(senders, "github", f"{repository}/issues", json={"title": "Grüße", "body": "<b>&amp;"})
    came = box.next("crm", after=1)
    (event,) = came.receipt.events
    assert (event.type, event.account, event.data["subject"]) == ("ticketing.ticket.created", "crm", "Grüße")
    assert event.vendor["id"] == came.delivery.headers["x-github-delivery"]
    refused = box.again(came, body=came.delivery.body.replace("Grüße".encode(), b"Gruss"))
    assert (refused.reply.status, refused.events) == (401, ())
