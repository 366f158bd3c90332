"""An OAuth 1.0a provider and an API behind it, on loopback: `oauthlib` checks every signature, time and nonce."""

import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth1 import RequestValidator, WebApplicationServer
from oauthlib.oauth1.rfc5849 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_RSA_SHA256

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


def _handler(of: Provider) -> type[http.server.BaseHTTPRequestHandler]:
    server = WebApplicationServer(_Validator(of))

    class Handler(http.server.BaseHTTPRequestHandler):
        def _told(self) -> tuple[str, str, str, dict[str, str]]:
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size).decode()
            headers = {"Authorization": self.headers.get("authorization", "")}
            if self.headers.get("content-type"):
                headers["Content-Type"] = self.headers["content-type"]
            return f"{of.url}{self.path}", self.command, body, headers

        def _say(self, status: int, headers: dict[str, str], body: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def _answer(self) -> None:
            path = urlsplit(self.path).path
            told = self._told()
            if path == "/request_token":
                headers, body, status = server.create_request_token_response(*told, {})
                self._say(status, dict(headers), body or "")
            elif path == "/access_token":
                headers, body, status = server.create_access_token_response(*told, {})
                self._say(status, dict(headers), body or "")
            elif path == "/authorize":
                self._authorize()
            else:
                valid, _ = server.validate_protected_resource_request(*told, realms=[])
                of.calls.append(f"{valid} {self.command} {self.path}")
                self._say(200 if valid else 401, {"Content-Type": "application/json"}, json.dumps([{"id": 1}]))

        do_GET = do_POST = _answer  # noqa: N815 - the server's names

        def _authorize(self) -> None:
            token = parse_qs(urlsplit(self.path).query)["oauth_token"][0]
            back = of.callbacks[token]
            if of.deny:
                self._say(302, {"Location": f"{back}?denied={token}"}, "")
                return
            of.verifiers[token] = secrets.token_hex(12)
            self._say(302, {"Location": f"{back}?oauth_token={token}&oauth_verifier={of.verifiers[token]}"}, "")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve until the block is left."""
    made = Provider()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()
