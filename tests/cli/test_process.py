"""The command as a process: closed streams, pipes, signals, no terminal, exit codes. Each starts an interpreter."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "conn_cli.main"]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals, /dev/full and closed descriptors are POSIX")


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join(str(ROOT / part) for part in ("cli", "engine"))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
    return {**kept, "PYTHONPATH": paths, "CONN_NO_KEYRING": "1", **more}


def run(folder, *arguments, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return launching.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**options.pop("environ", {})),
        capture_output=options.pop("capture_output", True),
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def shell(folder, script):
    line = f"{sys.executable} -m conn_cli.main"
    return launching.run(
        ["bash", "-c", script.replace("conn ", f"{line} ")],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_exit_codes_reach_the_shell(desk):
    assert run(desk, "lint").returncode == 0
    assert run(desk, "lint", "nowhere").returncode == 2
    assert run(desk, "test", "contacts.list").returncode == 0
    assert run(desk, "test", "contacts.list", "--raw").returncode == 6
    assert run(desk, "run", "contacts.list", "-a", "me").returncode == 5
    (desk / "connectors/demo/connector.yaml").write_text("base_url: [\n")
    assert run(desk, "lint").returncode == 1
    assert run(desk, "test").returncode == 3


@pytest.mark.slow
def test_a_success_prints_no_error_line(desk):
    for arguments in (["lint"], ["test"], ["show"], ["why", "-", "base_url", "-c", "demo"], ["--version"], ["doctor"]):
        done = run(desk, *arguments)
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stderr.lower()
        assert "warning" not in done.stderr.lower()


@pytest.mark.slow
def test_without_a_terminal_there_is_no_colour_and_no_question(desk):
    (desk / "connectors/demo/connector.yaml").write_text("bse_url: x\n")
    for environ in ({}, {"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}):
        done = run(desk, "lint", environ=environ)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b[" in run(desk, "lint", environ={"FORCE_COLOR": "1"}).stdout


@pytest.mark.parametrize(
    "script",
    ["conn auth login me <&-", "conn --no-input auth login me </dev/null", "conn auth login me --json <&-"],
)
def test_missing_input_is_never_waited_for(desk, script):
    began = time.monotonic()
    done = shell(desk, f"export CONN_VAULT_KEY=a-key-of-some-length; {script}")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert "internal" not in done.stderr
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("script", ["conn eval a <&-", "conn map contacts.list <&-"])
def test_a_closed_input_is_an_empty_one(desk, script):
    done = shell(desk, script)
    assert done.returncode == 2
    assert "standard input is empty" in done.stderr


@pytest.mark.parametrize("name", ["--param", "--body", "--cursor", "--limit", "--account"])
def test_an_option_that_is_not_utf_8(desk, name):
    value = b"q=\xff" if name == "--param" else b"\xff"
    given = [] if name == "--account" else ["-a", "me"]
    done = run(desk, "run", "contacts.list", *given, name.encode(), value, "--dry-run")
    assert done.returncode == 2, done.stderr
    assert "internal" not in done.stderr


@pytest.mark.parametrize(
    "script", ["conn schema connector | head -1", "conn lint --format json | true", "conn test -v | head -1"]
)
def test_a_closed_pipe_ends_quietly(desk, script):
    done = shell(desk, f"set -o pipefail; {script}")
    assert done.stderr.replace("11 files checked\n", "").replace("12 files checked\n", "") == ""
    assert done.returncode == 0


@pytest.mark.parametrize("script", ["conn schema connector > /dev/full", "conn schema > /dev/full"])
def test_a_full_device_is_an_error(desk, script):
    if not Path("/dev/full").exists():
        pytest.fail("this system has no /dev/full") if sys.platform == "linux" else None
        return
    done = shell(desk, script)
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


@pytest.mark.slow
def test_closed_outputs_are_survived(desk):
    assert shell(desk, "conn lint >&-").returncode == 0
    assert shell(desk, "conn lint 2>&-").returncode == 0
    assert shell(desk, "conn lint nowhere 2>&-").returncode == 2


def test_control_c_ends_with_130_and_without_a_traceback(desk):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        file = desk / "connectors/demo/connector.yaml"
        file.write_text(file.read_text().replace("https://api.demo.example/v1", f"http://127.0.0.1:{port}"))
        (desk / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{port}"]\n')
        process = launching.start(
            [*COMMAND, "run", "contacts.list", "-a", "me"],
            cwd=desk,
            env=environment(CONN_ME_TOKEN="tok-12345-secret"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "interrupted"


def test_a_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(gone, f"rmdir {gone} && conn lint")
    assert done.returncode == 2
    assert done.stderr == "error: this folder no longer exists\n"


def test_completion_is_printed(desk):
    done = shell(desk, "conn --show-completion; exit $?")  # for the shell that asks, whichever started the tests
    assert done.returncode == 0 and "_CONN_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("typed", "code", "last"),
    [
        ("tok-typed-by-hand\n", 0, "stored the credential of me in the encrypted file"),
        ("\x04", 2, "fix: run the command in a terminal, or pass the value on standard input"),
        ("\x03", 130, "interrupted"),
    ],
)
def test_a_typed_secret_is_not_shown(desk, typed, code, last):
    import termios

    child, terminal = launching.fork_terminal()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it
        os.chdir(desk)
        more = environment(CONN_VAULT_KEY="k" * 20, CONN_STATE_DIR=str(desk / ".state"), TERM="dumb")
        os.execvpe(COMMAND[0], [*COMMAND, "auth", "login", "me"], more)
    shown = b""
    answered = False
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how a terminal ends on Linux
            break
        if not piece:
            break
        shown += piece
        if not answered and b"oken: " in shown:
            while termios.tcgetattr(terminal)[3] & termios.ECHO:  # what is typed before may be thrown away
                time.sleep(0.01)
            os.write(terminal, typed.encode())
            answered = True
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    text = shown.decode()
    assert "tok-typed-by-hand" not in text
    assert last.rpartition(": ")[2] in text.splitlines()[-1]
