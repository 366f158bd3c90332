"""Errors for token endpoints that do not return a usable token. No message contains a value of the credential."""

from datetime import UTC, datetime
from typing import Any

from conn_engine.auth.expiry import to_count
from conn_engine.errors import CredentialError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.wire import Request, Response

__all__ = ["add_clock_hint", "build_expired_token_error", "build_missing_token_error", "line", "raise_for_refusal"]

_MAX_WORDS = 300
_CLOCKS_DIFFER = 120.0  # seconds; tokens and signatures are commonly good for some minutes around now


def raise_for_refusal(  # noqa: PLR0917
    request: Request, response: Response, body: Any, endpoint: str, redactor: Redactor, now: float
) -> None:
    """Raise CredentialError for a refusal, and VendorError for an unavailable endpoint."""
    status = response.status
    error = _error_name(body)
    if status < 300 and not error:
        return
    description = redactor.text(_words(body))
    answer = f"{status} {redactor.text(error)}".strip() + (f": {description}" if description else "")
    if status == 429 or status >= 500:
        state = "rate-limited" if status == 429 else "unavailable"
        raise VendorError(
            f"token endpoint {endpoint} is {state} ({answer})",
            kind="rate_limited" if status == 429 else "vendor_unavailable",
            request=request,
            response=response,
            retry_after=to_count(response.headers.get("retry-after")),
        )
    if 300 <= status < 400:
        raise CredentialError(
            f"token endpoint {endpoint} responded with a redirect ({status})",
            hint="correct `token_url`",
            category="answer",
        )
    raise CredentialError(
        f"token endpoint {endpoint} refused the request: {answer}",
        hint=add_clock_hint(response, now, _hint(error, status)),
        category="refused",
    )


def build_missing_token_error(expression: str | None, body: Any, endpoint: str, redactor: Redactor) -> CredentialError:
    """Return the error for a response without a token. It lists the response's keys, never their values."""
    names = ", ".join(sorted(str(name)[:40] for name in body)[:8]) if isinstance(body, dict) else ""
    has_value = isinstance(body, dict) and body.get("access_token") not in (None, "")
    if expression:
        problem = f"returned no token: `response: {expression}` found nothing"
    else:
        problem = "returned an access_token that is not text" if has_value else "returned no access_token"
    listed = f"; the response has {redactor.text(names)}" if names else ""
    return CredentialError(
        f"token endpoint {endpoint} {problem}{listed}",
        hint="set `response` to the field with the token (`response: response.token`), and check `token_url`",
        category="answer",
    )


def build_expired_token_error(endpoint: str, expires_at: float, response: Response, now: float) -> CredentialError:
    """Return the error for a token that is already expired when it arrives. Storing it would cause a token request for
    every call."""
    then, now_text = (datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") for time in (expires_at, now))
    return CredentialError(
        f"token endpoint {endpoint} returned a token that expired at {then}; this machine's clock shows {now_text}",
        hint=add_clock_hint(response, now, "check this machine's clock, and the settings `expires` and `expires_unit`"),
        category="answer",
    )


def add_clock_hint(response: Response, now: float, otherwise: str = "") -> str:
    """Return the hint to set the clock, before `otherwise`, when the vendor's Date header and this machine's clock
    differ too much; else `otherwise` alone."""
    from email.utils import parsedate_to_datetime

    try:
        vendor_time = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise
    difference = now - vendor_time
    if abs(difference) < _CLOCKS_DIFFER:
        return otherwise
    hours, minutes = divmod(round(abs(difference) / 60), 60)
    amount = f"{hours // 24} days" if hours >= 48 else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    direction = "ahead of" if difference > 0 else "behind"
    return f"set this machine's clock: it is {amount} {direction} the vendor's" + (
        f"; if it still fails, {otherwise}" if otherwise else ""
    )


def line(text: str) -> str:
    """Return a vendor's text as one short line."""
    printable = "".join(character if character.isprintable() else " " for character in text[: _MAX_WORDS * 2])
    return " ".join(printable.split())[:_MAX_WORDS]


def _hint(error: str, status: int) -> str:
    if error == "invalid_grant":
        return "log the account in again (`conn auth login ACCOUNT`): the stored credential has expired or was revoked"
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
        is_page = body.lstrip()[:15].lower().startswith(("<!doctype", "<html"))
        return "an HTML page" if is_page else line(body)
    if not isinstance(body, dict):
        return ""
    nested = body["error"] if isinstance(body.get("error"), dict) else {}
    names = ("error_description", "message", "detail", "error_message", "title")
    texts = (level.get(name) for level in (body, nested) for name in names)
    return next((line(text) for text in texts if isinstance(text, str) and text.strip()), "")
