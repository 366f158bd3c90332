"""Verify deliveries with a signature of an expression's text, by a shared key or by the vendor's private key."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from conn_engine.auth.signing.algorithms import (
    FORMAT_ALIASES,
    Algorithm,
    OtherDigest,
    Padding,
    PairForm,
    find_scheme,
)
from conn_engine.auth.signing.keys import Digest, KeyEncoding, Scheme, decode_shared_key, sign_with_key
from conn_engine.auth.signing.public_keys import PublicKeyForm, is_signature_valid, load_public_key
from conn_engine.errors import CredentialError
from conn_engine.responses.waits.time_values import Unit, to_seconds_away
from conn_engine.roles import SECRET, TEXT, bring_names, expression_over, inner_over
from conn_engine.settings import Names
from conn_engine.webhooks.keys import KeyRequest, Keys, KeyTemplates, fetch_keys, get_account_keys
from conn_engine.webhooks.recording_secrets import KeyKind, SigningKeys
from conn_engine.webhooks.signature_encoding import decode_signature, encode_signature
from conn_engine.webhooks.signature_encoding import group_parts as named_parts
from conn_engine.webhooks.verifier import (
    DeliveryVerifier,
    FoundSignature,
    VerificationContext,
    VerificationError,
    evaluate_on_delivery,
)
from conn_engine.wire import Flow

__all__ = ["HmacVerifier", "PublicKeyVerifier", "StandardWebhooksVerifier"]

NotEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
_MOST = 50  # signatures and contents: anyone can send a delivery
_KINDS: dict[Scheme, KeyKind] = {
    "rsa_pkcs1v15": "rsa",
    "rsa_pss": "rsa",
    "ecdsa_der": "ec",
    "ecdsa_pair": "ec",
    "eddsa": "ed",
}


class SignatureVerifier(DeliveryVerifier, frozen=True, kw_only=True):
    """A delivery with a signature. It may have several, of which one must be valid."""

    signature: Annotated[
        str,
        Meta(
            description='The signature, or a list of them, such as `headers."x-signature"`.',
            extra=expression_over("verification"),
        ),
    ]
    separator: Annotated[
        NotEmpty | None,
        Meta(description='Separator of several signatures in one text, such as ",". Default: there is one.'),
    ] = None
    pair: Annotated[
        NotEmpty | None,
        Meta(
            description='Separator of name and value, such as "=" in t=1700000000,v1=5257a869…. Expressions see '
            "`parts`, the values by name.",
            extra=TEXT,
        ),
    ] = None
    take: Annotated[
        str | None,
        Meta(description="With `pair`: the name of the signatures, such as v1. Others are ignored."),
    ] = None
    prefix: Annotated[
        str | None,
        Meta(description='Prefix of the signature, such as "sha256=". Signatures without it are ignored.'),
    ] = None
    encoding: Annotated[Literal["hex", "base64", "base64url"], Meta(description="Encoding of the signature.")] = "hex"
    content: Annotated[
        str,
        Meta(
            description='The signed text, such as `timestamp & "." & text`, or a list if it can be one of several. It '
            "sees the delivery, the secrets, `timestamp` and `parts`.",
            extra=expression_over("signed_content"),
        ),
    ] = "text"
    timestamp: Annotated[
        str | None,
        Meta(
            description="The signature time, such as `parts.t`. A delivery without it is refused.",
            extra=bring_names(expression_over("signed_time"), "timestamp", into=("signed_content", "requirement")),
        ),
    ] = None
    timestamp_unit: Annotated[Literal["epoch", "epoch_ms", "iso8601"], Meta(description="Unit of `timestamp`.")] = (
        "epoch"
    )
    tolerance_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=604_800,
            description="Maximum difference from the current time in seconds. 0 accepts any age.",
        ),
    ] = 300.0
    ahead_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=604_800)] | None,
        Meta(description="Maximum time in the future, if different. Default: `tolerance_seconds`."),
    ] = None

    def __post_init__(self) -> None:
        if (self.pair is None) != (self.take is None):
            raise ValueError("set both `pair` and `take`, or neither")

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify with the first signature, content and key that match."""
        return (yield from self.check_contents(verification, lambda more: self._build_contents(verification, more)))

    def check_contents(
        self, verification: VerificationContext, build_contents: Callable[[Names], list[bytes]]
    ) -> Flow[Names]:
        """Verify with contents that are built from the `timestamp` and the `parts`."""
        signatures, parts = self._decode_signatures(verification)
        more: Names = {"parts": parts}
        if self.timestamp is not None:
            more["timestamp"] = self._read_timestamp(verification, more)
        yield from self.match(verification, signatures, build_contents(more))
        return more

    def match(self, verification: VerificationContext, signatures: list[bytes], contents: list[bytes]) -> Flow[None]:
        """Return if one of the signatures is of one of the contents. Raises VerificationError otherwise."""
        raise NotImplementedError

    def sign(self, verification: VerificationContext, ring: SigningKeys, content: bytes) -> bytes:
        """Sign a content. Raises CredentialError if there is no key to sign with."""
        raise NotImplementedError

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return the signatures."""
        return [FoundSignature(text) for text in self._read_signatures(verification)[0]]

    def find_times(self, verification: VerificationContext) -> list[tuple[str, Unit]]:
        """Return the time of the signature, if it is checked."""
        if self.timestamp is None or not self.tolerance_seconds:
            return []
        time = evaluate_on_delivery(self.timestamp, verification, parts=self._read_signatures(verification)[1])
        return [] if time is None else [(str(time), self.timestamp_unit)]

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Sign the delivery's current content."""
        more: Names = {"parts": self._read_signatures(verification)[1]}
        if self.timestamp is not None:
            more["timestamp"] = self._read_timestamp(verification, more)
        content = self._build_contents(verification, more)[0]  # one of several possible contents is enough
        return [encode_signature(self.sign(verification, ring, content), self.encoding)] * len(signatures)

    def _decode_signatures(self, verification: VerificationContext) -> tuple[list[bytes], dict[str, Any]]:
        texts, parts = self._read_signatures(verification)
        decoded = [raw for raw in (decode_signature(text, self.encoding) for text in texts[:_MOST]) if raw]
        if not decoded:
            raise VerificationError(
                "unsigned", f"the delivery has no valid {self.encoding} signature ({self.signature})"
            )
        return decoded, parts

    def _read_signatures(self, verification: VerificationContext) -> tuple[list[str], dict[str, Any]]:
        """Return the signatures as they are written, and the named parts next to them."""
        signatures = evaluate_on_delivery(self.signature, verification)
        texts = [
            item
            for item in (signatures if isinstance(signatures, list) else [signatures])
            if isinstance(item, str) and item
        ]
        if not texts:
            raise VerificationError("unsigned", f"the delivery has no signature ({self.signature})")
        if self.separator is not None:
            texts = [item.strip() for text in texts for item in text.split(self.separator)]
        parts: dict[str, Any] = {}
        if self.pair is not None:
            pairs = [(name.strip(), value.strip()) for name, _, value in (text.partition(self.pair) for text in texts)]
            parts = named_parts(pairs)
            texts = [value for name, value in pairs if name == self.take]
        if self.prefix is not None:
            texts = [text.removeprefix(self.prefix) for text in texts if text.startswith(self.prefix)]
        return texts, parts

    def _read_timestamp(self, verification: VerificationContext, more: Names) -> str:
        time = evaluate_on_delivery(self.timestamp or "", verification, **more)
        if isinstance(time, list):
            raise VerificationError("ambiguous", f"the delivery has several signature times ({self.timestamp})")
        if isinstance(time, bool) or not isinstance(time, str | int | float) or time == "":
            raise VerificationError("no_timestamp", f"the delivery has no signature time ({self.timestamp})")
        text = str(time)
        distance = to_seconds_away(text, self.timestamp_unit, verification.clock.now())
        if distance is None:
            raise VerificationError(
                "no_timestamp", f"the signature time is not {self.timestamp_unit} ({self.timestamp})"
            )
        ahead = self.tolerance_seconds if self.ahead_seconds is None else self.ahead_seconds
        allowed = self.tolerance_seconds if distance < 0 else ahead
        if self.tolerance_seconds and abs(distance) > allowed:
            when = "ago" if distance < 0 else "ahead of this machine's clock"
            raise VerificationError(
                "stale",
                f"the delivery was signed {abs(distance):.0f} s {when}; {allowed:.0f} s are allowed",
                hint="if all deliveries are refused, check this machine's clock",
            )
        return text

    def _build_contents(self, verification: VerificationContext, more: Names) -> list[bytes]:
        if self.content.strip() == "text":
            return [verification.delivery.body]
        content = evaluate_on_delivery(self.content, verification, whole=True, **more)
        texts = content if isinstance(content, list) else [content]
        try:
            contents = [verification.delivery.encode_exactly(text) for text in texts[:_MOST] if isinstance(text, str)]
        except UnicodeEncodeError:
            contents = []
        if not contents:
            raise VerificationError(
                "no_content", f"the signed content cannot be built from the delivery ({self.content})"
            )
        return contents


class HmacVerifier(SignatureVerifier, frozen=True, kw_only=True, tag_field="format", tag="hmac"):
    """An HMAC with a shared secret."""

    algorithm: Annotated[
        Literal["sha256", "sha1", "sha384", "sha512", "md5"], Meta(description="Digest algorithm.")
    ] = "sha256"
    key: Annotated[
        KeyTemplates,
        Meta(
            description="The secret, such as `{{webhook_secret}}`, or a list, such as the old and the new "
            "secret during a rotation: they are tried in order, and one that the account lacks is skipped. "
            '"": a plain digest without a key (the content then contains the secret).',
            extra={**SECRET, "over": "verification"},
        ),
    ] = "{{webhook_secret}}"
    key_prefix: Annotated[str | None, Meta(description="Prefix that is removed from the key, such as whsec_.")] = None
    key_encoding: Annotated[KeyEncoding, Meta(description="Encoding of the key.")] = "text"

    def match(self, verification: VerificationContext, signatures: list[bytes], contents: list[bytes]) -> Flow[None]:
        """Verify with each of the keys."""
        yield from ()
        digests = [digest for content in contents for digest in self._compute_digests(verification, content)]
        # compare every pair, each in constant time
        fits = [hmac.compare_digest(expected, signature) for expected in digests for signature in signatures]
        if not any(fits):
            raise VerificationError(
                "wrong_signature", "invalid signature: it does not match the account's secret", hint=_WRONG
            )

    def sign(self, verification: VerificationContext, ring: SigningKeys, content: bytes) -> bytes:
        """Sign with the account's key."""
        _ = ring
        return self._compute_digests(verification, content)[0]

    def _compute_digests(self, verification: VerificationContext, content: bytes) -> list[bytes]:
        """Return the signature for each of the account's keys."""
        if not self.key:
            return [hashlib.new(self.algorithm, content, usedforsecurity=False).digest()]
        plain = [
            str(key).strip().removeprefix(self.key_prefix or "") for key in get_account_keys(self.key, verification)
        ]
        keys = [decode_shared_key(key, self.key_encoding) for key in plain]
        if not all(keys):
            raise CredentialError(
                "the key that verifies deliveries is empty",
                hint="store the secret: conn auth set ACCOUNT webhook_secret",
            )
        return [hmac.digest(key, content, self.algorithm) for key in keys]


_WRONG = "check the secret, and pass the body and the URL unchanged"


class StandardWebhooksVerifier(
    DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="standard_webhooks"
):
    """A signature by the Standard Webhooks specification: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""

    key: KeyTemplates = "{{webhook_secret}}"
    header_prefix: Annotated[
        str, Meta(pattern="^[a-z][a-z0-9-]*$", description="Prefix of the header names.", extra=TEXT)
    ] = "webhook"
    key_encoding: Annotated[
        Literal["base64", "text"], Meta(description="Encoding of the key after an optional `whsec_`.")
    ] = "base64"
    tolerance_seconds: Annotated[
        float,
        Meta(ge=0, le=604_800, description="Maximum difference from the current time in seconds. 0 accepts any age."),
    ] = 300.0

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify the HMAC of the specification."""
        name = evaluate_on_delivery(f'headers."{self.header_prefix}-id"', verification)
        if not isinstance(name, str) or not name:
            raise VerificationError("unsigned", f"the delivery has no {self.header_prefix}-id header")

        def build_contents(more: Names) -> list[bytes]:
            """Return what `content` of the HMAC is, without evaluating it."""
            head = f"{name}.{more['timestamp']}."
            return [head.encode(errors="replace") + verification.delivery.body]

        return (yield from self._to_hmac().check_contents(verification, build_contents))

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return the signatures."""
        return self._to_hmac().find_signatures(verification)

    def find_times(self, verification: VerificationContext) -> list[tuple[str, Unit]]:
        """Return the time of the signature."""
        return self._to_hmac().find_times(verification)

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Sign the delivery's current content."""
        return self._to_hmac().create_signatures(verification, ring, signatures)

    def join_expressions(self) -> str:
        """Return the names of the headers."""
        return " ".join(f"{self.header_prefix}-{name}" for name in ("id", "timestamp", "signature"))

    def _to_hmac(self) -> HmacVerifier:
        head = f'headers."{self.header_prefix}-'
        coded = self.key_encoding == "base64"
        return HmacVerifier(
            signature=f'{head}signature"',
            separator=" ",
            pair=",",
            take="v1",
            encoding="base64",
            content=f'{head}id" & "." & timestamp & "." & text',
            timestamp=f'{head}timestamp"',
            tolerance_seconds=self.tolerance_seconds,
            key=self.key,
            key_prefix="whsec_" if coded else None,
            key_encoding=self.key_encoding,
        )


class PublicKeyVerifier(SignatureVerifier, frozen=True, kw_only=True, tag_field="format", tag="public_key"):
    """A signature by the vendor's private key, verified with its public key: RSA, ECDSA or Ed25519."""

    format_aliases: ClassVar[Mapping[str, Mapping[str, Any]]] = FORMAT_ALIASES

    algorithm: Algorithm = "rsa-sha256"
    key: KeyTemplates = "{{public_key}}"
    key_encoding: Annotated[
        PublicKeyForm,
        Meta(
            description="Format of the key: PEM (also a certificate or a JWK), or, in base64 or hex, a raw Ed25519 "
            "key or any key in DER format."
        ),
    ] = "pem"
    key_request: Annotated[
        KeyRequest | None,
        Meta(
            description="Where the vendor publishes its keys, instead of `key`.", extra=inner_over("delivery_request")
        ),
    ] = None

    digest: OtherDigest = None
    padding: Padding = None
    form: PairForm = "der"

    @property
    def label(self) -> str:
        """The kind of the key: `rsa`, `ecdsa` or `ed25519`."""
        return self.algorithm.partition("-")[0]

    @property
    def key_kind(self) -> KeyKind:
        """The kind of the key."""
        return _KINDS[self.get_scheme()[0]]

    def get_scheme(self) -> tuple[Scheme, Digest]:
        """Return the signature's scheme and digest."""
        return find_scheme(self.algorithm, digest=self.digest, padding=self.padding, form=self.form)

    def match(self, verification: VerificationContext, signatures: list[bytes], contents: list[bytes]) -> Flow[None]:
        """Verify with the first key that matches."""
        scheme, digest = self.get_scheme()
        for again in (False, True):
            keys = yield from self._get_keys(verification, again)
            unfit: list[CredentialError] = []
            for raw_key in keys:
                try:
                    key = load_public_key(raw_key, self.key_encoding)
                    if any(
                        is_signature_valid(key, scheme, digest, content, signature)
                        for content in contents
                        for signature in signatures
                    ):
                        return
                except CredentialError as error:
                    unfit.append(error)
            if unfit and len(unfit) == len(keys):
                raise unfit[0]
            if self.key_request is None:
                break
        raise VerificationError("wrong_signature", "invalid signature: it does not match the vendor's key", hint=_WRONG)

    def sign(self, verification: VerificationContext, ring: SigningKeys, content: bytes) -> bytes:
        """Sign with the private key of the account's or the vendor's public key."""
        scheme, digest = self.get_scheme()
        if self.key_request is not None:
            private = ring.get_published_key(_KINDS[scheme])
        else:
            private = ring.get_private_key(get_account_keys(self.key, verification)[0], self.key_encoding)
        return sign_with_key(private, scheme, digest, content, label=scheme)

    def _get_keys(self, verification: VerificationContext, again: bool) -> Flow[Keys]:
        if self.key_request is None:
            return get_account_keys(self.key, verification)
        return (yield from fetch_keys(self.key_request, verification, {}, again=again))
