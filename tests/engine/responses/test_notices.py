"""What the headers of an answer announce."""

import pytest

from conn_engine.responses.notices import find_notices, find_warnings


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, []),
        ({"Deprecation": "@1688169599"}, ["deprecated since 2023-06-30"]),
        ({"deprecation": "Sun, 11 Nov 2018 23:59:59 GMT"}, ["deprecated since 2018-11-11"]),
        ({"Deprecation": "true"}, ["deprecated"]),
        ({"Deprecation": 'version="v1"'}, ["deprecated"]),
        ({"Deprecation": "false"}, []),
        ({"Deprecation": "@999999999999"}, ["deprecated"]),
        ({"Sunset": "Wed, 11 Nov 2026 23:59:59 GMT"}, ["requests may be refused from 2026-11-11"]),
        ({"Sunset": "soon"}, []),
        ({"Warning": '299 - "Deprecated API: use v2"'}, ["warning 299"]),
        ({"Warning": '110 cache "Response is Stale"'}, []),
        (
            {"deprecation": "@1688169599", "sunset": "Wed, 11 Nov 2026 23:59:59 GMT"},
            ["deprecated since 2023-06-30", "requests may be refused from 2026-11-11"],
        ),
    ],
)
def test_announcements(headers: dict[str, str], said: list[str]) -> None:
    assert find_notices(headers) == said


def test_the_vendor_s_words_are_shortened() -> None:
    text = "x" * 300
    assert find_warnings({"warning": f'299 - "a \\"b\\"\n c", 199 api "{text}"'}) == ['a "b" c', text[:200]]
