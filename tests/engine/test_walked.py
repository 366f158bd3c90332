"""Paths and comparisons that are walked without the evaluator give what the evaluator gives."""

from typing import Any

import pytest
from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.conditions import USUAL
from conn_engine.expressions import expression
from conn_engine.settings import _parse_path, ask

NAMES = st.sampled_from(["a", "b", "type", "x-y", "", "item", "true", "in"])
TEXTS = st.sampled_from(["", "a", "b", "issues.opened", "x y", "=", "]", "'"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | TEXTS
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
SCOPES = st.dictionaries(st.sampled_from(["a", "b", "event"]), DATA, max_size=3)


@st.composite
def asked(draw: Any) -> str:
    """A path, alone or compared."""
    steps = draw(st.lists(NAMES, max_size=3))
    quoted = [step if step.isidentifier() and draw(st.booleans()) else f'"{step}"' for step in steps]
    path = ".".join([draw(st.sampled_from(["a", "b", "event"])), *quoted])
    texts = [f'"{text}"' for text in draw(st.lists(TEXTS, min_size=1, max_size=3))]
    return draw(
        st.sampled_from([path, f"{path} = {texts[0]}", f"{path}={texts[0]}", f"{path} in [{', '.join(texts)}]"])
    )


@given(asked(), SCOPES)
def test_it_is_what_the_evaluator_gives(text: str, scope: dict[str, Any]) -> None:
    try:
        wanted = expression(text).evaluate(scope, USUAL)
    except Exception as error:
        with pytest.raises(type(error)):
            ask(text, usual(scope))
        return
    got = ask(text, usual(scope))
    assert (type(got), got) == (type(wanted), wanted)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a.b",
        'headers."x-y"',
        'event.type = "a"',
        "event.type='a'",
        "a.b in ['c', \"d\"]",
        'a = ""',
        'a in [\n"b",\n"c"\n]\n',
    ],
)
def test_it_is_walked(text: str) -> None:
    assert _parse_path(text) is not None


@pytest.mark.parametrize(
    "text",
    ["true", "a.true", '"a".b', "a.b = 1", 'a = "b" and c', 'a = "\\n"', "a in b", "a in []", "a.*", "$", "a[0]",
     "a.'b'", 'a."b.c"', 'a != "b"', 'a & "b"', "a in ['b'][0]", "", 'in "a"'],
)  # fmt: skip
def test_it_is_not(text: str) -> None:
    assert _parse_path(text) is None
