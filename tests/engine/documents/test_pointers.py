"""JSON pointers (RFC 6901), and patterns with stars."""

import pytest

from conn_engine.documents.pointers import get_pointer, remove_pointer, set_pointer, to_pointer
from conn_engine.documents.wildcards import is_match
from conn_engine.errors import ConfigurationError

# The document of RFC 6901, 5, and what each pointer says there.
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", None),
        ("/foo/01", None),
        ("/foo/-", None),
        ("/foo/²", None),
        ("/a~1b/c", None),
        ("/missing", None),
    ],
)
def test_a_pointer_reads_what_the_standard_says(pointer: str, value: object) -> None:
    assert get_pointer(DOCUMENT, pointer) == value


def test_names_and_pointers_are_inverse() -> None:
    for name, value in DOCUMENT.items():
        assert get_pointer(DOCUMENT, to_pointer(name)) == value
    assert to_pointer("a/b", "~1", "c") == "/a~1b/~01/c"


def test_only_what_lies_on_the_way_is_copied() -> None:
    data = {"filter": {"ids": [1, 2]}, "other": {"kept": True}}
    made = set_pointer(data, "/filter/ids/1", 3)
    assert made == {"filter": {"ids": [1, 3]}, "other": {"kept": True}}
    assert data["filter"] == {"ids": [1, 2]}
    assert made["other"] is data["other"]
    assert set_pointer(None, "/page/after", "x") == {"page": {"after": "x"}}
    assert remove_pointer(data, "/filter/ids") == {"filter": {}, "other": {"kept": True}}
    assert remove_pointer(data, "/filter/none/ids") is data


def test_what_is_no_pointer_or_leads_nowhere_is_said() -> None:
    with pytest.raises(ConfigurationError, match='starts with "/"'):
        get_pointer({}, "filter")
    for pointer in ("/filter/after", "/rows/2"):
        with pytest.raises(ConfigurationError, match="does not fit"):
            set_pointer({"filter": "text", "rows": [1]}, pointer, 1)


@pytest.mark.parametrize(
    ("pattern", "text", "fitting"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*.list", "contacts.list", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("**", "anything", True),
        ("[ab]?.*", "a1.x", False),
    ],
)
def test_a_star_is_any_text(pattern: str, text: str, fitting: bool) -> None:
    assert is_match(pattern, text) is fitting


def test_many_stars_are_decided_at_once() -> None:
    assert not is_match("*a" * 5000 + "*b", "a" * 20_000)
