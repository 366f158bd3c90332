"""Signatures of events: verified by the libraries of receivers, also while a secret is changed."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError
from conn_service.delivery import find_endpoint
from conn_service.delivery.signatures import SigningKey, parse_signing_key, sign

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(text * 8).decode()}" for text in (b"old!", b"new!", b"else"))
SEED = bytes(range(32))
PRIVATE = f"whsk_{base64.b64encode(SEED).decode()}"
BODY = b'{"type":"contact.updated"}'


def make_headers(*secrets: str) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    signature = sign([parse_signing_key(secret) for secret in secrets], "evt_1", now, BODY)
    return {"webhook-id": "evt_1", "webhook-timestamp": str(now), "webhook-signature": signature}


@pytest.mark.parametrize("secrets", [(NEW,), (NEW, OLD), (OLD, NEW), (PRIVATE, NEW)])
def test_a_receiver_with_one_of_the_secrets_accepts_it(secrets: tuple[str, ...]) -> None:
    headers = make_headers(*secrets)
    assert len(headers["webhook-signature"].split(" ")) == len(secrets)
    assert Webhook(NEW).verify(BODY, headers) == {"type": "contact.updated"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, headers)


def test_after_the_rotation_the_old_secret_is_not_enough() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, make_headers(NEW))


def test_a_private_key_signs_for_its_public_key() -> None:
    key = parse_signing_key(PRIVATE)
    headers = make_headers(PRIVATE, OLD)
    first, second = headers["webhook-signature"].split(" ")
    version, _, signature = first.partition(",")
    assert (version, second[:3]) == ("v1a", "v1,")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public_key.removeprefix("whpk_"), validate=True))
    content = f"evt_1.{headers['webhook-timestamp']}.".encode() + BODY
    public.verify(base64.b64decode(signature), content)  # raises if it is not
    assert public == Ed25519PrivateKey.from_private_bytes(SEED).public_key()
    assert parse_signing_key(OLD).public_key == ""


def test_a_private_key_may_be_followed_by_its_public_key() -> None:
    long = base64.b64encode(SEED + Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw())
    assert parse_signing_key(f"whsk_{long.decode()}") == parse_signing_key(PRIVATE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whsec_n0t.base64", "not base64 after whsec_"),
        ("whsk_%%%", "not base64 after whsk_"),
        ("whsk_c2hvcnQ=", "not a private key of Ed25519"),
        (f"whpk_{base64.b64encode(SEED).decode()}", "a public key"),
    ],
)
def test_what_is_not_a_key_is_an_error_without_the_text(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        parse_signing_key(text)
    assert text[6:] not in f"{raised.value.message}{raised.value.hint}"


@pytest.mark.parametrize("text", ["", " ", "whsec_", "whsk_", "whsec_ "])
def test_an_empty_secret_signs_nothing(text: str) -> None:
    """Everybody knows the empty key, also who wants to forge an event."""
    with pytest.raises(ConfigurationError, match="the secret is empty"):
        parse_signing_key(text)


def test_a_key_is_not_shown() -> None:
    assert "old!" not in repr(parse_signing_key(OLD))
    assert repr(SigningKey(b"x")) != repr(SigningKey(b"y"))


def test_an_endpoint_has_its_secret_and_the_previous_one(tmp_path: Path) -> None:
    text = "secret: '{{env.NEW}}', previous_secret: '{{env.OLD}}'"
    (tmp_path / "conn.yaml").write_text(f"version: 1\nendpoints: {{ e: {{ url: 'https://a.example.com', {text} }} }}\n")
    workspace = load_workspace(tmp_path)
    found = find_endpoint(workspace, "e", environ={"NEW": PRIVATE, "OLD": OLD})
    assert found.signing_keys == (parse_signing_key(PRIVATE), parse_signing_key(OLD))
    with pytest.raises(ConfigurationError, match="cannot be used") as raised:
        find_endpoint(workspace, "e", environ={"NEW": NEW})
    assert raised.value.hint == "set OLD in the environment of the worker and of the service"
    with pytest.raises(ConfigurationError, match="the secret is empty"):
        find_endpoint(workspace, "e", environ={"NEW": "", "OLD": OLD})
