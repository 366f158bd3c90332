"""Templates of manifests as expressions: what they say, held against Jinja itself, and what they refuse."""

import ast
import base64
import hashlib
from contextlib import suppress
from typing import Any

import pytest
from evaluating import evaluate
from jinja2.sandbox import SandboxedEnvironment

from conn_engine.expressions import UNDEFINED
from conn_import.airbyte.jinja import Names, PathNode, Untranslatable, to_condition, to_expression, translate
from conn_import.airbyte.templates import to_template, translate_literal

ROOTS = ("config", "record", "response", "headers", "last_record", "last_page_size")


def names() -> Names:
    def root(name: str) -> Any:
        return lambda steps: PathNode(name, steps)

    return {name: root(name) for name in ROOTS}


def made(text: str) -> str:
    return to_expression(translate(text, names()))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "'plain'"),
        ("{{ config['a'] }}", "config.a"),
        ("{{ config.a['odd key'][0] }}", "config.a.`odd key`[0]"),
        ("{{ config.get('a', {}).get('b') }}", "config.a.b ?? null"),
        ("{{ config.get('a', 5) }}", "config.a ?? 5"),
        ("x-{{ config.a }}-y", "'x-' & config.a & '-y'"),
        ("{{ config.a or 'b' }}", "config.a ?: 'b'"),
        ("{{ 'x' if config.a else 'y' }}", "config.a ? 'x' : 'y'"),
        ("{{ not response.next }}", "response.next ? false : true"),
        ("{{ response.get('next') is none }}", "(response.next ?? null) = null"),
        ("{{ 'next' in response }}", "$exists(response.next)"),
        ("{{ response.code != 5 }}", "$not(response.code = 5)"),
        ("{{ record.kind in ['a', 'b'] }}", "record.kind in ['a', 'b']"),
        ("{{ ','.join(config['ids']) }}", "$join($map(config.ids, function($i) {$string($i)}), ',')"),
        ("{{ record.rows | map(attribute='id') | list }}", "[record.rows.id]"),
        ("{{ config.start[:10] }}", "$substring(config.start, 0, 10)"),
        ("{{ config.start[-2:] }}", "$substring(config.start, -2)"),
        ("{{ 2 + 3 * 4 }}", "14"),
        ("{{ now_utc() - duration('P1D') }}", "$dateSubtract($now(), 'P1D')"),
        ("{{ day_delta(-2, '%Y%m%d') }}", "$dateFormat($dateAdd($now(), {'days': -2}), 'yyyyMMdd', 'utc')"),
        ("{{ now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') }}", "$dateFormat($now(), \"yyyy-MM-dd'T'HH:mm:ss'Z'\")"),
        ("{{ format_datetime(config.d, '%s') }}", "$string($epochSeconds(config.d))"),
        ("{{ format_datetime(config.d, '%d/%m', '%Y%m%d') }}",
         "$dateFormat($dateParse(config.d, 'yyyyMMdd'), 'dd/MM', 'utc')"),
        ("{{ timestamp(config.d) * 1000 }}", "$epochMillis(config.d)"),
        ("{{ record.a | hash('sha1', 'salt') }}", "$digest($string(record.a ?? '') & 'salt', 'SHA-1')"),
        ("{{ record.a | hmac('key') }}", "$sign($string(record.a ?? ''), 'SHA-256', 'key')"),
        ("{{ record.a | regex_search('x=([^&]+)') }}", "$match(record.a, /x=([^&]+)/)[0].groups[0] ?? ''"),
        ("{{ 'a' + record.b + 'c' }}", "$exists(record.b) ? 'a' & record.b & 'c' : ''"),
        ("{{ last_record.id if last_page_size == 5 else None }}", "last_page_size = 5 ? last_record.id : null"),
    ],
)  # fmt: skip
def test_what_a_template_says(text: str, written: str) -> None:
    assert made(text) == written


def rendered(text: str, scope: dict[str, Any]) -> Any:
    """What Jinja makes of a template and the kit of its text."""
    environment = SandboxedEnvironment()
    environment.filters["base64encode"] = lambda value: base64.b64encode(value.encode()).decode()
    environment.filters["hash"] = lambda value, kind="md5": hashlib.new(kind, str(value).encode()).hexdigest()
    environment.globals |= {"max": max, "min": min}
    text = environment.from_string(text).render(scope)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


SCOPE: dict[str, Any] = {
    "config": {"text": "a-b-C", "number": 7, "digits": "0012", "list": ["x", "y"], "yes": True,
               "empty": ""},
    "record": {"id": 5, "name": " Ada ", "tags": ["p", "q"], "zero": 0, "none": None,
               "rows": [{"k": "m", "v": 1}, {"k": "n", "v": 2}]},
    "response": {"next": "abc", "more": False, "paging": {"page": 3}, "url": "https://x.example/?after=9&b=1"},
    "headers": {}, "last_record": {"id": 5}, "last_page_size": 2,
}  # fmt: skip

SAME = [
    "{{ config.text }}",
    "{{ config.number }}",
    "{{ config.number + 1 }}",
    "{{ config.digits }}",
    "{{ config.list }}",
    "{{ config.yes }}",
    "{{ record.none }}",
    "{{ config['number'] * 2 - 4 }}",
    "{{ config.number % 4 }}",
    "{{ 7 // 2 }}",
    "{{ config.number / 2 }}",
    "{{ 2 ** 5 }}",
    "{{ config.text.split('-')[1] }}",
    "{{ config.text.split('-')[-1] }}",
    "{{ config.text.upper() }}",
    "{{ config.text | lower }}",
    "{{ config.text.replace('-', '+') }}",
    "{{ record.name.strip() }}|",
    "{{ config.text.startswith('a-') }}",
    "{{ config.text.endswith('C') }}",
    "{{ '-'.join(config.list) }}",
    "{{ config.list | join(', ') }}",
    "{{ config.list | length }}",
    "{{ config.list | first }}",
    "{{ config.list | last }}",
    "{{ record.rows | selectattr('k', 'equalto', 'n') | map(attribute='v') | first }}",
    "{{ record.rows | selectattr('k', 'equalto', 'z') | map(attribute='v') | first | default(0) }}",
    "{{ record.rows | map(attribute='v') | sum }}",
    "{{ [record.id, 1] | max }}",
    "{{ max(record.id, 9) }}",
    "{{ min(3, record.id) }}",
    "{{ max('b', 'a') }}",
    "{{ config.empty or 'none' }}",
    "{{ config.gone or 'none' }}",
    "{{ config.text and 'yes' }}",
    "{{ 'x' if config.empty else 'y' }}",
    "{{ 'x' if record.zero else 'y' }}",
    "{{ 'x' if config.gone is defined else 'y' }}",
    "{{ config.text ~ config.number ~ '!' }}",
    "{{ 'a' 'b' }}",
    "{{ '%s-%s' % (config.text, config.number) }}",
    "{{ '{}/{}'.format(config.text, 1) }}",
    "{{ {'a': record.id, 'b': [1, config.text]} }}",
    "{{ [1, 2] + [3] }}",
    "{{ config.text[2:] }}",
    "{{ config.text[:-2] }}",
    "{{ config.text[1:3] }}",
    "{{ config.digits | int + 1 }}",
    "{{ config.text | int }}",
    "{{ 'a' in config.text }}",
    "{{ 'x' in config.list }}",
    "{{ 'text' in config }}",
    "{{ 'gone' not in config }}",
    "{{ record.id > 3 and record.id <= 5 }}",
    "{{ 1 < record.id < 4 }}",
    "{{ not config.list }}",
    "{{ response.more is false }}",
    "{{ response.paging.page == 3 }}",
    "{{ response.next is not none }}",
    "{{ config.text | base64encode }}",
    "{{ record.id | hash('sha256') }}",
    "{{ record.tags | list | reverse | list }}",
    "{% if config.yes %}on{% else %}off{% endif %}",
    "{% if config.empty %}a{% elif config.text %}b{% else %}c{% endif %}",
    "{% set x = config.text.split('-')[0] %}{{ x }}{{ x }}",
    "{% for t in config.list %}<{{ t }}>{% endfor %}",
    "{% if config.yes %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x + 1 }}",
    "{{ response.url.split('after=')[-1].split('&')[0] }}",
    "{{ -record.id }}",
    "{{ (record.id + 1) * 2 }}",
    "[{{ record.id }}, {{ config.number }}]",
    "{'a': {{ record.id }}, 'b': '{{ config.text }}'}",
    "'{{ config.number }}'",
    "a {{- config.text -}} b",
    "{{ '{' }}{{ config.text }}",
    "{{ config.text }}/{{ record.id }}",
    "{{ \"it's\" }} {{ '\"' }}",
    "{{ config.text.title() }}",
    "{{ record.tags | unique | list }}",
    "{{ record.name | trim | upper }}",
    "{{ 3.5 + 1 }}",
    "{{ config.list[last_page_size - 1] }}",
    "{{ record.tags[(record.id - 5) | int] }}",
    "{{ config.list[record.zero] }}",
    "{{ [record.id, config.number] | join('-') }}",
    "{{ ','.join([config.text, config.digits]) }}",
    "{{ (config.gone or '') | urlencode }}",
    "{{ config.text | urlencode }}",
    "{{ ('a' + config.gone if config.gone else '') + 'c' }}",
    "{{ record.rows[record.zero].k }}",
    "{{ config.gone | urlencode }}",
    "{{ config.text.split('-')[1:] }}",
    "{{ config.text.split('-')[:-1] | join('-') }}",
    "{{ config.text.split('-')[-2:] }}",
    "{{ config.text.split('-')[-9:2] }}",
    "{{ config.text.split('-')[5:] }}",
    "{{ config.text.split('-')[1:2] }}",
    "{{ config.text.split('-')[:] }}",
]


@pytest.mark.parametrize("text", SAME)
def test_an_expression_gives_what_the_template_renders_to(text: str) -> None:
    found = evaluate(to_expression(translate_literal(text, names())), SCOPE)
    assert ("" if found is UNDEFINED else found) == rendered(text, SCOPE)


@pytest.mark.parametrize("text", [text for text in SAME if not text.startswith("{%")])
def test_a_condition_is_true_when_the_value_is(text: str) -> None:
    value = rendered(text, SCOPE)
    true = value not in ("", "0", "0.0", "False", "false", "{}", "[]", "()", False, 0, None, [], {})
    tree = translate_literal(text, names())
    assert (evaluate(f"$boolean({to_condition(tree)})", SCOPE) is True) is true


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("orders/{{ config.a }}/x", "orders/{{config.a ?? ''}}/x"),
        ("{{ config.a }}", "{{config.a}}"),
        ("{{ '{' }}{{ config.a }}{{ '}}' }}", "{{'{' & config.a}}}}"),
        ("{{ {'a': config.b} }}", "{{ {'a': config.b} }}"),
    ],
)
def test_as_a_template_of_ours(text: str, written: str) -> None:
    assert to_template(translate(text, names())) == written


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ secrets.x }}", "the variable secrets"),
        ("{{ open('/etc/passwd') }}", "the function open"),
        ("{{ config.a.__class__() }}", "the method __class__"),
        ("{{ cycler.__init__.__globals__ }}", "the variable cycler"),
        ("{{ config.a | pprint }}", "the filter pprint"),
        ("{{ config.a is odd_one }}", "the test odd_one"),
        ("{% include 'x' %}", "the statement include"),
        ("{% import 'os' as os %}", "the statement import"),
        ("{% macro m() %}{% endmacro %}", "the statement macro"),
        ("{% for x in config.a %}{% set y = x %}{% endfor %}", "a loop that changes variables"),
        ("{{ config.a", "an invalid template"),
        ("{{ config.a ** }}", "an invalid template"),
        ("{{ config.a | regex_search('(?<n>x)') }}", "a regular expression with Python syntax"),
        ("{{ now_utc().strftime('%U') }}", "the date directive %U"),
        ("{{ config.a[::2] }}", "a slice with a step"),
        ("{{ (config.a)(1) }}", "the method a"),
        ("{{ config[config.b] }}", ""),
    ],
)
def test_what_has_no_counterpart_says_so(text: str, why: str) -> None:
    if not why:
        assert made(text) == "($at := config.b; $of := config; $type($of) = 'array' ? $of[$at] : $lookup($of, $at))"
        return
    with pytest.raises(Untranslatable, match=why):
        translate(text, names())


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
        "{{ " + "not " * 2_000 + "1 }}",
        "{{ " + "-" * 5_000 + "1 }}",
        "{{ " + "[" * 300 + "]" * 300 + " }}",
        "{{ " + " + ".join(["1"] * 6_000) + " }}",
        "{% if 1 %}" * 400 + "{% endif %}" * 400,
        "{{ x" + ".y" * 30_000 + " }}",
        "{{ 9" + "9" * 10_000 + " }}",
    ],
    ids=["brackets", "not", "minus", "lists", "sum", "ifs", "long", "digits"],
)
def test_what_is_built_to_exhaust_is_refused_or_read_at_once(text: str) -> None:
    with suppress(Untranslatable):
        assert len(to_expression(translate(text, names()))) < 60_000
