"""Whatever an expression tries, it ends quickly with an ExpressionError that says which bound it met.

No outcome here depends on how busy the machine is: only what never ends meets a bound on time, and what ends is
measured in processor time.
"""

import time
from dataclasses import replace
from typing import Any

import pytest
from evaluating import evaluate, expression, mapping, template, use
from measuring import cpu_limit

from conn_engine.errors import ExpressionError
from conn_engine.expressions import EvaluationLimits

SMALL = EvaluationLimits(seconds=600, string_bytes=1_000_000, array_items=100_000, result_bytes=1_000_000)
TIGHT = replace(SMALL, seconds=0.3)
QUICK = 10  # seconds of processor time; what takes longest here takes half of one
ENDLESS = "($f := function($x){$f($x)}; $f(1))"
CATASTROPHE = "$match(a, /^(a+)+$/)"


def failure(text: str, data: Any = None, limits: EvaluationLimits = SMALL) -> ExpressionError:
    with cpu_limit(QUICK), pytest.raises(ExpressionError) as caught:
        evaluate(text, data, limits=limits)
    return caught.value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENDLESS, "timeout"),
        ("($f := function($x){1 + $f($x)}; $f(1))", "depth"),
        ("$pad('', 900000000)", "size"),
        ("($s := $pad('', 900000); $s & $s & $s)", "size"),
        ("$replace($pad('', 900000, 'a'), 'a', $pad('', 900000))", "size"),
        ("$join($map([1..2000], function($x){$pad('', 1000)}), ', ')", "size"),
        ("($f := function($s){$f($s & $s)}; $f('abcdefgh'))", "size"),
        ("[1..9000000]", "size"),
        ("[1..90000000]", "size"),
        ("$map([1..9000], function($x){[1..9000]})", "timeout"),
        ("(" * 5000 + ")" * 5000, "depth"),
        ("[" * 5000 + "]" * 5000, "depth"),
        ("$reduce([1..60], function($a, $b){{'a': $a, 'b': $a}}, 1)", "size"),
    ],
    ids=lambda value: value[:40],
)
def test_bound(evaluator: str, text: str, code: str) -> None:
    found = failure(text, limits=TIGHT if code == "timeout" else SMALL)
    assert found.code in ((code, "size") if code == "timeout" else (code,))
    assert len(found.message) <= 300


def test_an_evaluation_after_a_failed_one_starts_afresh(evaluator: str) -> None:
    endless = expression(ENDLESS)
    for _ in range(2):
        with pytest.raises(ExpressionError):
            endless.evaluate({}, limits=EvaluationLimits(seconds=0.1))
    short = expression("a + 1")
    time.sleep(0.15)
    assert short.evaluate({"a": 1}, limits=EvaluationLimits(seconds=600)) == 2


def test_a_catastrophic_regular_expression_is_stopped() -> None:
    assert failure(CATASTROPHE, {"a": "a" * 60 + "b"}, TIGHT).code == "timeout"


def test_steps_bound_work_without_a_clock() -> None:
    assert failure("$sum([1..50000].($ * 2))", limits=EvaluationLimits(steps=1000)).code == "steps"


def test_deep_data_is_an_error_not_a_crash(evaluator: str) -> None:
    data: dict[str, Any] = {}
    level = data
    for _ in range(5000):
        level["a"] = {}
        level = level["a"]
    if evaluator == "jlens":
        assert failure("a", data).code == "depth"
    else:
        assert isinstance(evaluate("a", data), dict)


def test_eval_is_disabled(evaluator: str) -> None:
    for text in ("$eval('1')", "'1' ~> $eval", "$map(['1'], $eval)", "x[$eval('1')]"):
        with pytest.raises(ExpressionError) as caught:
            expression(text)
        assert caught.value.code == "disabled"
        assert caught.value.text[caught.value.offset :].startswith("$eval")
    assert evaluate("($eval := function($x){$x}; $eval(5))", {}) == 5
    with pytest.raises(ExpressionError) as caught:  # bound in one place does not make it usable in another
        evaluate("(($eval := 1; $eval); $eval('1'))", {})
    assert caught.value.code == "disabled"


def test_a_page_that_never_ends_names_its_record_and_ends() -> None:
    endless = mapping([{"ok": "r", "bad": f"r = 2 ? {ENDLESS} : r"}])
    with cpu_limit(QUICK), pytest.raises(ExpressionError) as caught:
        endless.apply([{"r": n} for n in range(5)], limits=replace(SMALL, steps=100_000))
    assert (caught.value.code, caught.value.at) == ("steps", "bad")
    assert caught.value.message.startswith("record 2, bad: ")


def test_long_hostile_templates_are_read_in_linear_time() -> None:
    with cpu_limit(QUICK):
        for text in (
            "{{" * 50_000,
            "{{ '" + "}}" * 50_000,
            "{{" + "(" * 50_000,
            "{{ /" + "[" * 50_000,
            "{{ a }}" * 5000 + "{{",
        ):
            with pytest.raises(ExpressionError):
                template(text)


def test_bounds_hold_under_the_other_evaluator_after_a_switch() -> None:
    endless = expression(ENDLESS)
    for name in ("jlens", "jsonata-python", "jlens"):
        with use(name), pytest.raises(ExpressionError) as caught:
            endless.evaluate({}, limits=EvaluationLimits(seconds=0.1))
        assert caught.value.code == "timeout"
