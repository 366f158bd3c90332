"""The pages of a link as data, and why one cannot be used or an attempt failed: texts for the customer.

No text has words of the vendor. `detail` has them, if a deployment shows them.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from conn_engine.errors import ConnError, CredentialError, TransportError, UsageError, VendorError

__all__ = ["ConnectPage", "Notice", "NoticeKind", "build_notice", "describe_denial", "describe_failure"]

NoticeKind = Literal[
    "unknown",
    "expired",
    "used",
    "spent",
    "gone",
    "cookie",
    "elsewhere",
    "repeated",
    "state",
    "browser",
    "denied",
    "exchange",
    "refused",
    "not_allowed",
    "unavailable",
    "busy",
    "timeout",
    "setup",
    "store",
    "input",
    "internal",
]


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened, and what the customer does next. `can_retry` offers the page of the link again."""

    kind: NoticeKind
    status: int
    title: str
    text: str
    can_retry: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """A page to show: its template and the values for it. With `location`, the browser goes there instead."""

    template: Literal["form", "leave", "done", "notice", "frame"]
    status: int = 200
    values: dict[str, Any] = field(default_factory=dict)
    location: str = ""


_NOTICES: Final[dict[NoticeKind, tuple[int, str, str, bool]]] = {
    "unknown": (
        404,
        "This link is not valid",
        "Check that you opened the complete address. If it still does not work, ask {sender} for a new link.",
        False,
    ),
    "expired": (410, "This link has expired", "Ask {sender} for a new link.", False),
    "used": (
        410,
        "This link was already used",
        "Each link works once. If you did not use it yourself, tell {sender}. To connect again, ask for a new link.",
        False,
    ),
    "spent": (
        410,
        "There were too many attempts",
        "For your safety, this link no longer works. Ask {sender} for a new one.",
        False,
    ),
    "gone": (
        410,
        "This link no longer works",
        "What it was for was changed or removed. Ask {sender} for a new link.",
        False,
    ),
    "cookie": (
        403,
        "Your browser did not confirm this form",
        "The form works only in the browser that opened it, and needs a cookie. Allow cookies for this page, and try "
        "again.",
        True,
    ),
    "elsewhere": (
        403,
        "This form was sent from another site",
        "Open the link that you received, and send the form from there.",
        True,
    ),
    "repeated": (
        409,
        "This form was already sent",
        "Nothing was sent twice. Open the page again to see the result.",
        True,
    ),
    "state": (
        400,
        "This log-in is no longer valid",
        "A log-in can be finished once, within 15 minutes. Open the link that you received, and start again.",
        False,
    ),
    "browser": (
        403,
        "This log-in was started in another browser",
        "If it was you, go back to that browser. If not, close this page: somebody may want access to your data.",
        False,
    ),
    "denied": (
        403,
        "Access was not granted",
        "{vendor} did not grant access. Try again, and agree on the page of {vendor}. You may need a user who is "
        "allowed to do that.",
        True,
    ),
    "exchange": (
        422,
        "{vendor} did not complete the log-in",
        "Try again. If it fails again, tell {sender} what you see here.",
        True,
    ),
    "refused": (
        422,
        "{vendor} did not accept this",
        "Check that the values are complete, belong to this account, and have not been withdrawn.",
        True,
    ),
    "not_allowed": (
        422,
        "{vendor} accepts this, but does not allow access",
        "The user or key lacks a permission. Add it in {vendor}, or use one that has it.",
        True,
    ),
    "unavailable": (
        502,
        "{vendor} cannot be reached",
        "Nothing is wrong with what you entered. Try again in a few minutes.",
        True,
    ),
    "busy": (503, "{vendor} receives too many requests", "Wait a few minutes, then try again.", True),
    "timeout": (504, "{vendor} did not answer in time", "Try again in a few minutes.", True),
    "setup": (
        500,
        "The connection to {vendor} has an error in its setup",
        "You cannot correct it yourself. Tell {sender} what you see here.",
        True,
    ),
    "store": (503, "The connection could not be stored", "Nothing was saved. Try again in a few minutes.", True),
    "internal": (
        500,
        "Something went wrong on our side",
        "Open the page again. If it still fails, tell {sender}.",
        False,
    ),
    "input": (
        422,
        "A value cannot be used",
        "Check that each value is complete and was pasted without other text.",
        True,
    ),
}


def build_notice(kind: NoticeKind, *, vendor: str = "", sender: str = "", detail: str = "") -> Notice:
    """Return a notice with the names of the vendor and of who sent the link."""
    status, title, text, can_retry = _NOTICES[kind]
    names = {"vendor": vendor or "The other service", "sender": sender or "the person who sent it to you"}
    return Notice(kind, status, title.format(**names), text.format(**names), can_retry, detail)


def describe_denial(error: str) -> NoticeKind:
    """Return what an error in the vendor's redirect means for the customer (RFC 6749, 4.1.2.1)."""
    if error in ("server_error", "temporarily_unavailable"):
        return "unavailable"
    wrong = ("invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope")
    return "setup" if error in wrong else "denied"


def describe_failure(error: ConnError) -> NoticeKind:
    """Return what an error of an attempt means for the customer."""
    if isinstance(error, TransportError):
        return "timeout" if error.fault == "timeout" else "unavailable"
    if isinstance(error, VendorError):
        kinds: dict[str, NoticeKind] = {
            "unauthorized": "refused",
            "forbidden": "not_allowed",
            "rate_limited": "busy",
            "vendor_unavailable": "unavailable",
        }
        return kinds.get(error.kind, "setup")
    if isinstance(error, CredentialError):
        return "store" if error.category == "store" else "refused"
    return "input" if isinstance(error, UsageError) else "setup"
