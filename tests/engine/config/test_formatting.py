"""`format_document`: the short form and current names, with every comment, and with the same meaning."""

from pathlib import Path

import pytest

from conn_engine.config.formatting import check_layout, format_document
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand, find_long_strategies, find_spellings
from conn_engine.documents import dump_yaml, parse, read_document
from conn_engine.documents.yaml_layout import lay_out_yaml
from conn_engine.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]
CONNECTORS = sorted((ROOT / "connectors").glob("*/connector.yaml"))
LONG = """\
# The shop.
name: shop
base_url: https://api.example.com   # no slash
pagination:
  format: page
  # How the pages are read.
  config: # settings
    # Many.
    limit_param: per_page  # theirs
    size: 50
    stop: |
      $count(body.data)
        = 0

authorization: { format: header, config: { name: X-Key } }
credentials:
  format: basic
  config: { user: "{{key}}" } # the key
resources:
  people:
    list:
      method: GET
      path: /people
    get: { method: get, path: "/people/{{id}}" }
    search: { method: get, path: /search, pagination: { format: none } }
  orders:
    path: /orders
    list: { method: get }   # all
    update: { method: patch }
"""
SHORT = """\
# The shop.
name: shop
base_url: https://api.example.com   # no slash
pagination:
  format: page
  # How the pages are read.
  # settings
  # Many.
  size_param: per_page  # theirs
  size: 50
  stop: |
    $count(body.data)
      = 0

authorization: { format: header, name: X-Key }
credentials:
  format: basic
  user: "{{key}}" # the key
resources:
  people:
    list:
      path: /people
    get: { path: "/people/{{id}}" }
    search: { method: get, path: /search, pagination: { format: none } }
  orders:
    path: /orders
    list: {}   # all
    update: { method: patch }
"""


def shape(text, kind="connector"):
    return format_document(parse(text, "x.yaml"), kind)


def test_the_short_form_keeps_every_comment():
    assert shape(LONG) == SHORT


def test_a_document_in_the_short_form_stays_as_it_is():
    assert shape(SHORT) == SHORT


@pytest.mark.parametrize("path", CONNECTORS, ids=lambda path: path.parent.name)
def test_the_bundled_connectors_are_formatted(path):
    document = read_document(path, path.name)
    assert format_document(document, "connector") == document.text


@pytest.mark.parametrize("path", CONNECTORS, ids=lambda path: path.parent.name)
def test_the_long_form_of_the_bundled_connectors_becomes_short_and_means_the_same(path):
    canonical = expand(read_document(path, path.name).data, Configuration)[0]
    text = format_document(parse(dump_yaml(canonical), "x.yaml"), "connector")
    data = parse(text, "x.yaml").data
    assert expand(data, Configuration)[0] == canonical
    assert list(find_long_strategies(data, Configuration)) == find_spellings(data, Configuration) == []


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (
            "account",
            "connector: shop\noverride:\n  pagination: { format: page, config: { limit_param: n } }\n",
            "connector: shop\noverride:\n  pagination: { format: page, size_param: n }\n",
        ),
        (
            "environment",
            "connectors:\n  shop:\n    pagination:\n      config:\n        size: 5\n",
            "connectors:\n  shop:\n    pagination:\n      size: 5\n",
        ),
        ("unified", "resources:  \n  a: {}\t\n\n\n", "resources:\n  a: {}\n"),
        ("workspace", "version: 1", "version: 1\n"),
    ],
)
def test_other_documents(kind, text, expected):
    assert shape(text, kind) == expected


@pytest.mark.parametrize(
    "text",
    [
        "pagination: { format: page, config: {} }\n",
        "pagination: { format: page, config: { size: 1 }, size: 2 }\n",
        "pagination: &p { format: page, config: { size: 1 } }\nresources: { a: { list: { pagination: *p } } }\n",
        "signature: { format: rsa, config: { content: body } }\n",
        "a: |+\n  x  \n\n",
        "- 1\n",
        "",
    ],
)
def test_what_is_written_stays_where_the_meaning_could_change(text):
    changed = shape(text)
    before, after = parse(text, "x.yaml").data, parse(changed, "x.yaml").data
    if isinstance(before, dict):
        assert expand(after, Configuration)[0] == expand(before, Configuration)[0]
    else:
        assert changed == text


UNIFIED = """\
resources:
  people: # all
    response_mapping:
      id: $string( response.id )   # the ID
      name: "response.a&' '&response.b"
      email: 'response.email ?$lowercase( response.email )'
      tags: |  # several
        (
            $t:=response.tags;
          /* only their names */
            $t.name
        )
      kept: '{{response.a+1}}'
      folded: >
        response.a+
        response.b
      fixed: '"a+b"'
      number: 1
    list: { query_mapping: { limit: query.limit+0, q: 'query.q&"*"' } }
"""
LAID_OUT = """\
resources:
  people: # all
    response_mapping:
      id: $string(response.id)   # the ID
      name: "response.a & ' ' & response.b"
      email: "response.email ? $lowercase(response.email)"
      tags: |  # several
        (
          $t := response.tags;
          /* only their names */
          $t.name
        )
      kept: "{{response.a+1}}"
      folded: >
        response.a+
        response.b
      fixed: '"a+b"'
      number: 1
    list: { query_mapping: { limit: query.limit + 0, q: 'query.q & "*"' } }
"""


def test_expressions_are_laid_out_and_their_lines_stay() -> None:
    assert format_document(parse(UNIFIED, "crm.yaml"), "unified") == LAID_OUT
    assert format_document(parse(LAID_OUT, "crm.yaml"), "unified") == LAID_OUT


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("account", "override: { crm.people.response_mapping.a: b+c }\n", "{ crm.people.response_mapping.a: b + c }"),
        (
            "account",
            "override: {people: {list: {record_filter: 'record.a=1'}}}\n",
            "record_filter: record.a=1 }",
        ),  # not a resource
        (
            "account",
            "override:\n  resources: {p: {list: {record_filter: 'record.a=1'}}}\n",
            "record_filter: record.a = 1 }",
        ),
        ("environment", "connectors: {s: {errors: [{when: 'status=404', then: empty}]}}\n", "{ when: status = 404,"),
        ("connector", "pagination: {format: page, stop: 'last=true', size: 10}\n", "stop: last = true, size: 10"),
        (
            "connector",
            'resources: {p: {list: {path: "/p/{{a+b}}", query: {q: "x+y"}}}}\n',
            '"/p/{{a+b}}", query: { q: x+y }',
        ),
        ("connector", "a: &x response.a+1\nerrors: [{when: *x, then: empty}]\n", "&x response.a+1\n"),
        ("connector", "errors: [{when: 'status==404', then: empty}]\n", "{ when: status==404, then"),
    ],
)
def test_expressions_are_found_by_their_settings(kind: str, text: str, expected: str) -> None:
    assert expected in format_document(parse(text, "a.yaml"), kind)


def test_expressions_in_json_are_laid_out() -> None:
    text = '{\n  "errors": [{"when": "status=404", "then": "empty"}]\n}\n'
    assert format_document(parse(text, "a.json"), "connector") == text.replace("status=404", "status = 404")


SCATTERED = """\

# The shop.


name:    'shop'
resources :
    people:
     # all of them
        list:   {path: '/people',query: {  fields : [ 'a',"b" , 'on' ]}}  # one page
   # about update
    orders:

        update: &up
            method: "put"
            path: "/orders/{{id}}"
        items:
        -    *up
        -
             note: |
                 a:  b

                   'c'
              # end
        create: *up
"""
TIDY = """\
# The shop.

name: shop
resources:
  people:
    # all of them
    list: { path: /people, query: { fields: [a, b, "on"] } }  # one page
  # about update
  orders:

    update: &up
      method: put
      path: "/orders/{{id}}"
    items:
      - *up
      -
        note: |
          a:  b

            'c'
        # end
    create: *up
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_yaml_has_two_spaces_for_each_level_and_one_style_of_quotes(newline):
    assert shape(SCATTERED.replace("\n", newline), "workspace") == TIDY.replace("\n", newline)
    assert shape(TIDY, "workspace") == TIDY


@pytest.mark.parametrize(
    "text",
    ["a: 1\n---\nb:   2\n", "? a\n:   1\n", "%YAML 1.1\n---\na:   1\n", "a:\n  - b\n  -\tc:   1\n"],
)
def test_rare_parts_of_yaml_stay_as_they_are(text):
    assert lay_out_yaml(text) == text


@pytest.mark.parametrize(
    "text",
    ["a: 2 # why\nb: x\n", "a: '1' # why\nb: x\n", "b: x\na: 1 # why\n", "a: 1\nb: x # why\n", "a: 1 # why\n", "a: ["],
)
def test_a_text_with_other_data_or_comments_is_refused(text):
    document = parse("a: 1 # why\nb: x\n", "accounts/me.yaml")
    check_layout(document, "a:   1 # why\n\nb: 'x'\n")
    with pytest.raises(ConfigurationError, match=r"accounts/me.yaml was not formatted: .* would change") as caught:
        check_layout(document, text)
    assert "conn fmt" in caught.value.hint
