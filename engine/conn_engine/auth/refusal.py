"""What a token endpoint says when it does not give a token, as an error without any value of the credential."""

from typing import Any

from conn_engine.auth.expiry import whole
from conn_engine.errors import CredentialError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.wire import Request, Response

__all__ = ["check", "line", "no_token"]

_MAX_WORDS = 300


def check(request: Request, response: Response, body: Any, host: str, redactor: Redactor) -> None:
    """Raise CredentialError for a refusal, VendorError for an endpoint that is out of order."""
    status = response.status
    error = _error_name(body)
    if status < 300 and not error:
        return
    words = redactor.text(_words(body))
    said = f"{status} {redactor.text(error)}".strip() + (f": {words}" if words else "")
    if status == 429 or status >= 500:
        raise VendorError(
            f"the token endpoint {host} is out of order ({said})",
            kind="rate_limited" if status == 429 else "vendor_unavailable",
            request=request,
            response=response,
            retry_after=whole(response.headers.get("retry-after")),
        )
    if 300 <= status < 400:
        raise CredentialError(
            f"the token endpoint {host} answers with a redirect ({status})",
            hint="check `token_url`",
        )
    raise CredentialError(f"the token endpoint {host} refuses: {said}", hint=_hint(error, status))


def no_token(response_told: str | None, body: Any, host: str, redactor: Redactor) -> CredentialError:
    """The error for an answer without a token in it. It names the answer's keys, never their values."""
    names = ", ".join(sorted(str(name)[:40] for name in body)[:8]) if isinstance(body, dict) else ""
    where = f"`response: {response_told}` finds none" if response_told else 'it has no "access_token"'
    known = f"; it has {redactor.text(names)}" if names else ""
    return CredentialError(
        f"the token endpoint {host} does not answer with a token: {where}{known}",
        hint="say where the token is with `response`, and check `token_url`",
    )


def line(text: str) -> str:
    """A vendor's words as one short line."""
    shown = "".join(character if character.isprintable() else " " for character in text[: _MAX_WORDS * 2])
    return " ".join(shown.split())[:_MAX_WORDS]


def _hint(error: str, status: int) -> str:
    if error == "invalid_grant":
        return "what was stored has ended or was revoked: log the account in again (`conn auth login ACCOUNT`)"
    if error in ("invalid_client", "unauthorized_client") or status == 401:
        return "check client_id and client_secret (or user and password), and `client_authentication`"
    if status == 404:
        return "check `token_url`"
    return "log the account in again (`conn auth login ACCOUNT`)"


def _error_name(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        error = error.get("code") or error.get("type") or error.get("message")
    if isinstance(error, str) and error:
        return line(error)[:80]
    return "" if error in (None, "", False, 0, []) else "error"


def _words(body: Any) -> str:
    if isinstance(body, str):
        page = body.lstrip()[:15].lower().startswith(("<!doctype", "<html"))
        return "an HTML page" if page else line(body)
    if not isinstance(body, dict):
        return ""
    texts = (body.get(name) for name in ("error_description", "message", "detail", "error_message", "title"))
    return next((line(text) for text in texts if isinstance(text, str) and text.strip()), "")
