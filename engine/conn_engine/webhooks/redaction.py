"""Redact a delivery for a recording: private headers and values, but not generated secrets and marks."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlencode

from conn_engine.recordings.files import redacted_text
from conn_engine.secrets import NumberingRedactor, Redactor, is_secret_name
from conn_engine.webhooks.text_marks import MARK, swap_texts
from conn_engine.wire import Headers

__all__ = ["DeliveryRedactor", "clean_body", "clean_headers"]

_FORM = "application/x-www-form-urlencoded"
_PROOFS = re.compile(r"signature|hmac|digest|token|secret|authorization|cookie", re.IGNORECASE)
# fmt: off
_TRANSIT = frozenset({
    "accept", "accept-encoding", "accept-language", "connection", "content-encoding", "content-length", "expect",
    "forwarded", "host", "keep-alive", "origin", "priority", "proxy-connection", "te", "trailer", "traceparent",
    "tracestate", "transfer-encoding", "upgrade", "via",
})
# fmt: on
_TRANSIT_BEGINNINGS = ("x-forwarded-", "x-real-ip", "x-amzn-", "x-envoy-", "cf-", "ngrok-", "true-client-ip", "sec-")


class DeliveryRedactor(NumberingRedactor):
    """A redactor that leaves values with a generated secret or a mark."""

    def __init__(self, redactor: Redactor, generated: Sequence[str]) -> None:
        super().__init__(redactor)
        self._generated = tuple(generated)

    def contains_replacement(self, value: str) -> bool:
        """Return whether a generated secret or a mark is part of the value."""
        return MARK.search(value) is not None or any(new in value for new in self._generated)

    def _make_placeholder(self, value: str) -> str:
        return value if self.contains_replacement(value) else super()._make_placeholder(value)


def clean_headers(
    headers: Headers, pairs: Sequence[tuple[str, str]], redactor: DeliveryRedactor, named: Callable[[str], bool]
) -> list[tuple[str, str]]:
    rows = []
    for name, value in headers.pairs:
        key, new = name.lower(), swap_texts(value, pairs)
        private = (is_secret_name(key) or _PROOFS.search(key)) and not redactor.contains_replacement(new)
        transit = key in _TRANSIT or key.startswith(_TRANSIT_BEGINNINGS)
        if private and not (named(key) and not is_secret_name(key)):
            continue
        if not transit or named(key) or redactor.contains_replacement(new):
            rows.append((name, redactor.url(new)))
    return rows


def clean_body(text: str, kind: str, redactor: Redactor) -> str:
    if kind.partition(";")[0].strip().lower() != _FORM:
        return redacted_text(text, redactor)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=10_000)
    except ValueError:
        return redactor.url(text)
    clean = [(name, _clean_field(name, value, redactor)) for name, value in pairs]
    return text if clean == pairs else urlencode(clean)


def _clean_field(name: str, value: str, redactor: Redactor) -> str:
    if is_secret_name(name) and value:
        return str(redactor.data({name: value})[name])
    return redacted_text(value, redactor)
