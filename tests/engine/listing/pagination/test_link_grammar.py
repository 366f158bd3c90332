"""The Link header's grammar (RFC 8288)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.listing.pagination import parse_links


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ('<https://a/?x=1,2>; rel="next"', [("https://a/?x=1,2", ("next",))]),
        ('<a>;rel=next,<b>;rel="prev"', [("a", ("next",)), ("b", ("prev",))]),
        ('<a>; rel="start http://x.org/rel NEXT"', [("a", ("start", "http://x.org/rel", "next"))]),
        ('<a>; title="one, <two>; rel=\\"no\\""; rel=next', [("a", ("next",))]),
        ('<a>; rel=next; rel=prev', [("a", ("next",))]),
        ('<a>', [("a", ())]),
        ('<a> ; REL = "next" ; crossorigin', [("a", ("next",))]),
        (',, <a>; rel=next,, <b>; rel=last ,', [("a", ("next",)), ("b", ("last",))]),
        ('<>; rel=next', [("", ("next",))]),
        ('<a;b>; rel="ne\\xt"', [("a;b", ("next",))]),
        ('', []), ('nonsense', []), ('<unclosed', []), ('<a>; rel="unclosed', [("a", ("unclosed",))]),
        ('<a>; rel=next garbage', [("a", ("next", "garbage"))]),
        ("<a>; title*=UTF-8'de'n%c3%a4chstes; rel=next", [("a", ("next",))]),
    ],
)  # fmt: skip
def test_grammar(text: str, links: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(link.target, link.rels) for link in parse_links([text])] == links


@given(st.text(alphabet='<>;,="\\ abrel*', max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    parse_links([text])


targets = st.text(alphabet="abc/?=&,;\"' ", min_size=1).map(str.strip)
titles = st.text(alphabet='abc,;<>"\\ ')


@given(st.lists(st.tuples(targets, st.sampled_from(["next", "prev", "last"]), titles), max_size=5))
def test_what_is_written_is_read(links: list[tuple[str, str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    field = ", ".join(f"<{target}>; title={quoted(title)}; rel={rel}" for target, rel, title in links)
    read = parse_links([field])
    assert [(link.target, link.rels, link.params["title"]) for link in read] == [
        (t, (r,), title) for t, r, title in links
    ]
