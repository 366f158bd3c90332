"""Errors of expressions have their place: in plain, quoted and block scalars, and in templates."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import ExpressionError
from conn_engine.runtime.call import Call
from conn_engine.runtime.places import expression_span, origin_of, overriding_leaf

HEAD = "resources:\n  contacts:\n    list:\n      resource: people\n      response_mapping:\n"
PAGE = {"items": [{"id": 1, "name": "Ada"}]}


def culprit(workspace: Workspace, run: Callable[..., Any], operation: str = "contacts.list") -> str:
    """The rest of the file's line from the reported place."""
    with pytest.raises(ExpressionError) as caught:
        run(workspace, operation, [PAGE])
    span, _ = expression_span(workspace.effective(account="acme"), caught.value)
    assert span is not None
    return (workspace.root / span.file).read_text().splitlines()[span.line - 1][span.column - 1 :]


@pytest.mark.parametrize(
    "mapping",
    [
        "        id: $string(response.id) & $number(response.name)\n",
        '        id: "$string(response.id) & $number(response.name)"\n',
        "        id: '$string(response.id) & $number(response.name)'\n",
        "        id: |\n          $string(response.id)\n          & $number(response.name)\n",
        "        id: >-\n          $string(response.id)\n          & $number(response.name)\n",
        "        id: |\n          /* ünïcode 😀 */ $string(response.id)\n            & $number(response.name)\n",
        '        id: "\\u0022 1\\u0022 & $string(response.id) & $number(response.name)"\n',
    ],
    ids=["plain", "double", "single", "literal", "folded", "unicode", "escapes"],
)
def test_the_culprit_of_a_mapping(make: Callable[..., Workspace], run: Callable[..., Any], mapping: str) -> None:
    rest = culprit(make({"connectors/shop/unified/crm.yaml": HEAD + mapping}), run)
    assert rest.startswith(("$number(response.name)", "number(response.name)"))


def test_the_culprit_of_a_whole_mapping_in_a_block(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    text = HEAD.rstrip("\n") + " |\n        {\n          'id': $string(response.id),\n"
    text += "          'n': $number(response.name)\n        }\n"
    rest = culprit(make({"connectors/shop/unified/crm.yaml": text}), run)
    assert rest.startswith(("$number(", "number("))


def test_the_culprit_of_an_overriding_layer(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    account = """\
connector: shop
override:
  unified: { crm: { contacts: { list: { response_mapping: { id: "$number(response.name)" } } } } }
"""
    assert culprit(make({"accounts/acme.yaml": account}), run).startswith(("$number(", "number("))


def test_the_culprit_of_a_filter_that_adds_to_the_one_below(
    make: Callable[..., Workspace], run: Callable[..., Any]
) -> None:
    def account(text: str) -> dict[str, Any]:
        listing = {"list": {"record_filter": text}}
        return {"accounts/acme.yaml": {"connector": "shop", "override": {"resources": {"people": listing}}}}

    workspace = make(account("$base and $number(record.name) > 1"))
    assert culprit(workspace, run).startswith('"$base and $number(record.name) > 1"')
    assert run(make(account("$base and record.name = 'Ada'")), "contacts.list", [PAGE]).records
    assert run(make(account("$base and record.name = 'Bo'")), "contacts.list", [PAGE]).records == []


@pytest.mark.parametrize(
    ("key", "rest"),
    [
        ("    headers: { x-team: 'team {{ context.team }}' }", "context.team }}"),
        ('    query: { team: "{{context.region}}-{{context.team}}" }', "context.team}}"),
        ("    base_url: https://api.example.com/{{context.team}}", "context.team}}"),
    ],
)
def test_the_culprit_of_a_template(
    make: Callable[..., Workspace], run: Callable[..., Any], key: str, rest: str
) -> None:
    text = f"connector: shop\ncontext: {{ region: eu }}\noverride:\n  resources:\n   people:\n{key}\n"
    assert culprit(make({"accounts/acme.yaml": text}), run).startswith(rest)


def test_of_two_operations_with_one_path_the_right_one_is_named(
    make: Callable[..., Workspace], run: Callable[..., Any]
) -> None:
    workspace = make()
    with pytest.raises(ExpressionError) as caught:
        run(workspace, "people.update", [], Call())
    span, path = expression_span(workspace.effective(account="acme"), caught.value)
    assert path == "resources.people.update.path"
    assert span is not None
    assert span.line == 10


@pytest.mark.parametrize(
    "step",
    [
        "{ name: s, request: { method: get, path: '/x/{{ before.nothing }}' } }",
        "{ name: s, request: { method: get, path: /x, query: { q: ['{{ before.nothing }}'] } } }",
        "{ name: s, request: { resource: people, method: get, id: '{{ before.nothing }}' } }",
    ],
)
def test_the_culprit_of_a_step(make: Callable[..., Workspace], run: Callable[..., Any], step: str) -> None:
    text = HEAD + f"        id: response.id\n      before:\n        - {step}\n"
    rest = culprit(make({"connectors/shop/unified/crm.yaml": text}), run)
    assert rest.startswith("before.nothing }}")


def test_the_culprit_of_an_error_rule(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    account = "connector: shop\noverride:\n  errors:\n    - { when: 'status = 999', then: fail }\n"
    account += "    - when: $number(body.items[0].name) > 1\n      then: fail\n"
    rest = culprit(make({"accounts/acme.yaml": account}), run)
    assert rest.startswith(("$number(", "number("))


def test_origins_fall_back_to_the_nearest_ancestor(make: Callable[..., Workspace]) -> None:
    effective = make().effective(account="acme")
    origin = origin_of(effective, ("unified", "crm", "contacts", "list", "response_mapping", "unknown"))
    assert origin is not None
    assert origin.path[-1] == "response_mapping"
    assert origin_of(effective, ("nowhere",)) is None
    assert overriding_leaf(effective, effective.resolve("contacts.list")) is None


def test_an_override_of_one_operation_explains_no_other(make: Callable[..., Workspace]) -> None:
    account = "connector: shop\noverride: {resources: {people: {list: {headers: {X-Tier: gold}}}}}\n"
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    assert overriding_leaf(effective, effective.resolve("contacts.list")) is not None
    assert overriding_leaf(effective, effective.resolve("contacts.get")) is None
    assert overriding_leaf(effective, effective.resolve("people.get", raw=True)) is None
