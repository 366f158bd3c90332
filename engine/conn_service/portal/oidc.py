"""Log in with OpenID Connect: the authorization code flow with PKCE. All methods block.

The provider's answers are bounded in size, are not redirected, and come only from hosts that may be reached. The ID
token must be signed with a published key by one of a few asymmetric algorithms.
"""

import hmac
import json
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import jwt

from conn_engine.auth.consent import build_challenge, draw_secret
from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.errors import ConnError
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.urls import split_plain_url
from conn_engine.wire import Clock, Headers, Request, Response
from conn_service.portal.roles import PortalRole, find_highest_role

__all__ = ["OidcIdentity", "OidcLoginError", "OidcProvider", "StartedLogin"]

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_MOST_BYTES: Final = 1 << 20
_SECONDS: Final = 10.0
_KEEP_SECONDS: Final = 3_600.0
_RETRY_SECONDS: Final = 10.0
"""How long a failed discovery is not repeated."""
_SKEW_SECONDS: Final = 60.0
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")
_LONGEST_NAME: Final = 200
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcLoginError(Exception):
    """A log-in that failed. The message is for the log, and has nothing that a provider or a browser has sent."""


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """Where a browser goes, and what the answer is compared with."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """A person that the provider knows. `actor` names it for good, `name` is for people, and `role` is None if the
    settings give it none. `is_unverified` is whether that is because the provider does not declare its address
    verified."""

    actor: str
    name: str
    role: PortalRole | None
    is_unverified: bool = False


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the provider publishes about itself, and since when it is known here."""

    read_at: float
    document: Mapping[str, Any]
    keys: tuple[Mapping[str, Any], ...]


class OidcProvider:
    """One provider of identities. Threads may share it."""

    def __init__(
        self, settings: PortalLoginSettings, secret: str, redirect_uri: str, trust: Trust, clock: Clock
    ) -> None:
        self.settings = settings
        self._secret = secret
        self._redirect_uri = redirect_uri
        self._trust = trust
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._failure: tuple[float, OidcLoginError] | None = None

    def begin(self) -> StartedLogin:
        """Return where a browser goes to log in. Raises OidcLoginError."""
        document = self._read_metadata().document
        state, nonce, verifier = draw_secret(), draw_secret(), draw_secret()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.settings.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": build_challenge(verifier),
            "code_challenge_method": "S256",
        }
        url = document["authorization_endpoint"]
        return StartedLogin(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str) -> OidcIdentity:
        """Exchange a code for the identity of a person. Raises OidcLoginError."""
        metadata = self._read_metadata()
        tokens = self._exchange(metadata.document, code, verifier)
        claims = self._verify(str(tokens.get("id_token", "")), nonce)
        needs_address = self.settings.role_claim == "email" and "email_verified" not in claims
        if needs_address or _find_claim(claims, self.settings.role_claim) is None:
            claims = _merge_claims(claims, self._read_user(metadata.document, tokens, claims["sub"]))
        return self._identify(claims)

    # --- requests ---

    def _exchange(self, document: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        client, secret = self.settings.client_id, self._secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret and "client_secret_basic" in methods:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client} | ({"client_secret": secret} if secret else {})
        return self._send("POST", document["token_endpoint"], "the token", headers, urlencode(form).encode())

    def _read_user(self, document: Mapping[str, Any], tokens: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """Return the user information, if the provider has it. It must be about the same person."""
        url, token = document.get("userinfo_endpoint"), tokens.get("access_token")
        if not isinstance(url, str) or not isinstance(token, str):
            return {}
        _check_url(url)
        found = self._send("GET", url, "the user information", {"Authorization": f"Bearer {token}"})
        if found.get("sub") != subject:
            raise OidcLoginError("the user information is about somebody else")
        return found

    def _read_metadata(self, *, again: bool = False) -> _Metadata:
        with self._lock:
            known, now = self._metadata, self._clock.now()
            if known is None or again or not 0 <= now - known.read_at < _KEEP_SECONDS:
                known = self._metadata = self._fetch_rarely(now)
            return known

    def _fetch_rarely(self, now: float) -> _Metadata:
        """Fetch what the provider publishes, unless that has just failed: a provider in trouble gets few requests."""
        if self._failure is not None and 0 <= now - self._failure[0] < _RETRY_SECONDS:
            raise OidcLoginError(f"{self._failure[1]} (as {now - self._failure[0]:.0f} seconds ago)")
        try:
            found = self._fetch_metadata(now)
        except OidcLoginError as error:
            self._failure = (now, error)
            raise
        self._failure = None
        return found

    def _fetch_metadata(self, now: float) -> _Metadata:
        issuer = self.settings.issuer
        _check_url(issuer)
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self._send("GET", url, "the discovery document")
        if document.get("issuer") != issuer:
            raise OidcLoginError("the discovery document has another issuer than conn.yaml")
        for name in _ENDPOINTS:
            _check_url(document.get(name))
        keys = self._send("GET", document["jwks_uri"], "the keys").get("keys")
        if not isinstance(keys, list):
            raise OidcLoginError("the provider has published no keys")
        return _Metadata(now, document, tuple(key for key in keys if isinstance(key, dict)))

    def _send(
        self, method: str, url: str, what: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Mapping[str, Any]:
        fields = Headers([("Accept", "application/json"), *(headers or {}).items()])
        request = Request(method, url, fields, body, label="portal log-in", idempotent=False, timeout_seconds=_SECONDS)
        try:
            with Live(trust=self._trust, clock=self._clock, max_redirects=0, max_bytes=_MOST_BYTES) as sender:
                return _read_object(sender.send(request), what)
        except ConnError as error:
            raise OidcLoginError(f"{what} cannot be read: {error.message}") from None

    # --- the ID token ---

    def _verify(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token that was issued for this log-in."""
        key = self._find_key(token)
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self.settings.client_id,
                issuer=self.settings.issuer,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise OidcLoginError(f"the ID token is not valid ({type(error).__name__})") from None
        now = self._clock.now()
        times = [claims["exp"], claims["iat"]]
        if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
            raise OidcLoginError("the ID token has a time that is not a number")
        if now > claims["exp"] + _SKEW_SECONDS or now < claims["iat"] - _SKEW_SECONDS:
            raise OidcLoginError("the ID token has expired, or a clock is wrong")
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if (is_shared or "azp" in claims) and claims.get("azp") != self.settings.client_id:
            raise OidcLoginError("the ID token was issued to another client")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise OidcLoginError("the ID token belongs to another log-in")
        if not _is_name(claims["sub"]):
            raise OidcLoginError("the ID token has no usable subject")
        return claims

    def _find_key(self, token: str) -> Any:
        """Return the key that an ID token names. The keys are read again if it is not among them."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise OidcLoginError("the provider has sent no ID token") from None
        for again in (False, True):
            found = [key for key in self._read_metadata(again=again).keys if _fits(key, header)]
            if found:
                break
        if len(found) != 1:
            raise OidcLoginError("the ID token is not signed with one of the published keys")
        try:
            return jwt.PyJWK(dict(found[0]), algorithm=header["alg"]).key
        except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
            raise OidcLoginError(f"the key of the ID token cannot be used ({type(error).__name__})") from None

    # --- the person ---

    def _identify(self, claims: Mapping[str, Any]) -> OidcIdentity:
        value = _find_claim(claims, self.settings.role_claim)
        is_verified = claims.get("email_verified") in (True, "true")  # some providers write it as text
        is_unverified = self.settings.role_claim == "email" and value is not None and not is_verified
        value = None if is_unverified else value
        values = {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)} | {"*"}
        roles = [role for role, given in self.settings.roles.items() if values & {*given}]
        names = (claims.get(name) for name in ("email", "preferred_username", "name", "sub"))
        name = next(
            one for one in names if isinstance(one, str) and one.isprintable() and 0 < len(one) <= _LONGEST_NAME
        )
        subject = claims["sub"]
        actor = f"oidc:{subject}" if name == subject else f"oidc:{subject} ({name})"
        return OidcIdentity(actor, name, find_highest_role(roles), is_unverified)


def _fits(key: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    """Return whether a published key may have signed a token with this header."""
    is_named = "kid" not in header or key.get("kid") == header["kid"]
    is_of_algorithm = header.get("alg") in _ALGORITHMS and key.get("alg", header["alg"]) == header["alg"]
    return is_named and is_of_algorithm and key.get("use", "sig") == "sig" and key.get("kty") != "oct"


def _find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by a path through objects; None without one."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _merge_claims(claims: Mapping[str, Any], user: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the claims of an ID token with those of the user information that it lacks. Whether an address is verified
    is only taken with the same address."""
    address = claims.get("email")
    if address is not None and user.get("email") != address:
        user = {name: value for name, value in user.items() if name != "email_verified"}
    return {**user, **claims}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_NAME


def _check_url(url: Any) -> None:
    """Raise OidcLoginError for what is not an https URL (http is allowed on this machine)."""
    parts = split_plain_url(url if isinstance(url, str) and url.isascii() and url.isprintable() else "")
    is_local = parts.scheme == "http" and parts.hostname in _LOCAL
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise OidcLoginError("an address of the provider is not an https URL")


def _read_object(response: Response, what: str) -> Mapping[str, Any]:
    if response.status != 200:
        raise OidcLoginError(f"{what} cannot be read: the provider answered {response.status}")
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise OidcLoginError(f"{what} is not a JSON object")
    return data
