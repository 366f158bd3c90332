"""What an expression names, calls and reads, known without evaluating it."""

import json
from pathlib import Path

import pytest
from evaluating import expression, use

from conn_engine.errors import ExpressionError
from conn_engine.expressions import known_functions
from conn_engine.expressions.reading import read_paths
from conn_engine.expressions.syntax import syntax_paths

TABLE = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("$uppercase(a)", {"uppercase"}),
        ("$uppercas(a)", {"uppercas"}),
        ("a ~> $trim ~> $split(',')", {"trim", "split"}),
        ("$map(a, $string)", {"map", "string"}),
        ("$map(a, $mine)", {"map"}),
        ("($f := function($x){$x}; $f(1))", set()),
        ("($f := function($g){$g(1)}; $f($string))", {"string"}),
        ("'$sum(1)' & `$max(2)` /* $min(3) */", set()),
        ("$match(a, /$count(x)/)", {"match"}),
        ("a.$length()", {"length"}),
        ("$substring(?, 1)", {"substring"}),
        ("a@$v.b#$i.($v & $i & $lowercase(c))", {"lowercase"}),
        ("λ($x){$x}(1)", set()),
        ("$pick(a, 'b')", {"pick"}),
    ],
)
def test_functions(text: str, functions: set[str]) -> None:
    assert expression(text).functions() == functions


def test_known_functions_are_those_of_the_language_and_ours() -> None:
    assert {"sum", "base64encode", "sign", "jsonParse"} <= known_functions()
    assert "eval" not in known_functions()


@pytest.mark.parametrize("name", sorted(known_functions()))
def test_each_known_function_is_one_in_both_evaluators(evaluator: str, name: str) -> None:
    assert expression(f"$type(${name})").evaluate({}) == "function"


def test_calls_tell_where() -> None:
    text = "a & $uppercas(b) & $trm(c)"
    calls = expression(text).calls()
    assert calls == (("uppercas", 4), ("trm", 19))
    assert all(text[at:].startswith(f"${name}") for name, at in calls)


def test_variables_are_those_that_must_be_given() -> None:
    assert expression("($x := 1; $x + $base.y + $count(z) + $other)").variables() == {"base", "other"}


@pytest.mark.parametrize(
    ("text", "paths", "roots"),
    [
        ("response.properties.email", {("response", "properties", "email")}, {"response"}),
        ("a.b[c = query.x].d", {("a", "b", "c"), ("a", "b", "d"), ("a", "b", "query", "x")}, {"a"}),
        ("a ? b.c : d", {("a",), ("b", "c"), ("d",)}, {"a", "b", "d"}),
        ("$map(a.list, function($v){$v.id & $$.x.y})", {("a", "list", "id"), ("x", "y")}, {"a", "x"}),
        ("($r := response; $r.x.y)", {("response", "x", "y")}, {"response"}),
        ("`a b`.c", {("a b", "c")}, {"a b"}),
        ("a.{'x': b, 'y': c.d}", {("a", "b"), ("a", "c", "d")}, {"a"}),
        ("$base.x & y", {("y",)}, {"y"}),
        ("1 + 2", set(), set()),
        ("$", set(), None),
        ("$.a.b", {("a", "b")}, {"a"}),
        ("*.x", set(), None),
        ("a.*", {("a",)}, {"a"}),
        ("$jsonParse(a.b).c", {("a", "b")}, {"a"}),
        ("$now()", set(), set()),
    ],
)
def test_reads(text: str, paths: set[tuple[str, ...]], roots: set[str] | None) -> None:
    assert expression(text).reads() == paths
    assert expression(text).roots() == roots
    with use("jsonata-python"):
        found, whole = syntax_paths(text)
    assert (found, whole) == (paths, roots is None)


def test_the_syntax_tree_leaves_out_nothing_that_jlens_says_is_read() -> None:
    checked = 0
    for group in TABLE["groups"].values():
        for case in group["cases"]:
            text = case["expr"]
            try:
                parsed = expression(text)
            except ExpressionError:
                continue
            if parsed.functions() - known_functions() or case.get("error") in ("T1005", "unknown_function"):
                continue  # jlens takes a call of what it does not know to read everything
            paths, _ = read_paths(text)
            found, whole = syntax_paths(text)
            for path in paths:
                assert whole or any(path[:length] in found for length in range(1, len(path) + 1)), (text, path)
            checked += 1
    assert checked > 400
