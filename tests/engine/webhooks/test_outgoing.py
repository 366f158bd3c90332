"""Events for an application are verified with the Standard Webhooks library."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from conn_engine.errors import UsageError
from conn_engine.runtime.webhooks import Event, build_delivery, signing_key

URL = "https://app.example.com/events"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TEXT = st.text(max_size=20)


def event(**more):
    told = {
        "id": "evt_1",
        "type": "crm.contact.updated",
        "account": "me",
        "connector": "vendor",
        "occurred_at": None,
        "data": {},
    }
    return Event(**{**told, **more})


@given(
    data=st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=5),
    kind=TEXT,
    key=st.binary(min_size=24, max_size=64),
)
def test_the_library_verifies_what_is_sent(data, kind, key):
    secret = "whsec_" + base64.b64encode(key).decode()
    made = build_delivery(event(data=data, type=kind), URL, signing_key(secret), time.time())
    read = Webhook(secret).verify(made.body, made.headers.plain())
    assert (read["id"], read["type"], read["data"]) == ("evt_1", kind, data)
    assert (made.method, made.url, made.idempotent) == ("POST", URL, True)
    assert made.headers["content-type"] == "application/json"


def test_the_library_refuses_what_was_changed():
    made = build_delivery(event(), URL, signing_key(SECRET), time.time())
    for body, headers in (
        (made.body + b" ", {}),
        (made.body, {"webhook-id": "evt_2"}),
        (made.body, {"webhook-timestamp": str(int(time.time()) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, {**made.headers.plain(), **headers})
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(bytes(32)).decode()).verify(made.body, made.headers.plain())


def test_it_contains_the_complete_event():
    told = event(
        occurred_at="2025-10-09T08:53:20.000Z", data={"name": "Zoë"}, vendor={"type": "x"}, remote_data={"n": 1}
    )
    made = build_delivery(told, URL, signing_key(SECRET), 1760000000.9)
    assert json.loads(made.body) == {**told.plain(), "timestamp": "2025-10-09T08:53:20.000Z"}
    assert made.headers["webhook-id"] == "evt_1"
    assert made.headers["webhook-timestamp"] == "1760000000"


def test_what_is_half_a_character_is_sent_all_the_same():
    made = build_delivery(event(data={"name": "\ud800"}), URL, signing_key(SECRET), time.time())
    assert Webhook(SECRET).verify(made.body, made.headers.plain())["data"] == {"name": "?"}


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), f" {SECRET}\n"])
def test_a_secret_is_read_with_and_without_its_prefix(secret):
    assert signing_key(secret) == bytes(range(32))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_" + base64.b64encode(b"short").decode(), "not base64!", "ä" * 40, SECRET + "!"]
)
def test_what_is_no_secret_is_refused_and_not_repeated(secret):
    with pytest.raises(UsageError) as caught:
        signing_key(secret)
    told = secret.removeprefix("whsec_")
    assert not told or told not in f"{caught.value.message} {caught.value.hint}"
