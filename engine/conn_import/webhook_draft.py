"""The webhooks that a document describes without their verification, as a comment for connector.yaml."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from conn_engine.config.vendors import find_known
from conn_import.words import to_comment, to_snake

__all__ = ["WebhookDraft", "format_webhook_draft"]

_WIDTH = 108
_MOST_TYPES = 40
_SIGNATURE_WORDS = frozenset({"digest", "hmac", "sha1", "sha256", "sha512", "sign", "signature"})
_USUAL_HEADER = "x-signature"


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """What is known of a vendor's webhooks: the types of events, the headers of deliveries, and the expressions for the
    type and for the record of an event, or ""."""

    types: tuple[str, ...]
    headers: tuple[str, ...] = ()
    type_place: str = ""
    record_place: str = ""


def format_webhook_draft(draft: WebhookDraft, connector: str) -> Iterator[str]:
    """Format the lines of the comment. Without the first `# `, those below `webhooks:` are settings that load."""
    known = find_known(connector).get("webhook-schemes")
    printed = f"conn webhook scheme {connector} prints verify" if known else "conn explain webhooks.verify"
    yield from _wrap(
        "Not verified: the document describes webhooks, but not how to verify a delivery, so they are a comment. "
        f"Correct verify ({printed}), add its secret to fields as {{ name: webhook_secret, secret: true, required: "
        "false }, and remove the # of the lines below."
    )
    more = f" and {len(draft.types) - _MOST_TYPES} more" if len(draft.types) > _MOST_TYPES else ""
    yield from _wrap(f"Events in the document: {', '.join(draft.types[:_MOST_TYPES])}{more}.")
    yield "# webhooks:"
    yield f"#   verify: {_format_verification(draft)}"
    yield "#   events:"
    if draft.type_place:
        yield f"#     type: {_quote(draft.type_place)} # guess"
    else:
        yield "#     type: body.type # guess: the document does not have it"
    if draft.record_place:
        yield f"#     record: {_quote(draft.record_place)} # guess"


def _format_verification(draft: WebhookDraft) -> str:
    if any(header.lower() == "webhook-signature" for header in draft.headers):
        return "{ format: standard_webhooks } # guess, from the names of the headers"
    signature = next((one for one in draft.headers if _SIGNATURE_WORDS & set(to_snake(one).split("_"))), "")
    place = _quote(f'headers."{(signature or _USUAL_HEADER).lower()}"')
    note = "guess, from the name of the header" if signature else "guess: the document has no header with a signature"
    return f"{{ format: hmac, signature: {place} }} # {note}"


def _quote(expression: str) -> str:
    """Quote an expression for YAML, if it needs quotes."""
    text = to_comment(expression)
    return "'" + text.replace("'", "''") + "'" if any(mark in text for mark in ('"', ": ", " #")) else text


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(
        to_comment(text, len(text) + 1), _WIDTH, initial_indent="# ", subsequent_indent="# ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
