"""Split and join URLs from any source. Nothing else uses `urllib` for this, because it raises for some of them.

A vendor's response, an imported document or a delivery may contain anything in place of a URL (`http://[x`).
`transport.gateway` decides whether a request may go to one.
"""

from urllib.parse import SplitResult, urljoin, urlsplit

__all__ = ["join_url", "split_plain_url"]


def split_plain_url(text: str) -> SplitResult:
    """Return the parts of a URL. A malformed one only has a path, so that it lacks any part that the caller looks for.
    Its `port` raises ValueError if it is not a number."""
    try:
        return urlsplit(text)
    except ValueError:  # unmatched brackets, an invalid address, a host that changes when it is normalized
        return SplitResult("", "", text, "", "")


def join_url(base: str, link: str) -> str:
    """Return the absolute URL of a link in the response of `base`. A malformed link is returned unchanged."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link
