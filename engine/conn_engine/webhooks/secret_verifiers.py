"""Verify deliveries that contain the secret itself: a token, or a user name and password. Or do not verify them."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta

from conn_engine.roles import SECRET, expression_over
from conn_engine.settings import Names
from conn_engine.webhooks.keys import KeyTemplates, get_account_keys
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.webhooks.verifier import (
    DeliveryVerifier,
    FoundSignature,
    VerificationContext,
    VerificationError,
    evaluate_on_delivery,
)
from conn_engine.wire import Flow

__all__ = ["BasicVerifier", "TokenVerifier", "Unverified"]


class TokenVerifier(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="token"):
    """A shared secret that the delivery contains. It does not cover the body."""

    token: Annotated[
        str,
        Meta(
            description='The token, such as `headers."x-hook-token"`, `query.token`, `body.token`, or '
            "`item.clientState` with `each`.",
            extra=expression_over("verification"),
        ),
    ]
    prefix: Annotated[str | None, Meta(description='Prefix that is required and removed, such as "Bearer ".')] = None
    key: KeyTemplates = "{{webhook_secret}}"

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify the token against each of the keys."""
        yield from ()
        _check_secret(self._find_token(verification), get_account_keys(self.key, verification), "token")
        return {}

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return the token."""
        return [FoundSignature(self._find_token(verification))]

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Return the account's token."""
        _ = ring
        return [str(get_account_keys(self.key, verification)[0])] * len(signatures)

    def _find_token(self, verification: VerificationContext) -> str:
        token = evaluate_on_delivery(self.token, verification)
        if not isinstance(token, str) or not token:
            raise VerificationError("unsigned", f"the delivery has no token ({self.token})")
        if self.prefix is not None and not token.startswith(self.prefix):
            raise VerificationError("unsigned", f"the token does not start with `prefix` ({self.token})")
        return token.removeprefix(self.prefix or "")


class BasicVerifier(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="basic"):
    """A user name and password in the Authorization header (RFC 7617). They do not cover the body."""

    username: Annotated[str, Meta(description="The user name.", extra={**SECRET, "over": "verification"})] = (
        "{{webhook_username}}"
    )
    password: Annotated[str, Meta(description="The password.", extra={**SECRET, "over": "verification"})] = (
        "{{webhook_password}}"  # noqa: S105
    )

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify the user name and the password."""
        yield from ()
        try:
            pair = base64.b64decode(self._find_pair(verification), validate=True)
        except (ValueError, binascii.Error):
            pair = b""
        if b":" not in pair:
            raise VerificationError("unsigned", "the delivery has no user name and password")
        username, _, password = pair.partition(b":")
        expected = [
            str(get_account_keys(template, verification)[0]).encode() for template in (self.username, self.password)
        ]
        fits = [hmac.compare_digest(username, expected[0]), hmac.compare_digest(password, expected[1])]
        if not all(fits):
            raise VerificationError("wrong_signature", "the user name and password do not match the account's")
        return {}

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return user name and password in base64."""
        return [FoundSignature(self._find_pair(verification))]

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Return the account's user name and password."""
        _ = ring
        pair = ":".join(str(get_account_keys(template, verification)[0]) for template in (self.username, self.password))
        return [base64.b64encode(pair.encode()).decode()] * len(signatures)

    def _find_pair(self, verification: VerificationContext) -> str:
        values = verification.delivery.headers.get_all("authorization")
        scheme, _, text = values[0].strip().partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() != "basic" or not text.strip():
            raise VerificationError("unsigned", "the delivery has no user name and password")
        return text.strip()

    def join_expressions(self) -> str:
        """Return the only header that is read."""
        return "authorization"


class Unverified(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """No verification: the vendor signs nothing. A delivery is only a hint, and its records should be fetched."""

    verifies: ClassVar[bool] = False

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Accept without verification."""
        yield from ()
        _ = verification
        return {}


def _check_secret(token: str, keys: list[object], label: str) -> None:
    token_bytes = token.encode("utf-8", "surrogateescape")
    fits = [hmac.compare_digest(token_bytes, str(key).encode("utf-8", "surrogateescape")) for key in keys]
    if not any(fits):
        raise VerificationError("wrong_signature", f"the {label} does not match the account's secret")
