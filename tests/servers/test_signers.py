"""The vendors' own libraries sign, and the engine proves; the engine signs what it hands on, and libraries prove it."""

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import launching
import pytest
from postbox import Postbox, schemes, vendors
from processes import cache

from conn_engine.runtime.webhooks import Event, build_delivery, signing_key
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

HERE = Path(__file__).parent / "signers"
SECRETS = {
    "stripe": "whsec_of words, é",
    "slack": "8f742231b10e8888abcd99yyyzzz85a5",
    "standard_webhooks": "whsec_" + base64.b64encode(bytes(range(200, 232))).decode(),
    "svix": "whsec_" + base64.b64encode(bytes(range(24))).decode(),
    "twilio": "token of twilio",
    "discord": "the signer reports the public key",
}
BODIES = {
    "json": json.dumps({"type": "a", "id": "1", "text": "Grüße \u2028 & <co>"}, ensure_ascii=False),
    "lines": '{\r\n  "type": "a" ,\n\t"id": 1.0 }\n',
    "no json": "null byte \0, é, 🌍",
    "empty": "",
    "long": json.dumps({"type": "a", "text": "x" * 300_000}),
}
FORMS: dict[str, dict[str, list[str]]] = {
    "form": {"From": ["+15550002222"], "Body": ["Grüße & 1 + 1 = 2"], "Empty": [""]},
    "repeated": {"b": ["2", "1", "2"], "a": ["ä"], "Z": ["z"]},
}


def by_sdk(*tasks: dict[str, Any]) -> list[Any]:
    """What the libraries do with these tasks, in one process."""
    python = cache.requirements("signers", HERE / "requirements.txt") / "python"
    done = launching.run(
        [python, HERE / "worker.py"], input=json.dumps(tasks), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: list[Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def signed() -> dict[tuple[str, str], tuple[Delivery, dict[str, str]]]:
    """By library and body: the delivery that it signs now, and what the account stores."""
    cases: list[tuple[str, str, dict[str, Any]]] = []
    for sdk, secret in SECRETS.items():
        for name in FORMS if sdk == "twilio" else BODIES:
            url = f"https://hooks.example.com/in/{sdk}?a=b%20c"
            fields = FORMS.get(name, {})
            body = urlencode(fields, doseq=True) if sdk == "twilio" else BODIES[name]
            task = {"do": "sign", "sdk": sdk, "secret": secret, "now": int(time.time()), "body": body}
            cases.append((sdk, name, {**task, "url": url, "fields": fields, "private": "07" * 32}))
    made: dict[tuple[str, str], tuple[Delivery, dict[str, str]]] = {}
    for (sdk, name, task), headers in zip(cases, by_sdk(*(task for _, _, task in cases)), strict=True):
        stored = {"webhook_secret": task["secret"]}
        if "public" in headers:
            stored = {"public_key": headers.pop("public")}
        kind = "application/x-www-form-urlencoded" if sdk == "twilio" else "application/json"
        pairs = [("Content-Type", kind), *((key.title(), value) for key, value in headers.items())]
        made[sdk, name] = Delivery("POST", task["url"], Headers(pairs), task["body"].encode()), stored
    return made


@pytest.mark.parametrize("sdk", SECRETS)
def test_what_a_vendor_s_library_signs_is_verified(
    sdk: str, signed: dict[tuple[str, str], tuple[Delivery, dict[str, str]]], tmp_path: Path
) -> None:
    told = schemes(sdk)[sdk]
    told.pop("events")  # the vendor does not send some of these bodies
    library = vendors(tmp_path / "inbox", {sdk: told})
    box = Postbox().opened(library)
    for (signer, name), (delivery, stored) in signed.items():
        if signer != sdk:
            continue
        library.knows(sdk, **stored)
        receipt = box.take(delivery, sdk)
        assert (receipt.reply.status, receipt.refusal, receipt.error) == (200, None, None), name
        forged = Delivery(delivery.method, delivery.url, delivery.headers, delivery.body + b"&a=b")
        assert box.take(forged, sdk).reply.status == 401, name


@pytest.mark.parametrize("sdk", ["standardwebhooks", "svix"])
def test_what_is_handed_on_is_verified_by_others(sdk: str) -> None:
    secret = SECRETS["standard_webhooks"]
    tasks: list[dict[str, Any]] = []
    for data in (None, {"name": "Grüße \u2028 & <co> 🌍", "at": None}, [1.5, "x" * 100_000], "\ud800"):
        event = Event("evt_1", "crm.contact.updated", "acme", "demo", "2026-01-02T03:04:05.678Z", data, {"type": "a"})
        request = build_delivery(event, "https://app.example.com/events", signing_key(secret), time.time())
        assert request.body is not None
        task: dict[str, Any] = {"do": "judge", "sdk": sdk, "secret": secret, "body": request.body.decode()}
        headers = dict(request.headers.pairs)
        tasks += [
            {**task, "headers": headers},
            {**task, "headers": headers, "body": task["body"].replace("crm", "CRM")},
        ]
        tasks.append({**task, "headers": {**headers, "webhook-id": "evt_2"}})
        tasks.append({**task, "headers": headers, "secret": SECRETS["svix"]})
    assert by_sdk(*tasks) == [True, False, False, False] * 4
