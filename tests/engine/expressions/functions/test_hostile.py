"""Whatever a function is given, it ends soon: with a value, or with an error that says why."""

from typing import Any

import pytest
from evaluating import evaluate
from measuring import cpu_limit

from conn_engine.errors import ExpressionError

LONG = 200_000
DEEP: Any = {}
for _ in range(150):
    DEEP = {"a": [DEEP]}

CASES: list[tuple[str, Any]] = [
    ("$convertHtmlToMarkdown(v)", "<" * LONG),
    ("$convertHtmlToMarkdown(v)", "<a " * LONG),
    ("$convertHtmlToMarkdown(v)", '<a x="' * LONG),
    ("$convertHtmlToMarkdown(v)", "<div>" * (LONG // 5)),
    ("$convertHtmlToMarkdown(v)", "<b>x</i>" * (LONG // 4)),
    ("$convertHtmlToMarkdown(v)", "<!--" * LONG),
    ("$convertHtmlToMarkdown(v)", "<p>x</p>" * (LONG // 8)),
    ("$convertHtmlToMarkdown(v)", "<script>" * (LONG // 8)),
    ("$convertHtmlToMarkdown(v)", "<li>x" * (LONG // 5)),
    ("$convertHtmlToMarkdown(v)", "&" * LONG),
    ("$convertHtmlToMarkdown(v)", "\n" * LONG),
    ("$convertHtmlToMarkdown(v)", "<blockquote>" * 100 + "x\n" * 50_000),
    ("$convertMarkdownToNotion(v)", "*" * 50_000),
    ("$convertMarkdownToNotion(v)", "**a " * 25_000),
    ("$convertMarkdownToNotion(v)", "[" * 50_000),
    ("$convertMarkdownToNotion(v)", "> " * 50_000),
    ("$convertMarkdownToNotion(v)", "- " * 25_000),
    ("$convertMarkdownToSlack(v)", "`" * 50_000),
    ("$convertMarkdownToSlack(v)", "_a*" * 25_000),
    ("$convertMarkdownToHtml(v)", "<" * 100_000),
    ("$convertMarkdownToHtml(v)", "|a" * 25_000 + "\n" + "|-" * 25_000),
    ("$convertMarkdownToAdf(v)", "> " * 50_000),
    ("$convertMarkdownToAdf(v)", "- " * 25_000),
    ("$convertMarkdownToAdf(v)", "*a **b " * 3_000),
    ("$convertMarkdownToAdf(v)", "a\n" * 10_000),
    ("$convertMarkdownToGoogleDocs(v)", "- " * 25_000),
    ("$convertMarkdownToGoogleDocs(v)", "|a" * 5_000 + "\n" + "|-" * 5_000),
    ("$convertMarkdownToGoogleDocs(v)", "[" * 50_000),
    ("$recursiveCharacterTextSplitter(v)", "a " * LONG),
    ("$recursiveCharacterTextSplitter(v, {'chunkSize': 100000, 'chunkOverlap': 99999})", "a" * LONG),
    ("$recursiveCharacterTextSplitter(v, {'chunkSize': 1, 'chunkOverlap': 0})", "\n" * LONG),
    ("$dependencyGraph(v, 'p', 'id').overallOrder()", [{"id": n, "p": n + 1} for n in range(50_000)]),
    ("$dependencyGraph(v, 'p', 'id').overallOrder()", [{"id": n, "p": list(range(100))} for n in range(100, 900)]),
    ("$dependencyGraph(v, 'p', 'id').dependantsOf(0)", [{"id": n, "p": (n + 1) % 50_000} for n in range(50_000)]),
    ("$pick(v, $map([1..9000], function($n) {'a.' & $n}))", {"a": {str(n): n for n in range(9000)}}),
    ("$pick(v, 'a' & $pad('', 9000, '.a'))", DEEP),
    ("$pick(v, ['a[199999].b', 'a[0]'])", {"a": [{"b": 1}] * LONG}),
    ("$omit(v, $map([1..2000], function($n) {'a.' & $n}))", {"a": {str(n): n for n in range(2000)}}),
    ("$convertNotionToMarkdown([v])", {"type": "a", **DEEP}),
    ("$xmlToJs(v)", "<a>" * LONG),
    ("$xmlToJs(v)", "<a>" + "<b/>" * 75_000 + "</a>"),
    ("$xmlToJs(v)", "<a " + " ".join(f'x{n}="1"' for n in range(50_000)) + "/>"),
    ("$xmlToJs(v)", "<a>" + "&#65;" * 200_000 + "</a>"),
    ("$jsToXml(v)", DEEP),
    ("$parseCsv(v)", "," * LONG),
    ("$parseCsv(v)", '"' * LONG),
    ("$parseCsv(v)", "a\n" * LONG),
    ("$jsonToCsv(v)", [{f"k{n}": 1} for n in range(3000)]),
    ("$parseQuery(v)", "a[" * LONG),
    ("$parseQuery(v)", "a=1&" * 9000),
    ("$parseQuery(v)", "a[]=1&" * 9000),
    ("$parseQuery(v)", "a" + "[b]" * 9000 + "=1"),
    ("$parseQuery(v)", "&" * LONG),
    ("$stringifyQuery(v)", DEEP),
    ("$parseUrl(v)", "http://" + "a" * LONG),
    ("$jcs(v)", DEEP),
    ("$jcs(v)", [1] * LONG),
    ("$unicodeEscape(v)", "\u00e9" * LONG),
    ("$normalize(v, 'NFKD')", "\ufdfa" * LONG),
    ("$normalize(v, 'NFKD')", "e" + "\u0301\u0323" * 4_999),
    ("$crc32(v)", "a" * LONG),
    ("$levenshtein(v, v)", "a" * 20_000),
    ("$levenshtein(v, v)", "a" * 1900),
    ("$mostSimilar(v, [1..1000].$$.v)", "a" * 20_000),
    ("$diceCoefficient(v, v & 'x')", "ab" * 9000),
    ("$mergeDeep(v, v)", DEEP),
    ("$mapValues(v, {})", DEEP),
    ("$flattenDepth(v, 1000000000)", [[[1]]]),
    ("$sortNodes(v)", [{"id": n, "parent_id": n - 1} for n in range(50_000)]),
    ("$uniqueBy(v)", list(range(100_000))),
    ("$slug(v)", "-é" * LONG),
    ("$emailParts(v)", "<" * LONG),
    ("$phoneDigits(v)", "0" * LONG),
    ("$dateParse('x', v)", "y" * LONG),
    ("$dateParse(v, 'yyyy')", "1" * LONG),
    ("$dateAdd('2024-01-01', v)", "P" + "1" * LONG + "D"),
    ("$dateDiff('0001-01-01', '9999-12-31', 'days')", None),
    ("$dateDiff('0001-01-01', '9999-12-31', 'months')", None),
    ("$dtFromIso(v).toISO()", "2" * LONG),
    ("$decodeJwt(v)", "." * LONG),
    ("$decodeJwt(v)", "W1tb" * 20_000 + "." + "W1tb" * 4000 + ".x"),
    ("$signKey('x', 'RS256', v)", "-----BEGIN PRIVATE KEY-----" + "A" * LONG),
    ("$convertQueryToSql(v)", {"or": DEEP}),
    ("$convertCurrencyToSubunit(v, 'USD')", "9" * LONG),
    ("$wrap(v, v)", "a" * LONG),
    ("$toNumber(v)", "9" * LONG),
    ("$jsonParse(v)", "[" * LONG),
]


@pytest.mark.parametrize(("text", "value"), CASES, ids=[f"{text}-{number}" for number, (text, _) in enumerate(CASES)])
def test_it_ends_soon(text: str, value: Any) -> None:
    with cpu_limit(10):
        try:
            evaluate(text, {"v": value})
        except ExpressionError as error:
            assert error.code in ("D3137", "U1001", "D1011", "size", "depth", "timeout")
            assert len(error.message) <= 300
