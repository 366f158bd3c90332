"""Choosing an evaluator, clocks and seeds, threads, and what importing or failing must not leave behind."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import launching
import pytest
from evaluating import chosen, evaluate, expression, fixed_now, truth, under, use

from conn_engine.errors import ExpressionError, UsageError
from conn_engine.expressions import DEFAULT_LIMITS, UNDEFINED, EvaluationLimits, evaluators, find_evaluator, overlay
from conn_engine.wire import FrozenClock


def test_an_evaluator_is_found_by_its_name_and_the_preferred_one_without() -> None:
    assert [find_evaluator(name).name for name in evaluators()] == list(evaluators())
    assert find_evaluator().name == evaluators()[0] == "jlens"


def test_an_unknown_evaluator_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught, use("jsonata-pyton"):
        pass
    assert 'did you mean "jsonata-python"?' in caught.value.hint


def test_one_expression_object_serves_both_evaluators() -> None:
    doubled = expression("$sum(n) * 2")
    for name in evaluators():
        with use(name):
            assert doubled.evaluate({"n": [1, 2]}) == 6


def test_undefined_is_one_false_value() -> None:
    assert pickle.loads(pickle.dumps(UNDEFINED)) is UNDEFINED
    assert copy.deepcopy(UNDEFINED) is UNDEFINED
    assert not UNDEFINED
    assert repr(UNDEFINED) == "UNDEFINED"


def test_undefined_and_null_are_told_apart(evaluator: str) -> None:
    assert evaluate("a", {"a": None}) is None
    assert evaluate("b", {"a": None}) is UNDEFINED
    assert evaluate("a.b /* c */", {"a": None}) is UNDEFINED
    assert evaluate("$x := a", {"a": None}) is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [("a", True), ("b", False), ("c", False), ("d", False), ("e", True), ("f", False), ("g", False), ("a = 1", True)],
)
def test_truth_is_that_of_the_language(evaluator: str, text: str, holds: bool) -> None:
    scope = {"a": 1, "c": None, "d": "", "e": [0, "x"], "f": [0, ""], "g": {}}
    assert truth(text, scope) is holds
    assert evaluate(f"$boolean({text})", scope) in (holds, UNDEFINED)


def test_the_clock_can_be_fixed(evaluator: str) -> None:
    assert evaluate("$now()", {}, now=0) == "1970-01-01T00:00:00.000Z"
    with fixed_now(1_760_000_000.25):
        assert evaluate("$millis()", {}) == 1_760_000_000_250
        assert evaluate("$millis()", {}, now=1) == 1000
    assert evaluate("$millis()", {}) > 1_760_000_001_000


def test_expressions_see_the_time_of_the_runs_clock(evaluator: str) -> None:
    clock = FrozenClock(1_700_000_000)
    text = """[$millis(), $now(), $fromMillis($toMillis("10:30", "[H01]:[m01]")),
               $decodeJwt($signJwt({}, "k", {"expiresIn": 60})).payload.exp]"""
    with under(clock=clock):
        before = evaluate(text, {})
        clock.sleep(86_400)
        after = evaluate(text, {})
        with fixed_now(0):
            assert evaluate("$millis()", {}) == 0
    assert before == [1_700_000_000_000, "2023-11-14T22:13:20.000Z", "2023-11-14T10:30:00.000Z", 1_700_000_060]
    assert after == [1_700_086_400_000, "2023-11-15T22:13:20.000Z", "2023-11-15T10:30:00.000Z", 1_700_086_460]


def test_the_chance_of_a_block_does_not_depend_on_what_was_evaluated_before() -> None:
    def seeds(evaluations: int) -> list[int]:
        with fixed_now(0):
            for _ in range(evaluations):
                evaluate("$uuid()", {})
            return [chosen().chance.draw(), chosen().chance.draw()]

    assert seeds(0) == seeds(3)
    assert len(set(seeds(0))) == 2
    assert chosen().chance.draw() != chosen().chance.draw()  # outside it is real


def test_a_seed_makes_chance_repeatable(evaluator: str) -> None:
    chance = expression("[$random(), $shuffle([1..20])]")
    assert chance.evaluate({}, seed=7) == chance.evaluate({}, seed=7)
    assert chance.evaluate({}, seed=7) != chance.evaluate({}, seed=8)


def test_bindings_are_variables(evaluator: str) -> None:
    found = expression("$base.a & $x & $type($n)")
    assert found.evaluate({}, bindings={"base": {"a": "1"}, "x": "2", "n": None}) == "12null"
    assert found.variables() == {"base", "x", "n"}
    assert found.evaluate({}, bindings={"n": 1}) == "number"


def test_results_share_nothing_with_the_input(evaluator: str) -> None:
    data = {"a": {"b": [1, {"c": None}]}}
    result = evaluate("a", data)
    assert result == data["a"]
    result["b"][1]["c"] = "changed"
    assert data == {"a": {"b": [1, {"c": None}]}}


def test_long_identifiers_survive_as_strings_and_64_bit_integers_pass(evaluator: str) -> None:
    assert evaluate("a", {"a": "9007199254740993"}) == "9007199254740993"
    assert evaluate("{'a': a}", {"a": 2**53 - 1}) == {"a": 2**53 - 1}


def test_data_that_is_not_json_is_an_error_of_the_expression() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("a", {"a": b"bytes"})
    assert caught.value.code == "input"


def test_threads_do_not_disturb_one_another(evaluator: str) -> None:
    texts = [
        "$map([1..20], function($v){$v * factor}) ~> $sum()",
        "($f := function($n){$n <= 1 ? 1 : $n * $f($n - 1)}; $f(factor % 7) + factor)",
        "$join($split('a,b,c', ','), $string(factor))",
        "{'n': $now(), 'f': factor}.f & ''",
        "$sort([3,1,factor], function($l,$r){$l > $r})",
    ]
    alone = {(text, n): evaluate(text, {"factor": n}) for text in texts for n in range(30)}

    def run(job: tuple[str, int]) -> bool:
        with use(evaluator):
            return bool(evaluate(job[0], {"factor": job[1]}) == alone[job])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, [job for job in alone for _ in range(3)]))


def test_the_recursion_limit_of_the_process_stays() -> None:
    code = (
        "import sys; before = sys.getrecursionlimit()\n"
        "from conn_engine.conditions import Conditions\n"
        "from conn_engine.expressions import evaluate\n"
        "conditions = Conditions(evaluator='jsonata-python')\n"
        "assert evaluate('($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(60))', {}, conditions) == 60\n"
        "assert sys.getrecursionlimit() == before, sys.getrecursionlimit()"
    )
    launching.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_neither_jsonata_python_nor_isolation_is_loaded_unless_it_is_used() -> None:
    code = (
        "import sys; from conn_engine.expressions import evaluate\n"
        "from conn_engine.conditions import USUAL; assert evaluate('a.b', {'a': {'b': 1}}, USUAL) == 1\n"
        "assert not {'jsonata', 'multiprocessing', 'conn_engine.expressions.isolation'} & sys.modules.keys()"
    )
    launching.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_nothing_is_printed(evaluator: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExpressionError):
        evaluate("response.id()", {"response": {"id": 1}})
    assert capfd.readouterr() == ("", "")


def test_limits_scale_with_the_number_of_evaluations() -> None:
    assert DEFAULT_LIMITS.times(2).seconds == 2 * DEFAULT_LIMITS.seconds
    assert EvaluationLimits(seconds=1, depth=7).times(3).depth == 7


def test_overlay() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert overlay(below, {"a": {"y": [3], "z": None}, "c": 2}) == {"a": {"x": 1, "y": [3], "z": None}, "b": 1, "c": 2}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert overlay(below, UNDEFINED) is below
    assert overlay(below, None) is None
    assert overlay(UNDEFINED, {"a": 1}) == {"a": 1}
    assert overlay([1], {"a": 1}) == {"a": 1}


def test_without_jlens_everything_still_works() -> None:
    code = (
        "import sys; sys.modules['jlens'] = None\n"
        "from conn_engine.conditions import USUAL, Scope\n"
        "from conn_engine.expressions import evaluators, expression, compile_mapping, render_path\n"
        "assert evaluators() == ('jsonata-python',)\n"
        "assert expression('a.b[c = 1].d').reads() == {('a', 'b', 'c'), ('a', 'b', 'd')}\n"
        "mapping = compile_mapping([{'x': 'a'}, {'y': '$base.x'}])\n"
        "assert mapping.apply([{'a': 1}, {}], USUAL) == [{'x': 1, 'y': 1}, {}]\n"
        "assert render_path('/{{a}}', Scope({'a': 'b/c'}, USUAL)) == '/b%2Fc'"
    )
    launching.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
