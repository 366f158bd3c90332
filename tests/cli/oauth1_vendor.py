"""An OAuth 1.0a provider and an API behind it, on loopback: `oauthlib` checks every signature, time and nonce."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from oauthlib.oauth1 import RequestValidator, WebApplicationServer
from oauthlib.oauth1.rfc5849 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_RSA_SHA256
from vendor import Arrived, Reply, start_vendor

__all__ = ["Provider", "provider"]


@dataclass
class Provider:
    """Its clients and tokens. `calls` are the API's, `deny` whether the person says no."""

    client_key: str = "consumer-key-0123456789"
    client_secret: str = "consumer-secret-0123456789"
    rsa_public_key: str = ""
    port: int = 0
    deny: bool = False
    callbacks: dict[str, str] = field(default_factory=dict)
    request_secrets: dict[str, str] = field(default_factory=dict)
    verifiers: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    nonces: set[tuple[str, ...]] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Validator(RequestValidator):  # type: ignore[misc]
    """What the provider knows, as the library asks for it."""

    enforce_ssl = False
    allowed_signature_methods = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_RSA_SHA256)
    dummy_client = dummy_request_token = dummy_access_token = "x" * 24

    def __init__(self, of: Provider) -> None:
        super().__init__()
        self.of = of

    def check_client_key(self, client_key: str) -> bool:
        return 8 <= len(client_key) <= 64

    check_request_token = check_access_token = check_verifier = check_nonce = check_client_key

    def validate_timestamp_and_nonce(  # noqa: PLR0917
        self, client_key: str, timestamp: str, nonce: str, request: Any, request_token: str = "", access_token: str = ""
    ) -> bool:
        seen = (client_key, timestamp, nonce, request_token or "", access_token or "")
        fresh = seen not in self.of.nonces
        self.of.nonces.add(seen)
        return fresh

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == self.of.client_key

    def validate_request_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.of.request_secrets

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.of.access

    def validate_redirect_uri(self, client_key: str, redirect_uri: str, request: Any) -> bool:
        return urlsplit(redirect_uri).hostname == "127.0.0.1"

    def validate_requested_realms(self, client_key: str, realms: list[str], request: Any) -> bool:
        return True

    def validate_realms(self, client_key: str, token: str, request: Any, uri: str = "", realms: Any = None) -> bool:
        return True

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        return self.of.verifiers.get(token) == verifier

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self.of.client_secret

    def get_rsa_key(self, client_key: str, request: Any) -> str:
        return self.of.rsa_public_key

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.of.request_secrets.get(token, "-")

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.of.access.get(token, "-")

    def get_realms(self, token: str, request: Any) -> list[str]:
        return []

    get_default_realms = get_realms

    def save_request_token(self, token: dict[str, str], request: Any) -> None:
        self.of.request_secrets[token["oauth_token"]] = token["oauth_token_secret"]
        self.of.callbacks[token["oauth_token"]] = request.redirect_uri

    def save_access_token(self, token: dict[str, str], request: Any) -> None:
        self.of.access[token["oauth_token"]] = token["oauth_token_secret"]
        token["screen_name"] = "ada"

    def invalidate_request_token(self, client_key: str, request_token: str, request: Any) -> None:
        self.of.request_secrets.pop(request_token, None)


def _answer(of: Provider, library: WebApplicationServer, arrived: Arrived) -> Reply:
    headers = {"Authorization": arrived.headers.get("authorization", "")}
    if "content-type" in arrived.headers:
        headers["Content-Type"] = arrived.headers["content-type"]
    request = (f"{of.url}{arrived.target}", arrived.method, arrived.body.decode(), headers)
    if arrived.path in ("/request_token", "/access_token"):
        kind = "request" if arrived.path == "/request_token" else "access"
        reply, body, status = getattr(library, f"create_{kind}_token_response")(*request, {})
        return status, {"Content-Type": "text/html", **reply}, body or ""
    if arrived.path == "/authorize":
        return 302, {"Content-Type": "text/html", "Location": _consent(of, arrived.query["oauth_token"])}, ""
    valid, _ = library.validate_protected_resource_request(*request, realms=[])
    of.calls.append(f"{valid} {arrived.method} {arrived.target}")
    return (200 if valid else 401), [{"id": 1}]


def _consent(of: Provider, token: str) -> str:
    back = of.callbacks[token]
    if of.deny:
        return f"{back}?denied={token}"
    of.verifiers[token] = secrets.token_hex(12)
    return f"{back}?oauth_token={token}&oauth_verifier={of.verifiers[token]}"


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve until the block is left."""
    made = Provider()
    library = WebApplicationServer(_Validator(made))
    with start_vendor(lambda arrived: _answer(made, library, arrived)) as vendor:
        made.port = vendor.port
        yield made
