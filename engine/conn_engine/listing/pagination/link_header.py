"""Pages by the Link header (RFC 8288). `links` parses the header."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.followed import Followed
from conn_engine.listing.pagination.links import Link, find_link
from conn_engine.listing.pagination.next_url import resolve
from conn_engine.roles import HEADER
from conn_engine.settings import Answer

__all__ = ["LinkHeader"]


class LinkHeader(Followed, frozen=True, kw_only=True, tag_field="format", tag="link_header"):
    """The URL of the next page is in the Link header. State: `{url}`, absolute. `stop` and `has_more` see the
    parameters of the next link as `link`."""

    aliases: ClassVar[Mapping[str, str]] = {
        "link_rel": "rel",
        "header": "link_from_header",
        "limit_param": "size_param",
        "page_size": "size",
        "limit": "size",
    }

    rel: Annotated[str, Meta(description="Relation type of the next page's link.")] = "next"
    prev_rel: Annotated[str, Meta(description="Relation type of the previous page's link.")] = "prev"
    link_from_header: Annotated[str, Meta(description="Response header with the links.", extra=HEADER)] = "Link"

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end."""
        link = self._find(answer, self.rel)
        if link is None or self.is_missing(link.target) or self.is_end(answer, link=link.params):
            return None
        return {"url": resolve(link.target, answer, without=self.without)}

    def lead(self) -> EndKey | None:
        """Return the header as the key."""
        return EndKey("link_from_header", self.link_from_header, "header")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page if the header has it."""
        link = self._find(answer, self.prev_rel)
        if link is None or not link.target:
            return None
        return {"url": resolve(link.target, answer, without=self.without)}

    def _find(self, answer: Answer, rel: str) -> Link | None:
        return find_link(answer.response.headers.get_all(self.link_from_header), rel)
