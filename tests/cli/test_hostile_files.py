"""Files as they should not be: every command answers with a place and a fix, never with a traceback."""

import os
from pathlib import Path

import pytest
from transcript import conn

COMMANDS = (["lint"], ["test"], ["show"], ["account", "list"], ["diff-override"], ["run", "contacts.list", "-a", "me"])


def every_command_says_it(desk, *words, codes=(1, 2, 3, 5)):
    for arguments in COMMANDS:
        done = conn(desk, *arguments)
        assert done.code in codes, (arguments, done)
        assert "internal error" not in done.err, (arguments, done.err)
        assert "Traceback" not in done.err
        for word in words:
            assert word in done.out + done.err, (arguments, done)


def test_latin_1_bytes(desk):
    (desk / "accounts/me.yaml").write_bytes("connector: demo\nlabel: Müller\n".encode("latin-1"))
    every_command_says_it(desk, "accounts/me.yaml:2:9", "DOC001", "save it as UTF-8", codes=(1, 3))


def test_utf_16(desk):
    (desk / "accounts/me.yaml").write_bytes("connector: demo\n".encode("utf-16"))
    every_command_says_it(desk, "DOC001", "it is UTF-16", codes=(1, 3))


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "null\n"])
def test_an_empty_account(desk, text):
    (desk / "accounts/me.yaml").write_text(text)
    every_command_says_it(desk, "accounts/me.yaml:", codes=(1, 3))


def test_an_empty_connector(desk):
    (desk / "connectors/demo/connector.yaml").write_text("")
    every_command_says_it(desk, "connectors/demo/connector.yaml:1:1", codes=(1, 3))


def test_an_empty_conn_yaml_is_a_workspace(desk):
    (desk / "conn.yaml").write_text("")
    assert conn(desk, "show").code in (0, 3)
    assert "internal" not in conn(desk, "lint").err


def test_a_folder_named_connector_yaml(desk):
    path = desk / "connectors/demo/connector.yaml"
    path.unlink()
    path.mkdir()
    done = conn(desk, "lint")
    assert done.code == 1
    assert "connectors/demo/connector.yaml" in done.out
    assert "connector.yaml is a folder" in done.out
    done = conn(desk, "test")
    assert done.code in (2, 3)
    assert "internal" not in done.err


def test_a_folder_named_account_yaml(desk):
    (desk / "accounts/other.yaml").mkdir()
    every_command_says_it(desk, codes=(0, 1, 2, 3, 5))
    assert "accounts/other.yaml" in conn(desk, "lint").out


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_a_link_out_of_the_workspace(desk, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "stolen.yaml"
    outside.write_text("connector: demo\nlabel: a-text-from-outside\n")
    (desk / "accounts/other.yaml").symlink_to(outside)
    for arguments in (["lint"], ["account", "list"], ["show", "-a", "other"], ["test", "-a", "other"]):
        done = conn(desk, *arguments)
        assert done.code in (1, 3), (arguments, done)
        assert "leads out of the workspace" in done.out + done.err
        assert "a-text-from-outside" not in done.out + done.err


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_links_that_go_round(desk):
    (desk / "accounts/other.yaml").symlink_to(desk / "accounts/other.yaml")
    (desk / "connectors/round").symlink_to(desk / "connectors")
    assert "internal" not in conn(desk, "lint").err
    assert "internal" not in conn(desk, "test").err


def test_two_files_of_one_name(desk):
    (desk / "accounts/me.json").write_text('{"connector": "demo"}')
    every_command_says_it(desk, "me.yaml", "me.json", "remove one of them", codes=(3,))


def test_a_recording_that_is_no_json(desk):
    path = desk / "connectors/demo/recordings/crm.contacts.list.json"
    path.write_text("{")
    for arguments in (["lint"], ["test"], ["diff-override"]):
        done = conn(desk, *arguments)
        assert done.code in (1, 3), (arguments, done)
        assert "crm.contacts.list.json:1:2" in done.out + done.err


def test_a_golden_that_is_no_json(desk):
    (desk / "connectors/demo/expected/crm.contacts.list.json").write_text("{")
    done = conn(desk, "test")
    assert done.code in (1, 3)
    assert "crm.contacts.list.json:1:2" in done.out + done.err


def test_a_file_stands_where_a_folder_is_needed(desk):
    # Holds for root too, whom permissions do not stop.
    (desk / "blocked").write_text("")
    for arguments in (
        ["lint", "--format", "json=blocked/out.json"],
        ["lint", "--baseline", "blocked/baseline.json", "--update-baseline"],
        ["test", "--format", "junit=blocked/out.xml"],
        ["har", "export", "connectors/demo/recordings/crm.contacts.get.json", "-o", "blocked/x.har"],
        ["init", "blocked"],
        ["init", "--example", "blocked/ws"],
    ):
        done = conn(desk, *arguments)
        assert done.code in (2, 3), (arguments, done)
        assert "internal error" not in done.err, (arguments, done.err)
        assert "blocked" in done.err + done.out, (arguments, done)
    assert (desk / "blocked").read_text() == ""


def test_goldens_that_cannot_be_written(desk):
    expected = desk / "connectors/demo/expected"
    for path in expected.iterdir():
        path.unlink()
    expected.rmdir()
    expected.write_text("")
    done = conn(desk, "test", "--update")
    assert done.code == 3
    assert "connectors/demo/expected" in done.err
    assert "internal" not in done.err


def test_an_output_that_is_a_folder(desk):
    done = conn(desk, "lint", "--format", "json=accounts")
    assert done.code == 3
    assert "DOC010" in done.err


def test_a_new_connector_is_whole_or_not_there(desk, monkeypatch):
    before = sorted(path for path in desk.rglob("*"))

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("conn_engine.documents.write_whole", fail)
    done = conn(desk, "new", "other")
    assert done.code != 0
    assert sorted(path for path in desk.rglob("*")) == before
    assert "no space left" in done.err.lower()


def test_deep_and_wide_documents_are_refused_quickly(desk):
    (desk / "accounts/me.yaml").write_text("connector: demo\ncontext: {a: " + "[" * 5000 + "]" * 5000 + "}\n")
    assert "DOC005" in conn(desk, "lint").out
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (desk / "accounts/me.yaml").write_text("connector: demo\n" + "\n".join(bomb))
    assert "DOC004" in conn(desk, "lint").out


def test_names_that_try_to_leave(desk):
    for arguments in (
        ["test", "-a", "../../etc/passwd"],
        ["show", "-c", "../demo"],
        ["new", "..%2f"],
        ["schema", "../connector"],
        ["schema", "crm.../x"],
        ["auth", "status", "../me"],
        ["har", "import", "x.har", "-c", "../demo", "--operation", "contacts.list"],
        ["run", "../x", "-a", "me"],
    ):
        done = conn(desk, *arguments)
        assert done.code in (2, 3), (arguments, done)
        assert "internal" not in done.err, (arguments, done.err)


def test_odd_arguments_are_usage_errors(desk):
    for arguments in (
        ["test", ""],
        ["test", "."],
        ["test", "a.b.c.d"],
        ["test", ":"],
        ["test", "demo:"],
        ["test", "\x00"],
        ["why", "contacts.list", "", "-c", "demo"],
        ["why", "contacts.list", "..", "-c", "demo"],
        ["why", "-", "resources.contacts[", "-c", "demo"],
        ["explain", ""],
        ["schema", ""],
        ["new", ""],
        ["lint", ""],
        ["lint", "\x00"],
        ["run", "contacts.list", "-a", ""],
        ["run", "contacts.get", "-a", "me", "-p", "=1"],
        ["-C", "\x00", "lint"],
        ["har", "export", "\x00", "-o", "x"],
        ["eval", "a", "-i", "\x00"],
    ):
        done = conn(desk, *arguments)
        assert done.code in (0, 2, 3, 5), (arguments, done)
        assert "internal error" not in done.err, (arguments, done.err)


def test_nothing_is_left_behind(desk):
    assert not list(Path(desk).rglob("*.tmp"))
