"""OAuth 1.0a (RFC 5849): the Authorization header of a finished request. The caller provides the keys."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast
from urllib.parse import parse_qsl, quote

from conn_engine.auth.signing.keys import Digest, load_private_key, sign_with_key
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = ["Algorithm", "Keys", "base_string", "header"]

Algorithm: TypeAlias = Literal[
    "HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "RSA-SHA512", "PLAINTEXT"
]
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys to sign a request with. `consumer_secret` is a private key (PEM) for the RSA algorithms; `more` has
    additional `oauth_` parameters (callback, verifier)."""

    consumer_key: str
    consumer_secret: str
    token: str = ""
    token_secret: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


def header(  # noqa: PLR0917
    request: Request,
    keys: Keys,
    algorithm: Algorithm,
    now: float,
    nonce: str,
    realm: str | None = None,
    version: str = "1.0",
) -> str:
    """Return the value of the Authorization header. Raises CredentialError when a private key cannot be used."""
    parameters = {
        "oauth_consumer_key": keys.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": algorithm,
        "oauth_timestamp": str(int(now)),
    }
    if version:
        parameters["oauth_version"] = version
    if keys.token:
        parameters["oauth_token"] = keys.token
    parameters |= keys.more
    parameters["oauth_signature"] = _signature(base_string(request, parameters).encode("ascii"), keys, algorithm)
    fields = [f'realm="{_percent_encode(realm)}"'] if realm is not None else []
    fields += [f'{name}="{_percent_encode(text)}"' for name, text in parameters.items()]
    return f"OAuth {', '.join(fields)}"


def _signature(content: bytes, keys: Keys, algorithm: Algorithm) -> str:
    kind, _, digest = algorithm.partition("-")
    if kind == "RSA":
        digest_name = cast(Digest, digest.lower())
        raw = sign_with_key(
            load_private_key(keys.consumer_secret), "rsa_pkcs1v15", digest_name, content, label=algorithm
        )
        return base64.b64encode(raw).decode("ascii")
    key = f"{_percent_encode(keys.consumer_secret)}&{_percent_encode(keys.token_secret)}"
    if kind == "PLAINTEXT":
        return key
    return base64.b64encode(hmac.digest(key.encode("ascii"), content, digest.lower())).decode("ascii")


def _percent_encode(text: str) -> str:
    return quote(text, safe="-._~")


def base_string(request: Request, parameters: Mapping[str, str]) -> str:
    """Return the signature base string of RFC 5849, 3.4.1."""
    parts = split_plain_url(request.url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True) + list(parameters.items())
    if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl((request.body or b"").decode("utf-8", "replace"), keep_blank_values=True)
    encoded = sorted((_percent_encode(name), _percent_encode(value)) for name, value in pairs)
    joined = "&".join(f"{name}={value}" for name, value in encoded)
    address = f"{parts.scheme}://{host}{port}{parts.path or '/'}"
    return "&".join(_percent_encode(part) for part in (request.method.upper(), address, joined))
