"""Pages by next URL: the response contains the complete next request, in its body or in a header.

Whether a credential may be sent there is not decided here: a next URL on another host is checked by the transport's
gateway.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, quote, unquote_plus, urlunsplit

from msgspec import Meta

from conn_engine.errors import VendorError
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.followed import Followed
from conn_engine.roles import HEADER, expression_over
from conn_engine.settings import Answer
from conn_engine.transport import gateway
from conn_engine.urls import join_url, split_plain_url

__all__ = ["NextUrl", "resolve"]

_MAX_URL = 16_384
_ABSOLUTE = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]*:)?//")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class NextUrl(Followed, frozen=True, kw_only=True, tag_field="format", tag="next_url"):
    """A response has the URL of the next page. State: `{url}`, absolute, or `{path}` below base_url. The URL is
    complete: the first request's query is not added again. Templates see `page.url` (null on the first page)."""

    aliases: ClassVar[Mapping[str, str]] = {
        "next_path": "next_url_field",
        "next_field": "next_url_field",
        "next_key": "next_url_field",
        "next_url_path": "next_url_field",
        "next_link_field": "next_url_field",
        "prev_url_path": "prev_url_field",
        "prev_field": "prev_url_field",
        "next_url_header": "next_url_from_header",
        "limit_param": "size_param",
        "page_size": "size",
        "limit": "size",
    }

    next_url_field: Annotated[
        str | None,
        Meta(
            description="The next page's URL; absolute, a path, or relative (`?page=2`).",
            extra=expression_over("body"),
        ),
    ] = None
    next_url_from_header: Annotated[
        str | None, Meta(description="Response header with the next page's URL.", extra=HEADER)
    ] = None
    next_url: Annotated[
        str | None,
        Meta(
            description="The next page's URL, if it is computed (`headers.next ?? body.next`); absolute, a path, or "
            "relative.",
            extra=expression_over("paging"),
        ),
    ] = None
    prev_url_field: Annotated[
        str | None,
        Meta(description="The previous page's URL.", extra=expression_over("body")),
    ] = None

    relative_to: Annotated[
        Literal["request", "base_url"],
        Meta(
            description="What a path is relative to: `request`, the URL of the request, as in browsers (`/v2/x` "
            "starts at the host), or `base_url` (`/x` is a path like those of operations)."
        ),
    ] = "request"

    def __post_init__(self) -> None:
        if not (self.next_url_field or self.next_url_from_header or self.next_url):
            raise ValueError("next_url pagination needs `next_url_field` (or `next_url_from_header`, or `next_url`)")

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end."""
        if self.is_end(answer):
            return None
        if self.next_url_from_header is not None:
            value: Any = answer.response.headers.get(self.next_url_from_header)
        elif self.next_url is not None:
            value = answer.ask(self.next_url)
        else:
            value = answer.field(self.next_url_field or "")
        return None if self.is_missing(value) else self._state(value, answer)

    def lead(self) -> EndKey | None:
        """Return the key of the next URL."""
        if self.next_url_from_header is not None:
            return EndKey("next_url_from_header", self.next_url_from_header, "header")
        if self.next_url is not None:
            return EndKey("next_url", self.next_url, "answer")
        return EndKey("next_url_field", self.next_url_field or "")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page if the response has its URL."""
        value = answer.field(self.prev_url_field) if self.prev_url_field is not None else None
        return None if self.is_missing(value) else self._state(value, answer)

    def _state(self, value: Any, answer: Answer) -> dict[str, Any]:
        url = resolve(value, answer, without=self.without)
        if self.relative_to == "request" or _ABSOLUTE.match(value.strip()):
            return {"url": url}
        parts = split_plain_url(resolve("/" + value.strip().lstrip("/"), answer, without=self.without))
        return {"path": str(urlunsplit(("", "", parts.path, parts.query, "")))}


def resolve(value: Any, answer: Answer, *, without: Sequence[str] = (), label: str = "the next page's URL") -> str:
    """Return the absolute URL of a link in this response. Raises VendorError(bad_response) if it is not an HTTP URL.

    `http://` becomes `https://` when the request went to the same host with https: a vendor behind a proxy often does
    not know its own scheme.
    """
    request_url = str(answer.sent.get("url") or answer.request.url)  # before the credential was added
    problem = _problem(value) or _explain_malformed(joined := join_url(request_url, value.strip()))
    if problem:
        raise VendorError(
            f"{label} {problem}",
            kind="bad_response",
            request=answer.request,
            response=answer.response,
        )
    base, url = split_plain_url(request_url), split_plain_url(joined)
    scheme = url.scheme
    if scheme == "http" and base.scheme == "https" and url.hostname == base.hostname and url.port in (None, base.port):
        scheme = "https"
    query = quote(url.query, safe="%/:=&?~#+!$,;'@()*[]{}|-._")
    if without:
        pairs = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) not in without]
        query = "&".join(pairs)
    path = quote(url.path, safe="%/:=&~+!$,;'@()*-._")
    return str(urlunsplit((scheme, url.netloc, path, query, "")))


def _explain_malformed(url: str) -> str:
    return "" if gateway.is_target(url) else "is not a plain http or https URL"


def _problem(value: Any) -> str:
    if not isinstance(value, str):
        return "is not text"
    if len(value) > _MAX_URL:
        return f"is longer than {_MAX_URL} characters"
    return "contains control characters" if _CONTROL.search(value.strip()) else ""


def same_url(url: str, other_url: str, *, with_credential: str | None = None) -> bool:
    """Return whether two absolute URLs request the same: the order and the encoding of the query do not matter.

    `with_credential` is `right` as it was sent. Its additional parameters belong to the credential, and are ignored if
    a vendor echoes them in `left`.
    """
    if url == other_url:
        return True
    a, b = split_plain_url(url), split_plain_url(other_url)
    if (a.scheme, a.netloc.lower(), a.path or "/") != (b.scheme, b.netloc.lower(), b.path or "/"):
        return False
    parameters = parse_qsl(b.query, True)
    sent_parameters = parse_qsl(split_plain_url(with_credential).query, True) if with_credential is not None else []
    secret = {name for name, _ in sent_parameters} - {name for name, _ in parameters}
    return sorted(pair for pair in parse_qsl(a.query, True) if pair[0] not in secret) == sorted(parameters)
