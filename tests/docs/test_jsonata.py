"""The page about JSONata: each expression has the result that the page shows, with both evaluators."""

import json
import re
from typing import Any

import pytest
from evaluating import evaluate, use
from examples import REFERENCE

from conn_engine.expressions import UNDEFINED

PAGE = (REFERENCE / "jsonata.md").read_text(encoding="utf-8")
RECORD = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.S)[0])
LINES = re.findall(r"(?m)^\| [^|]+ \| `(.+?)` \| (?:`(.+)`)? ?\|$", PAGE.partition("\n## ")[0])
SENTENCES = re.findall(r"`([^`]+)` is (?:`([^`]+)`|nothing|left out)", PAGE)


def read_result(text: str) -> Any:
    return json.loads(text) if text else UNDEFINED


def test_the_page_has_what_it_promises() -> None:
    assert len(LINES) == 12
    assert len(SENTENCES) == 11


@pytest.mark.parametrize("evaluator", ["jlens", "jsonata-python"])
@pytest.mark.parametrize(("expression", "result"), [*LINES, *SENTENCES])
def test_an_expression_has_its_result(expression: str, result: str, evaluator: str) -> None:
    with use(evaluator):
        assert evaluate(expression, RECORD) == read_result(result)
