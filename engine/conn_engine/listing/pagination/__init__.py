"""How a listing continues from page to page. `Pagination` lists the strategies; to add one, write a class and list it
there.

Each strategy has settings and three methods (`place`, `advance`, `retreat`); `pages` is the loop over them. The caller
fetches pages and processes them.
"""

from typing import TypeAlias, get_args

from conn_engine.listing.pagination.cursor import Cursor
from conn_engine.listing.pagination.dynamic import Dynamic
from conn_engine.listing.pagination.ending import check_strategies
from conn_engine.listing.pagination.link_header import LinkHeader
from conn_engine.listing.pagination.links import Link, parse_links
from conn_engine.listing.pagination.loop import MAX_EMPTY_PAGES, Delivered, Emit, Fetch, Strategy, Turn, pages
from conn_engine.listing.pagination.nested import Nested
from conn_engine.listing.pagination.next_url import NextUrl
from conn_engine.listing.pagination.none import NoPagination
from conn_engine.listing.pagination.offset import Offset
from conn_engine.listing.pagination.page import PageNumber
from conn_engine.listing.pagination.ranges import Range
from conn_engine.listing.pagination.restart_settings import Filter, Restart

__all__ = [
    "MAX_EMPTY_PAGES",
    "Cursor",
    "Delivered",
    "Dynamic",
    "Emit",
    "Fetch",
    "Filter",
    "Link",
    "LinkHeader",
    "Nested",
    "NextUrl",
    "NoPagination",
    "Offset",
    "PageNumber",
    "Pagination",
    "Range",
    "Restart",
    "Strategy",
    "Turn",
    "pages",
    "parse_links",
]

Pagination: TypeAlias = PageNumber | Offset | Cursor | NextUrl | LinkHeader | Range | Dynamic | Nested | NoPagination

check_strategies(set(get_args(Pagination)) - {NoPagination})  # a single page needs no rules
