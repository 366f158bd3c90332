"""What must arrive where a person consents: OAuth 2's page and two requests, OAuth 1's three legs."""

import base64
import hashlib
from typing import Any

from vendor import Arrived

from providers.connection import Made
from providers.expected import Want, path_of
from providers.templates import deep

__all__ = [
    "VERIFIER", "access_token", "code_exchange", "consent_page", "oauth1_page", "renewal", "request_token",
]  # fmt: skip

VERIFIER = "v" * 43


def _client(made: Made) -> tuple[str, str]:
    name = next(value for name, value in made.environ.items() if name.endswith("_CLIENT_ID"))
    return name, next((value for name, value in made.environ.items() if name.endswith("_CLIENT_SECRET")), "")


def consent_page(made: Made) -> Want:
    """The page that a person opens."""
    entry = made.entry
    told = deep(entry.get("authorization_params") or {}, made.values)
    usual = {
        "client_id": _client(made)[0],
        "redirect_uri": "http://127.0.0.1:8765/callback",
        "state": "state-1",
        "response_type": "code",
    }
    for name, other in (entry.get("authorization_url_replacements") or {}).items():
        usual[other] = usual.pop(name)
    if scopes := entry.get("default_scopes"):
        usual["scope"] = (entry.get("scope_separator") or " ").join(scopes)
    if not entry.get("disable_pkce"):
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        usual |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return Want("get", path_of(made, entry["authorization_url"]), query={**usual, **told})


def code_exchange(made: Made) -> Want:
    """The request that trades the code."""
    fields = {"code": "code-1", "redirect_uri": "http://127.0.0.1:8765/callback"}
    if not made.entry.get("disable_pkce"):
        fields["code_verifier"] = VERIFIER
    told = deep(made.entry.get("token_params") or {}, made.values)
    return _of_the_client(made, made.entry["token_url"], {"grant_type": "authorization_code", **fields, **told})


def renewal(made: Made) -> Want:
    """The request that renews the token."""
    entry = made.entry
    told = deep(entry.get("refresh_params") or {}, made.values)
    fields = {"grant_type": "refresh_token", "refresh_token": "refresh-1", **told}
    return _of_the_client(made, entry.get("refresh_url") or entry["token_url"], fields)


def _of_the_client(made: Made, url: str, fields: dict[str, str]) -> Want:
    want = Want("post", path_of(made, url), data=fields)
    name, secret = _client(made)
    if made.entry.get("token_request_auth_method") == "basic":
        want.headers["authorization"] = "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
    else:
        want.data |= {"client_id": name} | ({"client_secret": secret} if secret else {})
    return want


def request_token(made: Made) -> Want:
    """The first leg."""
    return _leg(made, made.entry["request_url"], made.entry.get("request_params"), "oauth_callback")


def access_token(made: Made) -> Want:
    """The third leg."""
    return _leg(made, made.entry["token_url"], made.entry.get("token_params"), "oauth_verifier")


def _leg(made: Made, url: str, params: Any, says: str) -> Want:
    told = deep(params or {}, made.values) or None

    def check(arrived: Arrived) -> None:
        header = arrived.headers["authorization"]
        assert f'oauth_signature_method="{made.entry["signature_method"]}"' in header and f"{says}=" in header
        key = next(value for name, value in made.environ.items() if name.endswith("CONSUMER_KEY"))
        assert f'oauth_consumer_key="{key}"' in header

    return Want("post", path_of(made, url), data=told, checks=[check])


def oauth1_page(made: Made) -> Want:
    """The page of the second leg."""
    told = deep(made.entry.get("authorization_params") or {}, made.values)
    return Want("get", path_of(made, made.entry["authorization_url"]), query={"oauth_token": "request-1", **told})
