"""The helpers that mappings written for other platforms expect: every case of the table, under both evaluators. What a
case says of `here` is where they depart from it: the page of documentation lists exactly those."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from evaluating import evaluate, use

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_engine.expressions.functions import FUNCTIONS
from conn_engine.expressions.functions.reference import DEPARTURES, MISSING, page
from conn_engine.expressions.known import BUILT_IN

CASES = json.loads((Path(__file__).parent / "vectors" / "helpers.json").read_text("utf-8"))
ELSEWHERE = """
base64ToBlob base64decode base64encode blob bufferToString chunk compact convertCurrencyFromSubunit
convertCurrencyToSubunit convertHtmlToMarkdown convertMarkdownToAdf convertMarkdownToGoogleDocs convertMarkdownToHtml
convertMarkdownToNotion convertMarkdownToSlack convertMdToPdf convertNotionToMarkdown convertNotionToMd
convertQueryToSql dependencyGraph diceCoefficient difference digest dtFromFormat dtFromIso each find firstNonEmpty
flatten flattenDeep flattenDepth generateEmbeddingsCohere getArrayBuffer getDataUri getMimeType groupBy join jsToXml
jsonParse jsonToCsv jsonToParquet keyBy keys lofilter mapValues mostSimilar omit orderBy parseDocument parseQuery
parseUrl pick recursiveCharacterTextSplitter removeEmpty removeEmptyItems sift sign sortNodes string stringifyQuery
teeStream toNumber uuid values wrap xmlToJs zipSqlResponse
""".split()  # noqa: SIM905
"""The functions that mappings written for another platform may call."""


@pytest.mark.parametrize("evaluator", ["jlens", "jsonata-python"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(evaluator: str, case: dict[str, Any]) -> None:
    try:
        with use(evaluator):
            found = evaluate(case["expr"], case["input"])
    except ExpressionError as error:
        found = error
    if "here" in case:
        assert (
            {"error": found.code} == case["here"]
            if isinstance(found, ExpressionError)
            else found == case["here"]["value"]
        )
    elif "error" in case:
        assert isinstance(found, ExpressionError)
        assert case["error"].strip() in found.message
    elif case["undefined"]:
        assert found is UNDEFINED
    else:
        assert json.dumps(found) == json.dumps(case["result"])


def test_the_documented_table_of_departures_is_complete() -> None:
    documented = [pattern for departure in DEPARTURES for pattern in departure.cases]
    departing = {case["name"] for case in CASES if "here" in case}
    named = {case["name"] for case in CASES if any(fnmatchcase(case["name"], pattern) for pattern in documented)}
    assert named == departing
    assert all(any(fnmatchcase(name, pattern) for name in departing) for pattern in documented)
    assert all(case["here"] != {"value": case.get("result")} for case in CASES if "here" in case)
    assert all(f"`{pattern}`" in page() for pattern in documented)


def test_the_functions_that_do_not_exist_here_are_named_with_a_reason() -> None:
    assert set(ELSEWHERE) - FUNCTIONS.keys() - BUILT_IN == {name for names, _ in MISSING for name in names}
