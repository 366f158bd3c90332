"""oidc-provider tells a client that a person has signed out (OpenID Connect Back-Channel Logout): a JWT, proved by the
keys that the provider publishes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from postbox import Came, Postbox, vendors
from processes import oidc as oidcs
from processes.oidc import Oidc
from processes.witness import Witness, witness

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def told(oidc: Oidc, front: Witness, **changed: Any) -> dict[str, Any]:
    """How such a delivery is verified: the specification's list of checks (section 2.6)."""
    proof = {
        "token": "body.logout_token",
        "prefix": None,
        "algorithms": ["RS256"],
        "key_request": {"url": f"{front.url}/jwks"},
        "issuer": oidc.url,
        "audience": oidcs.TOLD.name,
        "claims": ["iat", "jti", "sid"],
        "lifetime_seconds": 300,
        "expect": f'header.typ = "logout+jwt" and $exists(claims.events."{EVENT}") and $not($exists(claims.nonce))',
        **changed,
    }
    events = {"each": "claims", "type": "'signed_out'", "id": "item.jti", "occurred_at": "item.iat"}
    return {
        "verify": {"format": "jwt", "config": proof},
        "events": {**events, "record_id": "item.sid"},
        "reply": {"headers": {"cache-control": "no-store"}},
    }


@pytest.fixture
def front(oidc: Oidc) -> Iterator[Witness]:
    """A witness before the provider: which keys were asked for."""
    with witness(oidc.url) as door:
        yield door


@pytest.fixture
def box(tmp_path: Path, oidc: Oidc, deliveries: Postbox, front: Witness) -> Postbox:
    """The inbox of the client that receives sign-outs."""
    return deliveries.opened(vendors(tmp_path / "inbox", {"people": told(oidc, front)}))


def with_token(came: Came, token: str) -> dict[str, Any]:
    """The delivery's body with another token."""
    return {"body": urlencode({"logout_token": token}).encode()}


def test_a_person_signs_out(box: Postbox, oidc: Oidc, front: Witness) -> None:
    tokens = oidc.sign_out(oidcs.TOLD, "ada")
    came = box.next("people")
    assert (came.receipt.reply.status, came.receipt.refusal, came.receipt.verified_by) == (200, None, "jwt")
    assert came.receipt.reply.headers["cache-control"] == "no-store"
    (event,) = came.receipt.events
    assert event.type == "people:signed_out" and event.data["events"] == {EVENT: {}} and event.data["sid"]
    assert "logout_token" not in str(event.plain()), "the token is not part of the event"
    token = parse_qs(came.delivery.body.decode())["logout_token"][0]
    head, claims, signature = token.split(".")
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(b"told", b"tole")).rstrip(b"=")
    for forged in (f"{head}.{other.decode()}.{signature}", f"{head}.{claims}.", f"{claims}.{head}.{signature}", ""):
        refused = box.again(came, **with_token(came, forged))
        assert (refused.reply.status, refused.events) == (401, ()), forged
    stolen = box.again(came, **with_token(came, tokens["id_token"]))
    assert (stolen.reply.status, stolen.events) == (401, ()), "a token of the same key for another purpose"
    assert [seen.path for seen in front.seen] == ["/jwks"], "the keys are asked for once"


def test_a_token_for_another_client_is_refused(tmp_path: Path, oidc: Oidc, deliveries: Postbox, front: Witness) -> None:
    for name, change in {"audience": oidcs.BASIC.name, "issuer": "https://other.example.com"}.items():
        box = deliveries.opened(vendors(tmp_path / name, {"people": told(oidc, front, **{name: change})}))
        oidc.sign_out(oidcs.TOLD, "grace")
        came = box.next("people")
        assert came.receipt.reply.status == 401
        assert came.receipt.refusal is not None and f"another {name}" in came.receipt.refusal.message


def test_a_provider_that_is_gone_is_asked_again(tmp_path: Path, oidc: Oidc, deliveries: Postbox) -> None:
    """Without its keys nothing can be verified: the provider receives 503, and may deliver it again."""
    with witness() as gone:
        pass
    unreachable = told(oidc, gone)
    box = deliveries.opened(vendors(tmp_path / "inbox", {"people": unreachable}))
    oidc.sign_out(oidcs.TOLD, "joan")
    came = box.next("people")
    assert came.receipt.reply.status == 503 and came.receipt.error is not None and not came.receipt.events
    with witness(oidc.url) as front:
        box.opened(vendors(tmp_path / "later", {"people": told(oidc, front)}))
        assert box.again(came).verified_by == "jwt"
