"""Whatever an evaluator raises is an ExpressionError: its own defects, and a text that no evaluator can read."""

from typing import Any, NoReturn

import pytest
from evaluating import audit, evaluate, expression, mapping, template, use

from conn_engine.errors import ExpressionError
from conn_engine.expressions import groups_of, pattern_fault

HALF = "\ud83d"
PanicException = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})


def panicking(*_arguments: Any) -> NoReturn:
    raise PanicException("index out of bounds: the len is 1 but the index is 2")


def test_a_panic_is_an_error_of_the_expression() -> None:
    with pytest.raises(ExpressionError) as caught:
        expression("$f(1)").evaluate({}, bindings={"f": panicking})
    assert (caught.value.code, caught.value.text) == ("evaluator", "$f(1)")
    assert caught.value.__suppress_context__
    assert audit("$f(1)", {}, {"f": panicking}) == []


def test_what_stops_the_process_goes_through() -> None:
    def interrupted(*_arguments: Any) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        expression("$f(1)").evaluate({}, bindings={"f": interrupted})


@pytest.mark.parametrize("text", [f"'{HALF}'", f"a.`{HALF}`", f"$match(a, /{HALF}/)", f"a /* {HALF} */", HALF])
def test_half_a_character_is_an_error_with_its_place(evaluator: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, {"a": "x"})
    error = caught.value
    assert (error.code, error.offset) == ("surrogate", text.index(HALF))
    assert f"{error.message}{error.text}{error.hint}".isascii()


def test_half_a_character_in_a_template_a_mapping_and_a_pattern() -> None:
    with pytest.raises(ExpressionError, match="a lone surrogate"):
        template(f"/{{{{ '{HALF}' }}}}")
    with pytest.raises(ExpressionError, match="b: the expression has a lone surrogate") as caught:
        mapping([{"a": "1", "b": f"'{HALF}'"}])
    assert caught.value.at == "b"
    with pytest.raises(ExpressionError) as caught:
        groups_of(f"a{HALF}", "a")
    assert caught.value.code == "pattern"
    assert pattern_fault(f"a{HALF}")
    assert groups_of("a", f"a{HALF}") == ("a",)


def test_whole_characters_are_read(evaluator: str) -> None:
    assert evaluate("'\U0001f600' & a", {"a": "é"}) == "\U0001f600é"


def test_data_too_deep_for_the_way_of_a_value_explains_nothing() -> None:
    data: dict[str, Any] = {}
    for _ in range(2000):
        data = {"a": data}
    with use("jlens"):
        assert audit("a", data) == []


def test_a_text_that_is_too_long_is_not_read(evaluator: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression("1" + " + 1" * 50_000)
    error = caught.value
    assert (error.code, len(error.text)) == ("size", 301)
    assert evaluate(f"'{'x' * 90_000}' ~> $length", {}) == 90_000
    wide = mapping([{f"f{number}": f"$string({number}) & '{'x' * 400}'" for number in range(400)}])
    assert len(wide.apply([{}, {}])[1]) == 400  # a text combined from many is not the author's


def test_an_error_does_not_repeat_a_long_name(evaluator: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(f"${'a' * 50_000}(1)", {})
    assert (caught.value.code, len(caught.value.message)) == ("unknown_function", 300)
