"""Verify deliveries that contain a JWT (RFC 7519), or are one."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from conn_engine.auth.signing.assertion import Algorithm
from conn_engine.auth.signing.keys import KeyEncoding, decode_shared_key
from conn_engine.auth.signing.public_keys import load_public_key
from conn_engine.errors import CredentialError
from conn_engine.roles import bring_names, expression_over, inner_over, template_over
from conn_engine.settings import Names, fill_templates
from conn_engine.webhooks.keys import KeyRequest, Keys, KeyTemplates, fetch_keys, get_account_keys
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.webhooks.verifier import (
    DeliveryVerifier,
    FoundSignature,
    VerificationContext,
    VerificationError,
    evaluate_on_delivery,
)
from conn_engine.wire import Flow

if TYPE_CHECKING:
    from jwt import PyJWS

__all__ = ["JwtVerifier"]

_LONGEST = 64 * 1024
_LONGEST_BODY = 1024 * 1024


class JwtVerifier(DeliveryVerifier, frozen=True, kw_only=True, tag_field="format", tag="jwt"):
    """A JWT that the vendor signed. Its claims are available as `claims`, also in `expect`, `account` and `events`."""

    token: Annotated[
        str,
        Meta(
            description="The JWT, such as `headers.authorization`, or `text` if the complete body is a JWT.",
            extra=bring_names(expression_over("verification"), "header", into=("requirement", "delivery_request")),
        ),
    ] = "headers.authorization"  # noqa: S105
    prefix: Annotated[str | None, Meta(description="Prefix that is removed if present.")] = "Bearer "
    algorithms: Annotated[
        tuple[Algorithm, ...], Meta(min_length=1, description="Accepted algorithms, by their names in `alg`.")
    ]
    key: KeyTemplates = "{{webhook_secret}}"
    key_encoding: Annotated[KeyEncoding, Meta(description="Encoding of a shared secret (HS algorithms).")] = "text"
    key_request: Annotated[
        KeyRequest | None,
        Meta(
            description="Where the vendor publishes its keys, instead of `key`. `header.kid` selects one of them.",
            extra=inner_over("delivery_request"),
        ),
    ] = None
    issuer: Annotated[str | None, Meta(description="The required `iss`.", extra=template_over("verification"))] = None
    audience: Annotated[
        str | None,
        Meta(description="A value that `aud` must be or contain.", extra=template_over("verification")),
    ] = None
    claims: Annotated[tuple[str, ...], Meta(description="Required claims.")] = ()
    leeway_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="How many seconds the vendor's clock may differ from this machine's when `exp`, `nbf` and "
            "`iat` are checked.",
        ),
    ] = 0.0
    lifetime_seconds: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Maximum age of `iat`, which is then required.")
    ] = None

    def __post_init__(self) -> None:
        kinds = {name.startswith("HS") for name in self.algorithms}
        if len(kinds) > 1:
            raise ValueError("`algorithms` must all use shared secrets (HS…) or all use public keys")
        if self.key_request is not None and kinds == {True}:
            raise ValueError("`key_request` is for public keys; remove it for shared secrets (HS…)")

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Verify the signature of the JWT and its claims."""
        text = self._find_token(verification)
        header = _read_header(text)
        claims: dict[str, Any] | None = None
        for again in (False, True):
            keys = yield from self._get_keys(verification, header, again)
            claims = self._verify_signature(text, header, keys)
            if claims is not None or self.key_request is None:
                break
        if claims is None:
            raise VerificationError(
                "wrong_signature", "invalid signature: the JWT is not signed by one of the expected keys"
            )
        self._check_claims(claims, verification)
        verification.claims = claims
        return {"claims": claims, "header": header}

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return the JWT with its header and claims."""
        text = self._find_token(verification)
        return [FoundSignature(text, (_read_header(text), _read_claims(text)))]

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Create a JWT with the same header and claims."""
        return [self._sign(verification, ring, *signature.more) for signature in signatures]

    def _sign(
        self, verification: VerificationContext, ring: SigningKeys, header: dict[str, Any], claims: dict[str, Any]
    ) -> str:
        import jwt

        algorithm = header.get("alg")
        if algorithm not in self.algorithms:
            raise VerificationError("wrong_algorithm", "the algorithm of the JWT is not listed in algorithms")
        key: Any
        if self.key_request is not None:
            key = ring.get_published_key(
                "ec" if str(algorithm).startswith("ES") else "rsa" if algorithm != "EdDSA" else "ed"
            )
        elif str(algorithm).startswith("HS"):
            key = decode_shared_key(str(get_account_keys(self.key, verification)[0]), self.key_encoding)
        else:
            key = ring.get_private_key(get_account_keys(self.key, verification)[0])
        more = {name: value for name, value in header.items() if name != "alg"}
        try:
            return jwt.encode(claims, key, algorithm=str(algorithm), headers=more)
        except (jwt.PyJWTError, TypeError, ValueError):
            raise CredentialError(
                "the key does not fit the JWT's algorithm", hint="correct `algorithms` or `key` of `webhooks.verify`"
            ) from None

    def _find_token(self, verification: VerificationContext) -> str:
        value = evaluate_on_delivery(self.token, verification)
        longest = _LONGEST_BODY if self.token.strip() == "text" else _LONGEST
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise VerificationError("unsigned", f"the delivery has no JWT ({self.token})")
        text = value.strip()
        prefix = self.prefix or ""
        return text[len(prefix) :].strip() if text.lower().startswith(prefix.lower()) else text

    def _get_keys(self, verification: VerificationContext, header: dict[str, Any], again: bool) -> Flow[Keys]:
        if self.key_request is None:
            return get_account_keys(self.key, verification)
        keys = yield from fetch_keys(self.key_request, verification, {"header": header}, again=again)
        keys_with_id = [key for key in keys if isinstance(key, dict) and "kid" in key]
        return (
            [key for key in keys_with_id if key["kid"] == header.get("kid")]
            if "kid" in header and keys_with_id
            else keys
        )

    def _verify_signature(self, text: str, header: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
        """Return the claims if one of the keys has signed them."""
        import jwt

        if header.get("alg") not in self.algorithms:
            raise VerificationError("wrong_algorithm", "the algorithm of the JWT is not listed in algorithms")
        unfit: list[CredentialError] = []
        for raw_key in keys:
            try:
                key = self._to_key(raw_key)
                payload = _build_jws().decode(text, key, algorithms=list(self.algorithms))
            except jwt.InvalidSignatureError:
                continue
            except CredentialError as error:
                unfit.append(error)
            except (jwt.InvalidKeyError, TypeError):
                unfit.append(
                    CredentialError(
                        "the key that verifies deliveries does not fit the JWT's algorithm",
                        hint="correct `algorithms` or `key` of `webhooks.verify`",
                    )
                )
            except jwt.PyJWTError:
                raise VerificationError("unsigned", "the JWT is invalid") from None
            else:
                return _parse_claims(payload)
        if unfit and len(unfit) == len(keys):
            raise unfit[0]
        return None

    def _to_key(self, raw_key: Any) -> Any:
        if str(self.algorithms[0]).startswith("HS"):
            return decode_shared_key(str(raw_key), self.key_encoding)
        return load_public_key(raw_key)

    def _check_claims(self, claims: dict[str, Any], verification: VerificationContext) -> None:
        now = verification.clock.now()
        for name in self.claims:
            if claims.get(name) is None:
                raise VerificationError("requirement", f'the JWT has no claim "{name}"')
        ends, begins, issued = (_get_time(claims, name) for name in ("exp", "nbf", "iat"))
        if ends is not None and now > ends + self.leeway_seconds:
            raise VerificationError("stale", f"the JWT expired {now - ends:.0f} s ago")
        for begun in (begins, issued):
            if begun is not None and now < begun - self.leeway_seconds:
                raise VerificationError(
                    "stale", f"the JWT is not valid yet: this machine's clock is {begun - now:.0f} s behind its start"
                )
        if self.lifetime_seconds is not None and (issued is None or now > issued + self.lifetime_seconds):
            raise VerificationError("stale", "the JWT is too old, or has no `iat` claim")
        if self.issuer is not None and claims.get("iss") != self._fill(self.issuer, verification):
            raise VerificationError("requirement", "the JWT has another issuer")
        if self.audience is not None:
            audiences = claims.get("aud")
            if self._fill(self.audience, verification) not in (
                audiences if isinstance(audiences, list) else [audiences]
            ):
                raise VerificationError("requirement", "the JWT has another audience")

    def _fill(self, template: str, verification: VerificationContext) -> Any:
        return fill_templates(template, verification.build_names(template), purpose="the expected claim of a JWT")


@cache
def _build_jws() -> "PyJWS":
    import warnings

    import jwt

    short = getattr(jwt, "InsecureKeyLengthWarning", None)
    if short is not None:  # the vendor decides the length of its secrets
        warnings.filterwarnings("ignore", category=short)
    return jwt.PyJWS()


def _read_header(text: str) -> dict[str, Any]:
    import jwt

    try:
        header: dict[str, Any] = jwt.get_unverified_header(text)
    except jwt.PyJWTError:
        raise VerificationError("unsigned", "the JWT is invalid") from None
    return header


def _read_claims(text: str) -> dict[str, Any]:
    """Read the claims of a JWT without verifying it."""
    import jwt

    try:
        return dict(jwt.decode(text, options={"verify_signature": False}))
    except (jwt.PyJWTError, ValueError, TypeError):
        raise VerificationError("unsigned", "the JWT is invalid") from None


def _parse_claims(payload: bytes) -> dict[str, Any]:
    import json

    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise VerificationError("unsigned", "the JWT has no claims")
    return claims


def _get_time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise VerificationError("unsigned", f'the claim "{name}" of the JWT is not a time')
    return float(value)
