"""Leaves that fail, in general: without failures nothing changes, failures touch no other field, and counts add up."""

from typing import Any

import pytest
from evaluating import mapping, use
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.errors import ExpressionError
from conn_engine.expressions import LeafFailures, evaluators

values = st.sampled_from([None, 0, 1, 2.5, "", "7", "x", True, [1], [1, None], ["a", None], {"a": 1}, {"a": None}])
records = st.fixed_dictionaries({}, optional=dict.fromkeys("abc", values))
pages = st.lists(st.builds(dict, response=records), max_size=6)
SOUND = ["response.a", "$string(response.b)", "response.c ? 1 : null", "'fixed'", "$exists(response.a)", "[response.b]"]
FRAGILE = [
    "$number(response.a)",
    "response.b + 1",
    "$uppercase(response.c)",
    "-response.a",
    "response.a > 1",
    "$sum(response.b)",
    "$join(response.c, '-')",
    "response.a ? $number(response.b) : null",
    "response.a + response.b",
    "null + response.a",
    "$error('always')",
]
names = st.sampled_from("pqrst")


def trees(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(
        names, texts | st.dictionaries(names, texts, max_size=3) | st.lists(texts, max_size=2), max_size=4
    )


sound, fragile = st.sampled_from(SOUND), st.sampled_from(FRAGILE)


def apply(layers: list[Any], scopes: list[Any]) -> tuple[list[Any], dict[str, list[int]]]:
    failures = LeafFailures()
    made = mapping(layers).apply(scopes, failures=failures)
    return made, {field: failure.indexes for field, failure in failures.by_field.items()}


def alone(text: str, scope: Any) -> tuple[Any, bool]:
    """The leaf's value in one scope, by itself, and whether its failure counts."""
    made, failed = apply([{"leaf": text}], [scope])
    return made[0].get("leaf", "nothing"), bool(failed)


@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None, max_examples=60)
@given(layers=st.lists(trees(sound | fragile), min_size=1, max_size=3), scopes=pages)
def test_without_failures_nothing_changes(evaluator: str, layers: list[Any], scopes: list[Any]) -> None:
    with use(evaluator):
        try:
            strict = mapping(layers).apply(scopes)
        except ExpressionError:
            return
        assert apply(layers, scopes) == (strict, {})


@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None, max_examples=60)
@given(kept=trees(sound), failing=st.dictionaries(names, fragile, min_size=1, max_size=3), scopes=pages)
def test_failing_leaves_touch_no_other_field(
    evaluator: str, kept: dict[str, Any], failing: dict[str, str], scopes: list[Any]
) -> None:
    """Twice, because the second page knows which leaves fail. Their own fields are as each leaf gives them alone."""
    tree = {**kept, **{f"fragile_{name}": text for name, text in failing.items()}}
    with use(evaluator):
        made = mapping([tree])
        expected = mapping([kept]).apply(scopes)
        single = {name: [alone(text, scope) for scope in scopes] for name, text in failing.items()}
        for _ in range(2):
            failures = LeafFailures()
            results = made.apply(scopes, failures=failures)
            assert [{k: v for k, v in row.items() if not k.startswith("fragile_")} for row in results] == expected
            for name, outcomes in single.items():
                column = [row.get(f"fragile_{name}", "nothing") for row in results]
                assert column == [value for value, _ in outcomes]
                counted = failures.by_field.get(f"fragile_{name}")
                assert (counted.indexes if counted else []) == [n for n, (_, fails) in enumerate(outcomes) if fails]


@settings(deadline=None, max_examples=60)
@given(tree=trees(sound | fragile), upper=trees(sound | fragile), scopes=pages, cut=st.integers(0, 6))
def test_counts_add_up_over_pages(tree: Any, upper: Any, scopes: list[Any], cut: int) -> None:
    results, counted = apply([tree, upper], scopes)
    first, second = apply([tree, upper], scopes[:cut]), apply([tree, upper], scopes[cut:])
    assert first[0] + second[0] == results
    shifted = {field: [index + len(scopes[:cut]) for index in indexes] for field, indexes in second[1].items()}
    assert {field: first[1].get(field, []) + shifted.get(field, []) for field in {**first[1], **shifted}} == counted


@settings(deadline=None, max_examples=100)
@given(text=fragile, record=records)
def test_both_evaluators_agree_on_what_is_due_to_null(text: str, record: Any) -> None:
    found = []
    for evaluator in evaluators():
        with use(evaluator):
            found.append(alone(text, {"response": record}))
    assert len({fails for _, fails in found}) == 1
