"""Paths that lead above where they start, however they are written."""

import pytest

from conn_engine.url_paths import has_dot_segment


@pytest.mark.parametrize(
    "path",
    ["/..", "..", "/.", "/a/../b", "/a/./b", "/%2e%2e/x", "/%2E%2e", "/.%2e", "/a%2f..%2fb", "/a%2f%2e%2e%2fb",
     "/a\\..\\b", "/a%5c..%5cb", "/%252e%252e/x", "/a%252f..%252fb", "/%25252e%25252e", "/%c0%ae%c0%ae/x",
     "/a%c0%af..%c0%afb", "/..;x/", "/..%3bx/", "/%u002e%u002e/x", "/\uff0e\uff0e/x", "/%EF%BC%8E%EF%BC%8E/x",
     "/.. /x", "/..%00/", "/.%0a./x", "/..%09", "/%" + "25" * 12 + "2e"],
)  # fmt: skip
def test_it_climbs(path: str) -> None:
    assert has_dot_segment(path)
    assert has_dot_segment(f"{path}?a=b")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "/a.b", "/a..b", "/..a", "/...", "/a%20b", "/v1.0/x", "/x?a=../b", "/x#/../", "/%7Btoken%7D",
     "/a%2Fb", "/100%", "/a;b=..", "/%zz", "/a%252Fb", "/%u0041"],
)  # fmt: skip
def test_it_does_not_climb(path: str) -> None:
    assert not has_dot_segment(path)
