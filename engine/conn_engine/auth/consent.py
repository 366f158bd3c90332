"""A person's consent at the vendor's own page (RFC 6749, 4.1; PKCE: RFC 7636; RFC 5849, 2.2): its URL, and what comes
back.

Opening the page and receiving the answer is the caller's; trading the code for a token is the credential's.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.auth.refusal import line
from conn_engine.bodies import encode_query
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.settings import Scope, fill_templates
from conn_engine.urls import split_plain_url

__all__ = ["Consent", "challenge", "check_callback", "consent_url", "fresh_secret"]


@dataclass(frozen=True, slots=True, repr=False)
class Consent:
    """A consent that is asked for. A person opens `url`; the answer comes to `redirect_uri` and has `state` in it,
    under the name `state_param`, and the code under `code_param`. `verifier` is PKCE's secret, or that of an OAuth 1
    request token; None without one. A refusal may have the state under `denied_param` instead."""

    url: str
    redirect_uri: str
    state: str
    verifier: str | None
    state_param: str = "state"
    code_param: str = "code"
    denied_param: str | None = None

    def is_denied(self, callback: Mapping[str, str]) -> bool:
        """Whether an answer is a refusal by the name of its own that the vendor has for one."""
        return self.denied_param is not None and self.denied_param in callback

    def belongs(self, callback: Mapping[str, str]) -> bool:
        """Whether an answer is one to this consent: its state is ours."""
        name = self.denied_param if self.denied_param is not None and self.is_denied(callback) else self.state_param
        return hmac.compare_digest(callback.get(name, "").encode(), self.state.encode())


def fresh_secret() -> str:
    """A new state or PKCE verifier: 256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def consent_url(url: str, params: Mapping[str, Any], names: Scope) -> str:
    """The address that a person opens: `authorization_url` and its parameters, their templates filled in from `names`.

    Raises ConfigurationError for an address that is no https URL (http only on this machine), CredentialError when a
    template names what there is not.
    """
    purpose = "the authorization URL"
    parts = split_plain_url(str(fill_templates(url, names, purpose=purpose)))
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ConfigurationError("`authorization_url` is not an absolute https URL", hint=f"it is {url or 'not said'}")
    query = encode_query(fill_templates(dict(params), names, purpose=purpose).items())
    return f"{parts._replace(fragment='').geturl()}{'&' if parts.query else '?'}{query}"


def check_callback(consent: Consent, callback: Mapping[str, str]) -> dict[str, str]:
    """The answer with its code as `code`. Raises CredentialError when it is not ours, or is no consent."""
    if not consent.belongs(callback):
        raise CredentialError(
            f"the answer does not belong to this log-in: its `{consent.state_param}` is not the one that was sent",
            hint="open the address that this log-in prints, and no earlier one",
        )
    host = split_plain_url(consent.url).hostname or "?"
    error = line(callback.get("error", ""))[:80] or ("denied" if consent.is_denied(callback) else "")
    if error:
        words = line(callback.get("error_description", ""))
        raise CredentialError(
            f"{host} did not grant access: {error}" + (f" ({words})" if words else ""),
            hint="log in again and consent, or check client_id, scopes and redirect_uri",
        )
    code = callback.get(consent.code_param)
    if not code:
        raise CredentialError(
            f"{host} answered without a `{consent.code_param}`", hint="if it calls it otherwise, say `code_param`"
        )
    return {**callback, "code": code}
