"""README.md's two commands, literally, in a fresh clone of what is committed. Needs the package registry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"^```sh\n([^\n]+)\n```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
KEPT = ("PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")


@pytest.fixture
def clone(tmp_path):
    """A clone of the committed state."""
    source = ["git", "-c", "safe.directory=*", "clone", "-q", str(ROOT), "clone"]
    launching.run(source, cwd=tmp_path, check=True, timeout=120)
    return tmp_path / "clone"


def run(command, folder, **more):
    """Run as a login of a new user would: nothing but a Python on the PATH, and how packages are reached."""
    interpreter = Path(sys.base_prefix) / "bin"
    environ = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    environ |= {
        "PATH": f"{interpreter}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder.parent),
        "LANG": "C.UTF-8",
        **more,
    }
    result = launching.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def test_there_are_two_commands():
    assert len(COMMANDS) == 2


def test_from_the_clone_to_the_green_example(clone):
    output = run(COMMANDS[0], clone)
    assert re.search(r"^1 operation passed \(\d+ cases, 1 account\)$", output, re.MULTILINE), output


def test_from_the_clone_to_the_green_tests(clone):
    """The whole command, with the newest pip; an environment variable makes pytest run only a part of the tests."""
    run("python3 -m venv .venv && .venv/bin/pip install -q --upgrade pip", clone)
    newest = run(".venv/bin/pip --version", clone)
    output = run(COMMANDS[1], clone, PYTEST_ADDOPTS="-k 'pagination or contract or face or merge'")
    assert run(".venv/bin/pip --version", clone) == newest and "pip 22." not in newest
    found = re.search(r"^(\d+) passed in ", output, re.MULTILINE)
    assert found is not None and int(found[1]) >= 100, output[-4000:]


def test_make_does_the_same():
    """The README's second command and the Makefile's `setup test` are made of the same steps."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for step in (
        "-m venv .venv",
        "--require-hashes --no-deps -r requirements-dev.txt",
        "--no-build-isolation -e .",
        "-m pytest -n auto --dist loadfile",
    ):
        assert step in COMMANDS[1] and step in makefile
