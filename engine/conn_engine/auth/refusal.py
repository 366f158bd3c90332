"""What a token endpoint says when it does not give a token, as an error without any value of the credential."""

from datetime import UTC, datetime
from typing import Any

from conn_engine.auth.expiry import to_count
from conn_engine.errors import CredentialError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.wire import Request, Response

__all__ = ["check", "clock_hint", "ended_already", "line", "no_token"]

_MAX_WORDS = 300
_CLOCKS_DIFFER = 120.0  # seconds; tokens and signatures are commonly good for some minutes around now


def check(  # noqa: PLR0917
    request: Request, response: Response, body: Any, endpoint: str, redactor: Redactor, now: float
) -> None:
    """Raise CredentialError for a refusal, VendorError for an endpoint that is out of order."""
    status = response.status
    error = _error_name(body)
    if status < 300 and not error:
        return
    words = redactor.text(_words(body))
    said = f"{status} {redactor.text(error)}".strip() + (f": {words}" if words else "")
    if status == 429 or status >= 500:
        raise VendorError(
            f"the token endpoint {endpoint} is out of order ({said})",
            kind="rate_limited" if status == 429 else "vendor_unavailable",
            request=request,
            response=response,
            retry_after=to_count(response.headers.get("retry-after")),
        )
    if 300 <= status < 400:
        raise CredentialError(
            f"the token endpoint {endpoint} answers with a redirect ({status})",
            hint="check `token_url`",
        )
    raise CredentialError(
        f"the token endpoint {endpoint} refuses: {said}", hint=clock_hint(response, now, _hint(error, status))
    )


def no_token(response_told: str | None, body: Any, endpoint: str, redactor: Redactor) -> CredentialError:
    """The error for an answer without a token in it. It names the answer's keys, never their values."""
    names = ", ".join(sorted(str(name)[:40] for name in body)[:8]) if isinstance(body, dict) else ""
    there = isinstance(body, dict) and body.get("access_token") not in (None, "")
    lacks = 'its "access_token" is no text' if there else 'it has no "access_token"'
    where = f"`response: {response_told}` finds none" if response_told else lacks
    known = f"; it has {redactor.text(names)}" if names else ""
    return CredentialError(
        f"the token endpoint {endpoint} does not answer with a token: {where}{known}",
        hint="say where the token is with `response`, and check `token_url`",
    )


def ended_already(endpoint: str, ends: float, response: Response, now: float) -> CredentialError:
    """The error for a token that has ended by the moment it is got: it would be asked for again at every call."""
    then, here = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") for at in (ends, now))
    return CredentialError(
        f"the token endpoint {endpoint} answers with a token that ended at {then}; here it is {here}",
        hint=clock_hint(response, now, "check this machine's clock, and `expires` and `expires_unit`"),
    )


def clock_hint(response: Response, now: float, otherwise: str = "") -> str:
    """What to say when the vendor's clock (its Date header) and this machine's differ too much, before what is said
    `otherwise`; that alone when they agree."""
    from email.utils import parsedate_to_datetime

    try:
        theirs = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise
    apart = now - theirs
    if abs(apart) < _CLOCKS_DIFFER:
        return otherwise
    hours, minutes = divmod(round(abs(apart) / 60), 60)
    much = f"{hours // 24} days" if hours >= 48 else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    way = "ahead of" if apart > 0 else "behind"
    return f"this machine's clock is {much} {way} the vendor's: set it" + (f"; else {otherwise}" if otherwise else "")


def line(text: str) -> str:
    """A vendor's words as one short line."""
    shown = "".join(character if character.isprintable() else " " for character in text[: _MAX_WORDS * 2])
    return " ".join(shown.split())[:_MAX_WORDS]


def _hint(error: str, status: int) -> str:
    if error == "invalid_grant":
        return "what was stored has ended or was revoked: log the account in again (`conn auth login ACCOUNT`)"
    client = "client_id and client_secret (or user and password), and `client_authentication`"
    if error in ("invalid_client", "unauthorized_client"):
        return f"check {client}"
    if status == 401:
        return f"check `token_url`, {client}"
    if status in (404, 405):
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
    within = body["error"] if isinstance(body.get("error"), dict) else {}
    names = ("error_description", "message", "detail", "error_message", "title")
    texts = (level.get(name) for level in (body, within) for name in names)
    return next((line(text) for text in texts if isinstance(text, str) and text.strip()), "")
