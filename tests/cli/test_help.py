"""Every command's `--help`: a first line that fits a list, help for each parameter, and examples that parse."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from conn_cli.main import application

LONGEST_LINE = 70


def find_commands(command: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """The commands below one, and itself, by the words that call them; earlier names are hidden."""
    if not command.hidden:
        yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from find_commands(child, f"{words} {name}".strip())


COMMANDS = dict(find_commands(get_command(application)))


@pytest.mark.parametrize("words", COMMANDS)
def test_first_line_is_a_short_sentence(words: str) -> None:
    first, _, rest = COMMANDS[words].help.partition("\n")
    assert len(first) <= LONGEST_LINE, first
    assert first.endswith(".") and first[0].isupper(), first
    assert rest == "" or rest.startswith("\n"), f"the first line of conn {words} is not a paragraph of its own"


@pytest.mark.parametrize("words", COMMANDS)
def test_every_visible_parameter_has_a_help(words: str) -> None:
    parameters = [each for each in COMMANDS[words].params if not getattr(each, "hidden", False)]
    without = [each.name for each in parameters if not each.help]
    assert without == []
    assert [each.name for each in parameters if not each.help.endswith(".")] == []


@pytest.mark.parametrize("words", COMMANDS)
def test_examples_are_command_lines_of_the_command(words: str) -> None:
    for line in [line for line in COMMANDS[words].help.splitlines() if line.startswith("  conn ")]:
        name, *arguments = shlex.split(line)
        context = COMMANDS[words].make_context(f"{name} {words}", arguments[len(words.split()) :])
        assert arguments[: len(words.split())] == words.split()
        assert context.params


@pytest.mark.parametrize(("words", "alias"), [("webhook verify", "check")])
def test_an_earlier_name_of_a_command_is_hidden_and_does_the_same(words: str, alias: str) -> None:
    group = COMMANDS[words.split(maxsplit=1)[0]]
    assert group.commands[alias].hidden
    assert group.commands[alias].callback.__wrapped__ is COMMANDS[words].callback.__wrapped__


@pytest.mark.parametrize(("words", "option"), [("promote", "--override"), ("webhook verify", "--json")])
def test_an_earlier_name_of_an_option_is_hidden(words: str, option: str) -> None:
    (found,) = [each for each in COMMANDS[words].params if option in each.opts]
    assert found.hidden
