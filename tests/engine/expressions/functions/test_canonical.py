"""Laws of the functions by which vendors make the text that they sign: canonical JSON, escapes, checksums, forms."""

import json
import unicodedata
import zlib
from typing import Any

import pytest
from evaluating import evaluate, use
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.errors import ExpressionError

EVALUATORS = ["jlens", "jsonata-python"]
TEXT = st.text(max_size=20)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4),
    max_leaves=15,
)


def shuffled(value: Any) -> Any:
    """The value with the names of its objects in reverse order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("evaluator", EVALUATORS)
@given(value=VALUES)
def test_canonical_json_is_the_value_and_one_text_whatever_the_order(evaluator: str, value: Any) -> None:
    with use(evaluator):
        text = evaluate("$jcs(v)", {"v": {"in": value}})
        assert evaluate("$jcs(v)", {"v": shuffled({"in": value})}) == text
        assert evaluate("$jcs($jsonParse(t))", {"t": text}) == text
    assert json.loads(text, parse_int=float) == json.loads(json.dumps({"in": value}), parse_int=float)


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        # of RFC 8785, section 3.2.2 and 3.2.3
        (
            {
                "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\u0022/",
                "literals": [None, True, False],
            },
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ([-0.0, 1.0, 100, 1e21, 1e20, 1e-7], "[0,1,100,1e+21,100000000000000000000,1e-7]"),
        ([2**53, -(2**60), 2**63, 10**21], "[9007199254740992,-1152921504606847000,9223372036854776000,1e+21]"),
        ("a/b", '"a/b"'),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_canonical_json_is_that_of_the_specification(evaluator: str, value: Any, text: str) -> None:
    with use(evaluator):
        assert evaluate("$jcs(v)", {"v": value}) == text


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("value", [10**400, [{"a": -(10**400)}]])
def test_what_has_no_canonical_form_is_refused(evaluator: str, value: Any) -> None:
    with use(evaluator), pytest.raises(ExpressionError):
        evaluate("$jcs(v)", {"v": value})


@pytest.mark.parametrize("evaluator", EVALUATORS)
@given(text=st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs", "Cc"]), max_size=20))
def test_escapes_are_ascii_and_json_reads_them(evaluator: str, text: str) -> None:
    with use(evaluator):
        escaped = evaluate("$unicodeEscape(v)", {"v": text})
    assert escaped.isascii()
    assert json.loads(f'"{escaped}"') == text


@pytest.mark.parametrize("evaluator", EVALUATORS)
@given(text=TEXT, form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_checksums_and_forms_are_those_of_the_libraries(evaluator: str, text: str, form: str) -> None:
    with use(evaluator):
        assert evaluate("$crc32(v)", {"v": text}) == zlib.crc32(text.encode())
        assert evaluate("$normalize(v, f)", {"v": text, "f": form}) == unicodedata.normalize(form, text)
        assert evaluate("$normalize(v)", {"v": text}) == unicodedata.normalize("NFC", text)
        with pytest.raises(ExpressionError, match="normalization form"):
            evaluate("$normalize(v, 'NFX')", {"v": text})
