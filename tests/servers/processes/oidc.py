"""oidc-provider (npm, OpenID certified): issues and rotates tokens. Using a refresh token twice revokes the
whole grant, access tokens included.

The authorization code flow is walked here by plain HTTP, as a browser would, for an account's first tokens.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from processes import cache
from processes.process import free_port, running

__all__ = ["Client", "Oidc", "oidc"]

VERSION = "9.13.3"
PROGRAM = Path(__file__).with_name("oidc.mjs")
CALLBACK = "http://127.0.0.1:9099/callback"  # nothing listens there: the code is read from the redirect


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. `basic`: it authenticates by Basic, form-encoded first; else in the body."""

    name: str
    secret: str
    basic: bool

    def authentication(self) -> dict[str, Any]:
        """The arguments of an httpx call that authenticate this client."""
        if self.basic:
            return {"auth": (quote_plus(self.name), quote_plus(self.secret))}
        return {}

    def fields(self) -> dict[str, str]:
        """The form fields that authenticate this client."""
        return {} if self.basic else {"client_id": self.name, "client_secret": self.secret}


BASIC = Client("web-basic", "web:se/cret+%", True)
POST = Client("web-post", "post-secret", False)
MACHINE = Client("m2m", "m2m-secret", True)
TOLD = Client("told", "told-secret", False)  # hears of people who sign out
DESK = Client("desk", "", False)  # public, on any loopback port

SHARER = Client("sharer", "a shared secret of at least 32 bytes", False)  # signs with its secret

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
RSA_KEY = rsa.generate_private_key(65537, 2048)
SIGNERS: dict[str, PrivateKey] = {
    "RS256": RSA_KEY,
    "PS256": RSA_KEY,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
"""By algorithm the key of the client `signer-<algorithm>`."""


def pem(key: PrivateKey) -> str:
    """A private key as people have it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_jwk(key: PrivateKey) -> dict[str, str]:
    """The public half as a JWK."""

    def text(number: int | bytes, size: int = 0) -> str:
        raw = number if isinstance(number, bytes) else number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": text(numbers.n), "e": text(numbers.e)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": text(point.x, 32), "y": text(point.y, 32)}
    return {"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().public_bytes_raw())}


@dataclass(frozen=True, slots=True)
class Oidc:
    """A running provider."""

    port: int

    @property
    def url(self) -> str:
        """The issuer."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, client: Client, **fields: str) -> httpx.Response:
        """Call the token endpoint."""
        data = {**fields, **client.fields()}
        return httpx.post(f"{self.url}/token", data=data, **client.authentication(), trust_env=False)

    def userinfo(self, access_token: str) -> httpx.Response:
        """Ask who the token speaks for."""
        return httpx.get(f"{self.url}/me", headers={"authorization": f"Bearer {access_token}"}, trust_env=False)

    def introspect(self, client: Client, token: str) -> dict[str, Any]:
        """What the provider knows of a token that it gave this client."""
        data = {"token": token, **client.fields()}
        answer = httpx.post(f"{self.url}/token/introspection", data=data, **client.authentication(), trust_env=False)
        known: dict[str, Any] = answer.raise_for_status().json()
        return known

    def sign_in(self, client: Client, person: str) -> dict[str, Any]:
        """The authorization code flow from end to end; returns the token endpoint's answer."""
        code = self.authorization_code(client, person)
        answer = self.token(client, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
        tokens: dict[str, Any] = answer.raise_for_status().json()
        return tokens

    def authorization_code(self, client: Client, person: str) -> str:
        """Log in and consent on the provider's own pages; returns the code of the last redirect."""
        query = {"client_id": client.name, "response_type": "code", "redirect_uri": CALLBACK}
        query |= {"scope": "openid offline_access email", "prompt": "consent", "state": "s"}
        target = self.consent(f"{self.url}/auth?{urlencode(query)}", person)
        return parse_qs(urlsplit(target).query)["code"][0]

    def sign_out(self, client: Client, person: str) -> dict[str, Any]:
        """Sign in and out again on the provider's own pages; returns what the token endpoint gave meanwhile."""
        query = {"client_id": client.name, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}
        with httpx.Client(trust_env=False) as browser:
            target = walked(browser, f"{self.url}/auth?{urlencode(query)}", person)
            code = parse_qs(urlsplit(target).query)["code"][0]
            answer = self.token(client, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
            tokens: dict[str, Any] = answer.raise_for_status().json()
            page = browser.get(f"{self.url}/session/end", params={"id_token_hint": tokens["id_token"]})
            form = re.search(r'action="([^"]+)"', page.text)
            mark = re.search(r'name="xsrf" value="([^"]+)"', page.text)
            assert form and mark, f"not a page to sign out: {page.status_code} {page.text[:300]}"
            browser.post(page.url.join(form[1]), data={"xsrf": mark[1], "logout": "yes"})
        return tokens

    def consent(self, url: str, person: str, *, deny: bool = False) -> str:
        """Open an authorization URL, log in and consent (or abort); returns the address that the browser ends at,
        which is not opened."""
        with httpx.Client(trust_env=False) as browser:
            return walked(browser, url, person, deny=deny)


def walked(browser: httpx.Client, url: str, person: str, *, deny: bool = False) -> str:
    """Go through the provider's pages of a login; returns the address that the browser ends at."""
    callback = parse_qs(urlsplit(url).query)["redirect_uri"][0]
    answer = browser.get(url)
    for _ in range(12):
        if answer.is_redirect:
            target = str(answer.url.join(answer.headers["location"]))
            if target.startswith(callback):
                return target
            answer = browser.get(target)
            continue
        form = re.search(r'action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert form and prompt, f"not a form of the provider: {answer.status_code} {answer.text[:300]}"
        if deny:
            abort = re.search(r'href="([^"]+/abort)"', answer.text)
            assert abort, "no way to abort on the page"
            answer = browser.get(answer.url.join(abort[1]))
            continue
        fields = {"prompt": prompt[1]}
        if prompt[1] == "login":
            fields |= {"login": person, "password": "any"}
        answer = browser.post(answer.url.join(form[1]), data=fields)
    raise AssertionError("the provider never redirected to the callback")


@contextmanager
def oidc(folder: Path, *, lifetime_seconds: int = 600, logout: str = "", callback: str = CALLBACK) -> Iterator[Oidc]:
    """Install (cached), serve until the block is left. Access tokens live `lifetime_seconds`; the client `told` is told
    at the address `logout`. `callback` is where its web clients are redirected to."""
    modules = cache.node_modules("oidc-provider", VERSION)
    (folder / "node_modules").symlink_to(modules)  # an ES module is found only beside the program
    (folder / PROGRAM.name).write_bytes(PROGRAM.read_bytes())
    port = free_port()
    with running(
        "oidc-provider",
        [cache.tool("node", "Install Node.js 20 or later."), folder / PROGRAM.name],
        url=f"http://127.0.0.1:{port}/.well-known/openid-configuration",
        log=folder / "oidc.log",
        folder=folder,
        environ={
            "PORT": str(port),
            "ACCESS_TTL": str(lifetime_seconds),
            "CALLBACK": callback,
            "LOGOUT": logout,
            "SIGNERS": json.dumps({algorithm: public_jwk(key) for algorithm, key in SIGNERS.items()}),
        },
        ready=lambda answer: answer.status_code == 200,
    ):
        yield Oidc(port)
