"""Signed JWTs (RFC 7519, in the compact format of RFC 7515) that authenticate an account.

Templates place the JWT (`{{assertion}}`). JWTs are verified elsewhere.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

from msgspec import Meta, field

from conn_engine.auth.signing.keys import (
    Digest,
    KeyEncoding,
    Scheme,
    decode_shared_key,
    load_private_key,
    sign_with_key,
)
from conn_engine.conditions import conditions_of
from conn_engine.roles import OUTER, SECRET, template_over
from conn_engine.settings import Scope, Settings, fill_templates

__all__ = ["Algorithm", "Assertion", "SignedAssertion", "sign_assertion"]

Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"
]

_CURVES = {"256": "secp256r1", "384": "secp384r1", "512": "secp521r1"}
_SCHEMES: Mapping[str, Scheme] = {"RS": "rsa_pkcs1v15", "PS": "rsa_pss", "ES": "ecdsa_pair"}


class Assertion(Settings, frozen=True, kw_only=True):
    """A JWT that is signed for each request. `iat` and `exp` are set unless `claims` sets them."""

    algorithm: Annotated[Algorithm, Meta(description="Signature algorithm, by its `alg` name.")] = "RS256"
    key: Annotated[
        str,
        Meta(
            description="The key: a private key in PEM format (line breaks may be written as `\\n`, "
            "as in JSON) or as a JWK; for HS algorithms, the shared secret.",
            extra={**SECRET, "over": OUTER},
        ),
    ] = "{{private_key}}"
    key_encoding: Annotated[KeyEncoding, Meta(description="Encoding of a shared secret (HS algorithms).")] = "text"
    passphrase: Annotated[
        str | None,
        Meta(description="The passphrase of an encrypted key.", extra={**SECRET, "over": OUTER}),
    ] = None
    key_id: Annotated[str | None, Meta(description="`kid` in the header.", extra=template_over(OUTER))] = None
    headers: Annotated[
        dict[str, Any],
        Meta(description="Additional fields of the header. null omits a field.", extra=template_over(OUTER)),
    ] = field(default_factory=dict)
    claims: Annotated[
        dict[str, Any],
        Meta(
            description="The claims (`iss`, `sub`, `aud` …). null omits a claim.",
            extra=template_over(OUTER),
        ),
    ] = field(default_factory=dict)
    lifetime_seconds: Annotated[int, Meta(ge=1, description="Time from now until `exp`, in seconds.")] = 300
    backdate_seconds: Annotated[
        int, Meta(ge=0, description="How far `iat` is in the past, in seconds, for clocks that differ.")
    ] = 0
    unique: Annotated[bool, Meta(description="Whether to add a random `jti`.")] = True

    def __post_init__(self) -> None:
        if "alg" in self.headers:
            raise ValueError("`headers` of an assertion cannot set `alg`: set `algorithm` instead")


@dataclass(frozen=True, slots=True, repr=False)
class SignedAssertion:
    """The JWT and its expiry in Unix seconds (None without an `exp` claim)."""

    text: str
    expires_at: float | None


def sign_assertion(settings: Assertion, names: Scope, now: float, unique: str | None = None) -> SignedAssertion:
    """Build and sign the JWT. `unique` is its `jti`, random by default.

    Raises CredentialError, without any part of the key, when the key cannot be used.
    """
    purpose = "the signed assertion"
    usual: dict[str, Any] = {"iat": int(now) - settings.backdate_seconds, "exp": int(now) + settings.lifetime_seconds}
    if settings.unique:
        usual["jti"] = unique or conditions_of(names).chance.draw_hex(16)
    claims = {**usual, **fill_templates(settings.claims, names, purpose=purpose)}
    header: dict[str, Any] = {"alg": settings.algorithm, "typ": "JWT"}
    if settings.key_id is not None:
        header["kid"] = fill_templates(settings.key_id, names, purpose=purpose)
    header |= fill_templates(settings.headers, names, purpose=purpose)
    content = f"{_encode_part(header)}.{_encode_part(claims)}"
    signature = _signature(settings, names, content.encode("ascii"))
    expires_at = claims.get("exp")
    return SignedAssertion(
        f"{content}.{_encode_base64url(signature)}",
        float(expires_at) if isinstance(expires_at, int | float) and not isinstance(expires_at, bool) else None,
    )


def _encode_part(data: Mapping[str, Any]) -> str:
    present = {name: value for name, value in data.items() if value is not None}
    return _encode_base64url(json.dumps(present, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def _encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _signature(settings: Assertion, names: Scope, content: bytes) -> bytes:
    text = str(fill_templates(settings.key, names, purpose="the signed assertion"))
    kind, size = settings.algorithm[:2], settings.algorithm[2:]
    if kind == "HS":
        import hmac

        return hmac.digest(decode_shared_key(text, settings.key_encoding), content, f"sha{size}")
    passphrase = settings.passphrase and str(fill_templates(settings.passphrase, names, purpose="the signed assertion"))
    key = load_private_key(text, passphrase)
    if kind == "ES" and getattr(getattr(key, "curve", None), "name", None) != _CURVES[size]:
        kind = ""  # each algorithm requires its own curve, and the key has another
    digest = cast(Digest, f"sha{size}" if settings.algorithm != "EdDSA" else "sha512")
    return sign_with_key(key, _SCHEMES.get(kind, "eddsa"), digest, content, label=settings.algorithm)
