"""URLs taken apart and joined, whoever wrote them. Nothing else does it with `urllib`, which raises for some of them.

A vendor's answer, an imported document or a delivery may hold anything in place of a URL (`http://[x`). Whether a
request may go to one is judged by `transport.door`.
"""

from urllib.parse import SplitResult, urljoin, urlsplit

__all__ = ["join_url", "split_plain_url"]


def split_plain_url(text: str) -> SplitResult:
    """The parts of a URL. One that is malformed has a path only, so that it lacks whatever is looked for in it.

    Its `port` raises ValueError where it is not a number.
    """
    try:
        return urlsplit(text)
    except ValueError:  # brackets that do not match, an invalid address, a host that changes when it is normalised
        return SplitResult("", "", text, "", "")


def join_url(base: str, link: str) -> str:
    """The absolute URL that a link in the answer of `base` means. A malformed link stays as it is."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link
