"""Signed JWTs (RFC 7519, in the compact form of RFC 7515) by which an account proves itself.

Where one goes is a template's affair (`{{assertion}}`). Verifying JWTs is not here.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

from msgspec import Meta, field

from conn_engine.auth.signing.keys import Digest, KeyEncoding, Scheme, by_key, private_key, shared_key
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
    """A JWT that is made and signed afresh for each request. `iat` and `exp` are set unless `claims` says them."""

    algorithm: Annotated[Algorithm, Meta(description="The signature's algorithm, as `alg` names it.")] = "RS256"
    key: Annotated[
        str,
        Meta(
            description="Template for the key: a private key in PEM form (also with `\\n` written out, as in JSON) or "
            "as a JWK; for HS algorithms the shared secret.",
            extra={**SECRET, "over": OUTER},
        ),
    ] = "{{private_key}}"
    key_encoding: Annotated[KeyEncoding, Meta(description="How a shared secret is written (HS algorithms).")] = "text"
    passphrase: Annotated[
        str | None,
        Meta(description="Template for the passphrase of an encrypted key.", extra={**SECRET, "over": OUTER}),
    ] = None
    key_id: Annotated[str | None, Meta(description="Template for `kid` in the header.", extra=template_over(OUTER))] = (
        None
    )
    headers: Annotated[
        dict[str, Any],
        Meta(description="Further fields of the header; templates. null leaves one out.", extra=template_over(OUTER)),
    ] = field(default_factory=dict)
    claims: Annotated[
        dict[str, Any],
        Meta(
            description="The claims (`iss`, `sub`, `aud` …); templates. null leaves one out.",
            extra=template_over(OUTER),
        ),
    ] = field(default_factory=dict)
    lifetime_seconds: Annotated[int, Meta(ge=1, description="`exp` less now.")] = 300
    backdate_seconds: Annotated[
        int, Meta(ge=0, description="How long before now `iat` is, for clocks that differ.")
    ] = 0
    unique: Annotated[bool, Meta(description="Whether there is a random `jti`.")] = True

    def __post_init__(self) -> None:
        if "alg" in self.headers:
            raise ValueError("`headers` of an assertion may not say `alg`: say `algorithm`")


@dataclass(frozen=True, slots=True, repr=False)
class SignedAssertion:
    """The JWT, and its end in Unix seconds (None when its claims have none)."""

    text: str
    expires_at: float | None


def sign_assertion(told: Assertion, names: Scope, now: float, unique: str | None = None) -> SignedAssertion:
    """Make and sign the JWT; `unique` is its `jti`, by default a random one.

    Raises CredentialError, without a part of the key, when the key does not serve.
    """
    purpose = "the signed assertion"
    usual: dict[str, Any] = {"iat": int(now) - told.backdate_seconds, "exp": int(now) + told.lifetime_seconds}
    if told.unique:
        usual["jti"] = unique or conditions_of(names).chance.draw_hex(16)
    claims = {**usual, **fill_templates(told.claims, names, purpose=purpose)}
    header: dict[str, Any] = {"alg": told.algorithm, "typ": "JWT"}
    if told.key_id is not None:
        header["kid"] = fill_templates(told.key_id, names, purpose=purpose)
    header |= fill_templates(told.headers, names, purpose=purpose)
    content = f"{_part(header)}.{_part(claims)}"
    signature = _signature(told, names, content.encode("ascii"))
    ends = claims.get("exp")
    return SignedAssertion(
        f"{content}.{_encode_base64url(signature)}",
        float(ends) if isinstance(ends, int | float) and not isinstance(ends, bool) else None,
    )


def _part(data: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in data.items() if value is not None}
    return _encode_base64url(json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def _encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _signature(told: Assertion, names: Scope, content: bytes) -> bytes:
    text = str(fill_templates(told.key, names, purpose="the signed assertion"))
    kind, size = told.algorithm[:2], told.algorithm[2:]
    if kind == "HS":
        import hmac

        return hmac.digest(shared_key(text, told.key_encoding), content, f"sha{size}")
    passphrase = told.passphrase and str(fill_templates(told.passphrase, names, purpose="the signed assertion"))
    key = private_key(text, passphrase)
    if kind == "ES" and getattr(getattr(key, "curve", None), "name", None) != _CURVES[size]:
        kind = ""  # each algorithm has its curve: the key is not one for it
    digest = cast(Digest, f"sha{size}" if told.algorithm != "EdDSA" else "sha512")
    return by_key(key, _SCHEMES.get(kind, "eddsa"), digest, content, called=told.algorithm)
