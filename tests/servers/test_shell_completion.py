"""Completion in the shells themselves, with the scripts that the command prints: a person types TAB."""

import os
import select
import shutil
import sys
import time
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).resolve().parents[2]
WHY = "Install {}, or run where apt-get can fetch it (Debian, Ubuntu)."


@pytest.fixture
def shop(tmp_path):
    """A workspace, and a `conn` on the PATH."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/conn"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conn_cli.start "$@"\n')
    command.chmod(0o755)
    launching.run([command, "init", "shop", "--example"], cwd=tmp_path, env=environ(tmp_path), check=True, timeout=120)
    return tmp_path / "shop"


def environ(folder):
    return {
        "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("cli", "engine")),
    }


def find_shell(name):
    found = shutil.which(name)
    assert found, WHY.format(name)
    return found


def print_script(shop, shell):
    """Return the script that `conn --show-completion` prints in a shell."""
    script = [find_shell(shell), "-c", "conn --show-completion; true"]
    done = launching.run(
        script, cwd=shop, env=environ(shop.parent), capture_output=True, text=True, timeout=60, check=True
    )
    assert "_CONN_COMPLETE" in done.stdout, done.stderr
    return done.stdout


def type_keys(shop, command, steps, expected):
    """Run a shell in a terminal, send it each text once the one before has been answered, and wait for `expected`."""
    pid, terminal = launching.fork_terminal()
    if pid == 0:
        os.chdir(shop)
        os.execve(command[0], command, environ(shop.parent))
    shown = b""
    try:
        for keys, answer in [*steps, ("", expected)]:
            os.write(terminal, keys.encode())
            end = time.monotonic() + 60
            while answer.encode() not in shown:
                assert time.monotonic() < end, shown.decode(errors="replace")
                if select.select([terminal], [], [], 1)[0]:
                    shown += os.read(terminal, 65536)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_fish(shop):
    script = print_script(shop, "fish")
    for line, expected in [
        ("conn test -a ", {"acme", "globex", "initech", "umbrella"}),
        ("conn test -a acme contacts.l", {"contacts.list"}),
        ("conn test hubspot:contacts.l", {"hubspot:contacts.list"}),
        ("conn doc", {"doctor\tCheck this installation and the workspace."}),
    ]:
        done = launching.run(
            [find_shell("fish"), "-c", f"{script}\ncomplete -C '{line}'"],
            cwd=shop, env=environ(shop.parent), capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert set(done.stdout.splitlines()) == expected


@pytest.mark.parametrize("typed", ["contacts.li", "hubspot:contacts.li", "-a acme contacts.li"])
def test_zsh(shop, typed):
    (shop.parent / "script").write_text(print_script(shop, "zsh"))
    start = "autoload -Uz compinit; compinit -u -D; source ../script; print ready$((1+1))\r"
    steps = [("PROMPT='> '; " + start, ""), ("", "ready2"), (f"conn test {typed}\t", "contacts.li")]
    type_keys(shop, [find_shell("zsh"), "-f"], steps, "contacts.list ")


@pytest.mark.parametrize("typed", ["contacts.li", "hubspot:contacts.li", "--account=acme contacts.li"])
def test_bash(shop, typed):
    (shop.parent / "script").write_text(print_script(shop, "bash"))
    steps = [("PS1='> '; source ../script; echo ready$((1+1))\n", "ready2"), (f"conn test {typed}\t", "contacts.li")]
    type_keys(shop, [find_shell("bash"), "--norc", "--noprofile"], steps, "contacts.list ")
