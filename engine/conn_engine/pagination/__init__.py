"""How a listing goes from page to page. `Pagination` is the list of strategies: a new one is a class and its
name here.

Each strategy is settings and three methods (`place`, `advance`, `retreat`); `pages` is the loop over them.
What is fetched and what becomes of a page is the caller's.
"""

from typing import TypeAlias

from conn_engine.pagination.cursor import Cursor
from conn_engine.pagination.link_header import Link, LinkHeader, parse_links
from conn_engine.pagination.loop import MAX_EMPTY_PAGES, Emit, Fetch, Strategy, pages
from conn_engine.pagination.next_url import NextUrl
from conn_engine.pagination.none import NoPagination
from conn_engine.pagination.offset import Offset
from conn_engine.pagination.page import Page

__all__ = [
    "MAX_EMPTY_PAGES",
    "Cursor",
    "Emit",
    "Fetch",
    "Link",
    "LinkHeader",
    "NextUrl",
    "NoPagination",
    "Offset",
    "Page",
    "Pagination",
    "Strategy",
    "pages",
    "parse_links",
]

Pagination: TypeAlias = Page | Offset | Cursor | NextUrl | LinkHeader | NoPagination
