"""A connector folder from an attacker: a check ends in time, reads nothing outside, and runs nothing of it."""

import json
import os
import re
import sys
import time

import launching
import pytest

from conn_cli.scaffold import create_connector, create_workspace
from conn_engine.analysis.submissions import check_submission
from conn_engine.analysis.submissions.files import MAX_FILE_BYTES, MAX_FILES

SECRET = "only-this-machine-knows"


@pytest.fixture
def folder(tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "shop")
    (tmp_path / "outside.yaml").write_text(f"{SECRET}: 1\n")
    return tmp_path / "connectors" / "shop"


def check(folder, *stages, seconds=60.0):
    result = check_submission(folder, stages=stages, seconds=seconds)
    verdicts = {verdict.rule: verdict for verdict in result.verdicts}
    shown = json.dumps([[problem.file, problem.message] for verdict in result.verdicts for problem in verdict.problems])
    assert SECRET not in shown
    return verdicts, shown


@pytest.mark.parametrize("target", ["../../../outside.yaml", "/etc/passwd", ".", "../../.."])
def test_links_are_never_followed(folder, target):
    (folder / "unified" / "evil.yaml").symlink_to(target)
    verdicts, shown = check(folder, "contents", "documents")
    assert verdicts["files"].passed is False
    assert verdicts["documents"].passed is None, "nothing is read of a folder with a link"
    assert "unified/evil.yaml" in shown
    assert "it is a link" in shown


def test_many_empty_folders_hide_no_file(folder):
    for number in range(MAX_FILES + 1):
        (folder / "schemas" / f"{number:04}").mkdir(parents=True)
    (folder / "schemas" / "evil.py").write_text("x")
    problems = [(problem.file, problem.message) for problem in check(folder)[0]["files"].problems]
    assert problems == [("schemas", "there are more than 2,000 files")]


def test_a_link_in_place_of_a_folder_is_not_entered(folder):
    (folder / "schemas").symlink_to("../../..")
    assert [problem.file for problem in check(folder)[0]["files"].problems] == ["schemas"]


@pytest.mark.parametrize(
    "name",
    ["run.sh", ".env", ".git/config", "unified/a.py", "recordings/x/y.json", "unified/a\x1b[31m.yaml", "Makefile"],
)
def test_what_is_not_part_of_a_connector_is_refused(folder, name):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x: 1\n")
    verdicts, _ = check(folder, "contents")
    assert [problem.file for problem in verdicts["files"].problems] == [name]
    assert verdicts["recordings"].passed is None


def test_a_pipe_and_a_huge_file_are_refused(folder):
    os.mkfifo(folder / "LICENSE")
    with (folder / "recordings" / "huge.json").open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)
    verdicts, _ = check(folder)
    assert {problem.file for problem in verdicts["files"].problems} == {"LICENSE", "recordings/huge.json"}


@pytest.mark.slow
def test_aliases_that_multiply_are_refused_in_time(folder):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (folder / "connector.yaml").write_text("\n".join(lines))
    started = time.monotonic()
    verdicts, _ = check(folder, "contents", "documents", "tests")
    assert verdicts["documents"].passed is False
    assert verdicts["tests"].passed is False
    assert time.monotonic() - started < 60


def test_documents_that_are_nested_too_deeply_fail_a_rule(folder):
    (folder / "recordings" / "crm.contacts.list.json").write_text("[" * 100_000)
    (folder / "unified" / "crm.yaml").write_text("a: " + "[" * 100_000)
    verdicts, _ = check(folder, "contents", "documents")
    assert verdicts["documents"].passed is False
    assert verdicts["recordings"].passed is False


@pytest.mark.slow
def test_expressions_without_an_end_are_stopped(folder):
    path = folder / "unified" / "crm.yaml"
    endless = r'\1id: "($f := function($n) { $f($n + 1) }; $f(response.id))"'
    path.write_text(re.sub(r"(?m)^(\s+)id: .*$", endless, path.read_text()))
    started = time.monotonic()
    assert check(folder, "tests", seconds=20)[0]["tests"].passed is False
    assert time.monotonic() - started < 40
    path.write_text(path.read_text().replace("$f($n + 1)", "$f([$n, $n])"))
    assert check(folder, "tests", seconds=20)[0]["tests"].passed is False


def test_a_stage_that_takes_too_long_is_stopped_and_fails(folder):
    verdicts, shown = check(folder, "tests", seconds=0.05)
    assert verdicts["tests"].passed is False
    assert "it took more than 0.05 s" in shown


@pytest.mark.slow
def test_a_connector_cannot_read_variables_of_the_machine(folder, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    path = folder / "connector.yaml"
    path.write_text(path.read_text() + "env: [AWS_SECRET_ACCESS_KEY]\n")
    result = check_submission(folder, stages=("contents", "tests"))
    assert result.demands.environment == ["AWS_SECRET_ACCESS_KEY"]
    check(folder, "contents", "documents", "tests")


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('example.com', 80)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "open('written', 'w')",
        "import os; os.remove('conn.yaml')",
    ],
)
def test_the_process_that_reads_the_folder_can_neither_send_nor_run_nor_write(tmp_path, attempt):
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    program = (
        "import sys; from conn_engine.analysis.submissions import child\n"
        f"def attack(root, name): {attempt}\n"
        "child._RUNNERS = {'contents': attack}; child.serve('contents', '.', 'shop')"
    )
    done = launching.run([sys.executable, "-B", "-c", program], cwd=tmp_path, capture_output=True, check=True)
    assert "PermissionError" in json.loads(done.stdout)["rules"][0]["problems"][0]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["conn.yaml"]
