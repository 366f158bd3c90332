"""The table of cases: what expressions evaluate to, the same under both evaluators but for the differences it names."""

import json
from pathlib import Path
from typing import Any

import pytest
from evaluating import expression

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, evaluators

TABLE = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
CASES = [
    pytest.param(group["input"], case, id=f"{name}: {case['expr']}")
    for name, group in TABLE["groups"].items()
    for case in group["cases"]
]
OUTCOME = ("value", "undefined", "error", "offset")


def test_both_evaluators_are_installed_with_jlens_preferred() -> None:
    assert evaluators() == ("jlens", "jsonata-python")


@pytest.mark.parametrize(("data", "case"), CASES)
def test_case(evaluator: str, data: Any, case: dict[str, Any]) -> None:
    before = json.dumps(data)
    wanted = case.get(evaluator) or {key: case[key] for key in OUTCOME if key in case}
    try:
        value = expression(case["expr"]).evaluate(data, now=TABLE["now"])
    except ExpressionError as error:
        assert {"error": error.code, "offset": error.offset} == wanted
        assert error.text == case["expr"]
        assert "\n" not in error.message
        assert not error.token or error.text[error.offset :].startswith(error.token)
    else:
        outcome = {"undefined": True} if value is UNDEFINED else {"value": value}
        assert outcome == wanted
        assert value is UNDEFINED or json.loads(json.dumps(value)) == wanted["value"]
    assert json.dumps(data) == before


def test_the_differences_between_the_evaluators_are_few_and_known() -> None:
    differing = [
        case["expr"] for group in TABLE["groups"].values() for case in group["cases"] if "jsonata-python" in case
    ]
    assert len(differing) <= 8
