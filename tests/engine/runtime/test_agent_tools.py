"""The definitions of an agent's tools stay within their bound, whatever an account has."""

import json

import pytest

from conn_engine.runtime.agent_tools import (
    INSTRUCTIONS,
    METHODS,
    MOST_TOKENS,
    READING_METHODS,
    build_agent_tools,
    count_definition_tokens,
    count_named_tokens,
)

OTHERS = {"merge": True, "search": False}


def describe_methods(*methods: str) -> dict[str, bool]:
    """Return standard methods with whether they write."""
    return {method: method not in READING_METHODS for method in methods}


def make_resources(number: int, length: int) -> dict[str, dict[str, bool]]:
    return {f"crm/{'x' * length}{index:02d}": describe_methods(*METHODS) | OTHERS for index in range(number)}


@pytest.mark.parametrize("length", [1, 10, 60])
@pytest.mark.parametrize("number", [1, 5, 15, 30, 31, 40, 99])
def test_the_definitions_are_bounded(number: int, length: int) -> None:
    resources = make_resources(number, length)
    tools = build_agent_tools(resources)
    assert count_definition_tokens(tools) <= MOST_TOKENS
    names = {tool.name for tool in tools}
    named = [tool for tool in tools if "enum" in tool.properties.get("resource", {})]
    assert ("list_resources" in names) == (number > 30 or count_named_tokens(resources) > MOST_TOKENS)
    assert bool(named) != ("list_resources" in names)
    assert all(tool.properties["resource"]["enum"] == list(resources) for tool in named)


def test_thirty_resources_with_usual_names_are_named() -> None:
    tools = build_agent_tools(make_resources(30, 10), writes=False)
    assert [tool.name for tool in tools] == ["describe_resource", "list_records", "get_record", "call_method"]


def test_each_tool_names_the_resources_that_have_its_operation() -> None:
    resources = {
        "crm/contacts": describe_methods("list", "get", "delete"),
        "crm/notes": describe_methods("create") | {"merge": True},
        "crm/tags": describe_methods("list"),
    }
    named = {tool.name: tool.properties["resource"]["enum"] for tool in build_agent_tools(resources)}
    assert named == {
        "describe_resource": ["crm/contacts", "crm/notes", "crm/tags"],
        "list_records": ["crm/contacts", "crm/tags"],
        "get_record": ["crm/contacts"],
        "create_record": ["crm/notes"],
        "delete_record": ["crm/contacts"],
        "call_method": ["crm/notes"],
    }
    reading = build_agent_tools(resources, writes=False)
    assert [tool.name for tool in reading] == ["describe_resource", "list_records", "get_record"]
    assert reading[0].properties["resource"]["enum"] == ["crm/contacts", "crm/tags"]
    assert not any(tool.writes for tool in reading)
    assert build_agent_tools({}) == build_agent_tools({"crm/notes": describe_methods("create")}, writes=False) == []


def test_the_tool_for_other_methods_writes_only_if_one_of_them_does() -> None:
    resources = {"crm/contacts": OTHERS}
    for is_allowed in (True, False):
        *_, tool = build_agent_tools(resources, writes=is_allowed)
        assert (tool.name, tool.writes, "confirmation" in tool.properties) == ("call_method", is_allowed, is_allowed)
        assert ("plan" in tool.description) is is_allowed


def test_tokens_are_counted_over_all_that_an_agent_reads() -> None:
    tools = build_agent_tools({"crm/contacts": describe_methods(*METHODS) | OTHERS})
    size = sum(len(json.dumps([tool.name, tool.description, tool.schema])) for tool in tools) + len(INSTRUCTIONS)
    assert 0.9 < count_definition_tokens(tools) / (size / 4) < 1.1
