"""The helpers that mappings written for other platforms expect: every case of the table, under both evaluators."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, evaluate, use

CASES = json.loads((Path(__file__).parent / "vectors" / "helpers.json").read_text("utf-8"))

DEPARTURES: dict[str, tuple[str, Any]] = {
    "join-null": (
        "JSONata's own $join refuses a null (T0412), and stays JSONata's",
        "T0412",
    ),
    "removeEmpty-obj": (
        "its documentation removes the empty fields; undefined would lose the whole object",
        {"a": 1},
    ),
    "xml2js-nc": (
        "an error of the library on any options at all; its documentation gives the tree",
        {
            "elements": [
                {
                    "type": "element",
                    "name": "a",
                    "elements": [{"type": "element", "name": "b", "elements": [{"type": "text", "text": "1"}]}],
                }
            ]
        },
    ),
    "sql-or-key": (
        "an internal error on the key `or`; it groups conditions",
        "(a = '1' OR b = '2')",
    ),
}
"""Case to the reason why it is not followed, and what comes instead."""


@pytest.mark.parametrize("evaluator", ["jlens", "jsonata-python"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(evaluator: str, case: dict[str, Any]) -> None:
    try:
        with use(evaluator):
            found = evaluate(case["expr"], case["input"])
    except ExpressionError as error:
        found = error
    if case["name"] in DEPARTURES:
        wanted = DEPARTURES[case["name"]][1]
        assert (found.code if isinstance(found, ExpressionError) else found) == wanted
    elif "error" in case:
        assert isinstance(found, ExpressionError)
        assert case["error"].strip() in found.message
    elif case["undefined"]:
        assert found is UNDEFINED
    else:
        assert json.dumps(found) == json.dumps(case["result"])


def test_the_table_of_departures_is_small_and_about_cases_there_are() -> None:
    assert DEPARTURES.keys() <= {case["name"] for case in CASES}
    assert len(DEPARTURES) <= 4
