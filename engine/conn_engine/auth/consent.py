"""A person's consent on the vendor's page: build its URL and check the redirect back (RFC 6749, 4.1; PKCE: RFC 7636;
RFC 5849, 2.2).

The caller opens the page and receives the redirect; the credentials trade the code for a token.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.auth.token_errors import line
from conn_engine.bodies import encode_query
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.settings import Scope, fill_templates
from conn_engine.urls import split_plain_url

__all__ = ["Consent", "build_challenge", "build_consent_url", "check_callback", "draw_secret"]


@dataclass(frozen=True, slots=True, repr=False)
class Consent:
    """A consent to request. A person opens `url`; the vendor then redirects to `redirect_uri` with `state` in the
    parameter `state_param` and the code in `code_param`.

    `verifier` is the PKCE verifier or the secret of an OAuth 1 request token, or None. A denied consent may have the
    state in `denied_param` instead.
    """

    url: str
    redirect_uri: str
    state: str
    verifier: str | None
    state_param: str = "state"
    code_param: str = "code"
    denied_param: str | None = None

    def is_denied(self, callback: Mapping[str, str]) -> bool:
        """Return whether the vendor reports a denied consent with its own parameter."""
        return self.denied_param is not None and self.denied_param in callback

    def has_state(self, callback: Mapping[str, str]) -> bool:
        """Return whether a redirect belongs to this consent: its state is the one that was sent."""
        name = self.denied_param if self.denied_param is not None and self.is_denied(callback) else self.state_param
        return hmac.compare_digest(callback.get(name, "").encode(), self.state.encode())


def draw_secret() -> str:
    """Return a new state or PKCE verifier: 256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def build_challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def build_consent_url(url: str, params: Mapping[str, Any], names: Scope) -> str:
    """Return the URL that a person opens: `authorization_url` with its parameters, the templates filled in from
    `names`.

    Raises ConfigurationError for a URL that is not https (http is allowed on this machine), and CredentialError when a
    template uses an unknown name.
    """
    purpose = "the authorization URL"
    parts = split_plain_url(str(fill_templates(url, names, purpose=purpose)))
    is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise ConfigurationError(
            "`authorization_url` is not an absolute https URL",
            hint=f"set `authorization_url` to an https URL; it is {url or 'not set'}",
        )
    query = encode_query(fill_templates(dict(params), names, purpose=purpose).items())
    return f"{parts._replace(fragment='').geturl()}{'&' if parts.query else '?'}{query}"


def check_callback(consent: Consent, callback: Mapping[str, str]) -> dict[str, str]:
    """Return the redirect's parameters with the code as `code`. Raises CredentialError when the redirect belongs to
    another login or consent was denied."""
    if not consent.has_state(callback):
        raise CredentialError(
            f"the redirect does not belong to this login: its `{consent.state_param}` is not the one that was sent",
            hint="open the URL that this login prints, not an earlier one",
        )
    host = split_plain_url(consent.url).hostname or "?"
    error = line(callback.get("error", ""))[:80] or ("denied" if consent.is_denied(callback) else "")
    if error:
        description = line(callback.get("error_description", ""))
        raise CredentialError(
            f"{host} did not grant access: {error}" + (f" ({description})" if description else ""),
            hint="log in again and grant access; if it still fails, check client_id, scopes and redirect_uri",
        )
    code = callback.get(consent.code_param)
    if not code:
        raise CredentialError(
            f"{host} redirected back without a `{consent.code_param}`",
            hint="set `code_param` to the name of the parameter with the code",
        )
    return {**callback, "code": code}
