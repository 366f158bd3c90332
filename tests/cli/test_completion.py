"""What a shell offers after TAB: names of the workspace, options and commands, without importing Typer."""

import json
import os
import shutil
import sys
from pathlib import Path

import launching
import pytest
from completion_tree import build_tree
from measuring import cpu_limit

from conn_cli.completion.command_line import find_candidates, load_tree
from conn_cli.completion.names import SOURCES
from conn_cli.completion.shells import print_completions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def complete(tmp_path, monkeypatch):
    """Complete a line of words: the last one is being typed."""
    shop = tmp_path / "shop"
    (shop / "accounts").mkdir(parents=True)
    for connector in ("hubspot", "zendesk"):
        shutil.copytree(ROOT / "connectors" / connector, shop / "connectors" / connector)
    (shop / "environments").mkdir()
    (shop / "syncs").mkdir()
    (shop / "syncs/contacts.yaml").write_text("source: {resource: contacts}\n")
    (shop / "syncs/deals.json").write_text('{"source": {"resource": "deals"}}\n')
    (shop / "conn.yaml").write_text("default_environment: production\n")
    (shop / "environments/production.yaml").write_text("{}\n")
    (shop / "accounts/acme.yaml").write_text("label: Acme\nconnector: hubspot\n")
    (shop / "accounts/globex.json").write_text('{"connector": "zendesk"}\n')
    monkeypatch.chdir(shop)
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def find(line, folder=shop):
        *words, incomplete = line.split(" ")
        return [found.text for found in find_candidates(words, incomplete, folder, environ)]

    find.folder, find.environ = shop, environ
    return find


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("te", ["test"]),
        ("test -a ", ["acme", "globex"]),
        ("test --account gl", ["globex"]),
        ("test --account=a", ["--account=acme"]),
        ("-C . test -a a", ["acme"]),
        ("test -c ", ["hubspot", "zendesk"]),
        ("run x -e ", ["production"]),
        ("run crm.contacts.l", ["crm.contacts.list"]),
        ("run contacts.l", ["contacts.list"]),
        ("test contacts.list contacts.g", ["contacts.get"]),
        ("test -a globex tickets.l", ["tickets.list"]),
        ("test -a globex ticket_fields.l", ["ticket_fields.list"]),
        ("test -a acme ticket_fields.l", []),
        ("test hubspot:contacts.l", ["hubspot:contacts.list"]),
        ("test sync:", ["sync:contacts", "sync:deals"]),
        ("test sync:d", ["sync:deals"]),
        ("override gl", ["globex"]),
        ("override globex tickets.l", ["tickets.list"]),
        (
            "override globex ticket",
            ["tickets", *map("tickets.{}".format, ("create", "delete", "get", "list", "update"))],
        ),
        ("override acme tick", []),
        ("override acme crm.contacts.l", ["crm.contacts.list"]),
        ("test hubspot:crm.contacts.l", ["hubspot:crm.contacts.list"]),
        ("run contacts.list con", []),
        ("record contacts.list -a acme --scenario rate", ["rate_limited"]),
        ("auth login ", ["acme", "globex"]),
        ("webhook sub", ["subscribe"]),
        ("explain MAP201", ["MAP201"]),
        ("explain $pic", ["$pick"]),
        ("impact --format ", ["text", "json", "markdown", "github"]),
        ("lint --upd", ["--update-baseline"]),
        ("test -- --acc", []),
        ("test --nonsense=", []),
        ("nonsense ", []),
    ],
)
def test_candidates(complete, line, expected):
    assert complete(line) == expected


def test_outside_a_workspace_there_are_commands_but_no_names(complete, tmp_path):
    assert complete("test -a ", tmp_path) == []
    assert "--account" in complete("test -", tmp_path)
    assert complete("-C elsewhere test -a ") == []


def test_the_tree_has_every_command_and_every_named_parameter():
    tree = build_tree()
    assert tree == load_tree(), "make docs writes it again"
    parameters = list(_list_parameters(tree))
    assert {names for _, names in parameters if names} == {*SOURCES, "codes"}
    assert [where for where, names in parameters if where.endswith("--account") and names != "accounts"] == []
    assert tree["commands"].keys() == set(_list_commands())


def _list_commands():
    from conn_cli.overview import COMMANDS

    return [name for rows in COMMANDS.values() for name in rows]


def _list_parameters(node, path="conn"):
    for name, option in node["options"].items():
        yield f"{path} {name}", option.get("value", {}).get("names")
    for argument in node.get("arguments", []):
        yield path, argument.get("names")
    for name, inner in node.get("commands", {}).items():
        yield from _list_parameters(inner, f"{path} {name}")


def test_operations_are_read_again_only_for_connectors_that_changed(complete, tmp_path):
    complete("test ")
    (cache,) = (tmp_path / "cache/conn").iterdir()
    cached = json.loads(cache.read_text())
    cached["zendesk"]["operations"] = ["from.cache"]
    cache.write_text(json.dumps(cached))
    with (complete.folder / "connectors/hubspot/connector.yaml").open("a") as file:
        file.write("  parcels:\n    list: { method: get, path: /parcels }\n")
    assert complete("test parc") == ["parcels.list"]
    assert complete("test from") == ["from.cache"]


def test_a_document_that_is_being_written_keeps_its_operations(complete):
    before = complete("test con")
    (complete.folder / "connectors/hubspot/connector.yaml").write_text("resources: {\n")
    assert before and complete("test con") == before


@pytest.mark.parametrize("damage", ["", "[]", '{"hubspot": 1, "zendesk": {"operations": [1]}}'])
def test_a_damaged_cache_is_replaced(complete, tmp_path, damage):
    before = complete("test con")
    (cache,) = (tmp_path / "cache/conn").iterdir()
    cache.write_text(damage)
    assert complete("test con") == before
    assert json.loads(cache.read_text()).keys() == {"hubspot", "zendesk"}


def test_another_users_link_in_a_shared_cache_folder_is_not_followed(complete, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)
    complete("test con")
    (cache,) = (tmp_path / "cache/conn").iterdir()
    (tmp_path / "precious").write_text("precious")
    cache.unlink()
    for guess in (os.getpid(), bytes(6).hex()):
        cache.with_name(f"{cache.name}.{guess}").symlink_to(tmp_path / "precious")
    assert "contacts.list" in complete("test con")
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_cache_is_private(complete, tmp_path):
    complete("test con")
    (cache,) = (tmp_path / "cache/conn").iterdir()
    assert (cache.stat().st_mode & 0o777, cache.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_an_account_cannot_delay_an_answer(complete):
    os.mkfifo(complete.folder / "accounts/pipe.yaml")  # opening it waits for a writer
    assert "contacts.list" in complete("test -a pipe con")
    (complete.folder / "accounts/acme.yaml").write_text("\n" * 60_000 + "connector: zendesk\n")
    with cpu_limit(20):
        assert "tickets.list" in complete("test -a acme tick")


def test_names_that_a_shell_would_interpret_are_not_offered(complete):
    for name in ("a$(touch x)", "a;b", "a'b", 'a"b', "a b", "a`b`", "\x1b[2J"):
        (complete.folder / "accounts" / f"{name}.yaml").write_text("connector: hubspot\n")
    assert complete("test -a ") == ["acme", "globex"]


@pytest.mark.parametrize(
    ("words", "index", "expected"),
    [
        ("conn\ntest\n-a\n", 3, "acme\nglobex\n"),
        ("conn\ntest\nhubspot\n:\ncontacts.l", 4, "contacts.list\n"),
        ("conn\ntest\n--account\n=\ng", 4, "globex\n"),
        ("conn\ntest\n--account\n=", 3, "acme\nglobex\n"),
        ("conn test -a a", 3, "acme\n"),
    ],
)
def test_bash(complete, capsys, words, index, expected):
    environ = {**complete.environ, "_CONN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(index)}
    assert print_completions(environ)
    assert capsys.readouterr().out == expected


def test_zsh_and_fish(complete, capsys):
    for shell, line, expected in [
        ("zsh", "conn test hubspot:contacts.l", "_arguments '*: :((\"hubspot\\\\:contacts.list\"))'\n"),
        ("zsh", "conn nothing ", "_files\n"),
        ("zsh", "conn doc", '_arguments \'*: :(("doctor":"Check this installation and the workspace."))\'\n'),
        ("fish", "conn test -a ", "acme\nglobex\n"),
        ("fish", "conn 'test' --upd", "--update\tStore the results as the new goldens\n"),
    ]:
        assert print_completions(
            {**complete.environ, "_CONN_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
        )
        assert capsys.readouterr().out == expected


def test_other_requests_are_left_to_typer():
    assert not print_completions({"_CONN_COMPLETE": "source_bash"})
    assert not print_completions({"_CONN_COMPLETE": "complete_powershell"})


MOST_MODULES = 60
"""The most modules that an answer may import: one imports about 40, and a command about 700."""


def test_an_answer_imports_few_modules_and_neither_typer_nor_the_engine(complete):
    complete("test ")  # fills the cache
    script = (
        "import json, sys; before = set(sys.modules); from conn_cli.start import main; main(); "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    environ = {
        **complete.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("cli", "engine")),
        "_CONN_COMPLETE": "complete_bash",
        "COMP_WORDS": "conn\ntest\ncontacts.l",
        "COMP_CWORD": "2",
    }
    done = launching.run(
        [sys.executable, "-c", script],
        cwd=complete.folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answer, imported = done.stdout.splitlines()
    modules = json.loads(imported)
    assert answer == "contacts.list"
    assert {name.partition(".")[0] for name in modules} & {"typer", "rich", "conn_engine", "yaml"} == set()
    assert len(modules) <= MOST_MODULES, modules
