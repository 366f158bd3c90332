"""Runs where the vendors' libraries are installed, not the engine: reads tasks as one JSON list from standard input and
writes what came of each as another. A task says `do`, what it is about, and the delivery."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import standardwebhooks
import stripe
import svix.webhooks
from discord_interactions import verify_key
from nacl.signing import SigningKey
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator

Task = dict[str, Any]


def by_stripe(task: Task) -> dict[str, str]:
    signed = stripe.WebhookSignature.generate_signature_header(task["body"], task["secret"], task["now"])
    return {"stripe-signature": signed}


def by_slack(task: Task) -> dict[str, str]:
    moment = str(task["now"])
    signed = SignatureVerifier(task["secret"]).generate_signature(timestamp=moment, body=task["body"])
    return {"x-slack-request-timestamp": moment, "x-slack-signature": signed or ""}


def by_standard(task: Task, name: str = "webhook", kind: Any = standardwebhooks.Webhook) -> dict[str, str]:
    moment = datetime.fromtimestamp(task["now"], UTC)
    signed = kind(task["secret"]).sign("msg_1", moment, task["body"])
    return {f"{name}-id": "msg_1", f"{name}-timestamp": str(task["now"]), f"{name}-signature": signed}


def by_svix(task: Task) -> dict[str, str]:
    return by_standard(task, "svix", svix.webhooks.Webhook)


class Form(dict[str, list[str]]):
    """A form as web frameworks hand it over: a name may have several values."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def by_twilio(task: Task) -> dict[str, str]:
    signed = RequestValidator(task["secret"]).compute_signature(task["url"], Form(task["fields"]))
    return {"x-twilio-signature": signed}


def by_discord(task: Task) -> dict[str, str]:
    """It has a judge alone: signed by the library that it judges with, and judged before it goes out."""
    key, moment = SigningKey(bytes.fromhex(task["private"])), str(task["now"])
    signed = key.sign(moment.encode() + task["body"].encode()).signature.hex()
    public = key.verify_key.encode().hex()
    assert verify_key(task["body"].encode(), signed, moment, public)
    return {"x-signature-ed25519": signed, "x-signature-timestamp": moment, "public": public}


def judged(task: Task) -> bool:
    kind = {"standardwebhooks": standardwebhooks.Webhook, "svix": svix.webhooks.Webhook}[task["sdk"]]
    try:
        kind(task["secret"]).verify(task["body"], task["headers"])
    except (standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError):
        return False
    return True


SIGNERS: dict[str, Callable[[Task], dict[str, str]]] = {
    "stripe": by_stripe,
    "slack": by_slack,
    "standard_webhooks": by_standard,
    "svix": by_svix,
    "twilio": by_twilio,
    "discord": by_discord,
}

if __name__ == "__main__":
    done = [judged(task) if task["do"] == "judge" else SIGNERS[task["sdk"]](task) for task in json.load(sys.stdin)]
    json.dump(done, sys.stdout)
