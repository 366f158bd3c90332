"""Advice in results names tools and arguments, not command lines."""

import pytest

from conn_service.authoring.advice import POSITIONS, AdviceWriter
from conn_service.authoring.tools import AUTHORING_TOOLS


@pytest.mark.parametrize(
    ("tool", "text", "expected"),
    [
        ("record", "add its body with --page FILE", "add its body with the argument pages"),
        ("record", "add --force to replace it, or --scenario NAME for another",
         "add the argument force to replace it, or the argument scenario for another"),
        ("lint", "next: conn lint --fix (1 of 2 findings can be fixed)",
         "next: the tool lint (fix: true) (1 of 2 findings can be fixed)"),
        ("test", "correct it: conn test contacts.list --account acme -v",
         "correct it: the tool test (operations: contacts.list, account: acme)"),
        ("test", "accept it: conn test contacts.list -c 'a b' --update; or correct it",
         "accept it: the tool test (operations: contacts.list, connector: a b, update: true); or correct it"),
        ("test", "record it: conn record contacts.list --account acme",
         "record it: conn record contacts.list --account acme (run by the user)"),
        ("test", "record it: conn record contacts.get -p id=0 --from-body FILE",
         "record it: the tool record (operation: contacts.get, params: id=0, body: FILE)"),
        ("show", "conn show --connector NAME lists the operations",
         "the tool show (connector: NAME) lists the operations"),
        ("map", "log in: conn auth login acme", "log in: conn auth login acme (run by the user)"),
        ("new", "conn import openapi.yaml --name parts", "the tool new (document: openapi.yaml, name: parts)"),
        ("why", "see: conn diff-override --account acme", "see: the tool diff_override (account: acme)"),
        ("new", "add --force to replace it", "add --force (an option for the user) to replace it"),
        ("override", "conn override me contacts email 'a & b'",
         "the tool override (account: me, resource: contacts, field: email, expression: a & b, write: true)"),
        ("override", "conn override me contacts email response.a --dry-run",
         "the tool override (account: me, resource: contacts, field: email, expression: response.a)"),
        ("lint", "the connector stays; so does conn.yaml", "the connector stays; so does conn.yaml"),
    ],
)  # fmt: skip
def test_a_sentence_names_tools_and_arguments(tool: str, text: str, expected: str) -> None:
    assert AdviceWriter(tool).rewrite_text(text) == expected


def test_a_tool_that_the_server_does_not_have_is_for_the_user() -> None:
    reading = AdviceWriter("lint", {"lint", "explain"})
    assert reading.rewrite_text("run conn new shop") == "run conn new shop (run by the user)"
    assert reading.rewrite_text("run conn explain MAP201") == "run the tool explain (word: MAP201)"


def test_only_messages_and_fixes_are_rewritten() -> None:
    data = {
        "fix": "conn lint --fix",
        "value": "conn lint --fix",
        "notes": ["conn lint"],
        "text": "conn lint",
        "findings": [{"message": "see conn lint", "path": "conn lint", "fix": ""}],
    }
    assert AdviceWriter("lint").rewrite(data) == {
        "fix": "the tool lint (fix: true)",
        "value": "conn lint --fix",
        "notes": ["the tool lint"],
        "text": "conn lint",
        "findings": [{"message": "see the tool lint", "path": "conn lint", "fix": ""}],
    }


def test_an_explanation_names_tools() -> None:
    explained = {"kind": "explain", "words": [{"text": "Accept it: `conn test --update`."}]}
    rewritten = AdviceWriter("explain").rewrite(explained)
    assert rewritten["words"][0]["text"] == "Accept it: `the tool test (update: true)`."


def test_positions_are_those_of_the_command_lines() -> None:
    for command, names in POSITIONS.items():
        name = {"import": "new", "diff-override": "diff_override"}.get(command, command)
        tool = AUTHORING_TOOLS[name]
        arguments = {
            key: [f"<{key}>"] if schema.get("type") == "array" else f"<{key}>"
            for key, schema in tool.properties.items()
        }
        arguments |= {key: {} for key, schema in tool.properties.items() if schema.get("type") == "object"}
        if command == "new":
            del arguments["document"]
        words = tool.build(arguments).words
        positional = [word.strip("<>") for word in words[words.index("--") + 1 :]]
        assert positional == (["{document 0}"] if command == "import" else list(names))
