"""The surroundings of a command: streams, colours, questions, progress, the workspace, what is imported."""

import io
import os
import re
import sys
from pathlib import Path

import launching
import pytest

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute
from conn_engine import errors
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.wire import FrozenClock

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "hunter2-very-secret"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        super().isatty()  # raises when closed
        return True


def app(*, out=None, err=None, answers: str = "", **options) -> App:
    options.setdefault("environ", {"TERM": "xterm"})
    stdin = options.pop("stdin", None) or io.StringIO(answers)
    return App(stdin=stdin, stdout=out or io.StringIO(), stderr=err or io.StringIO(), **options)


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colours(environ, terminal, expected):
    stream = Terminal() if terminal else io.StringIO()
    assert app(out=stream, environ=environ).color is expected
    assert app(err=stream, environ=environ).error_color is expected


def test_everything_printed_is_without_secrets():
    one = app(debug=True)
    one.redactor.add(PASSWORD)
    one.write(f"a {PASSWORD}")
    one.err(f"b {PASSWORD}")
    one.trace(f"c {PASSWORD}")
    one.write("no break", end="")
    assert one.stdout.getvalue() == "a [redacted]\nno break"
    assert one.stderr.getvalue() == "b [redacted]\nc [redacted]\n"
    assert PASSWORD not in repr(one)


def test_trace_is_silent_without_debug():
    one = app()
    one.trace("x")
    assert one.stderr.getvalue() == ""


def test_a_stream_that_is_not_utf_8_gets_escapes():
    raw = io.BytesIO()
    one = app(out=io.TextIOWrapper(raw, encoding="cp1252", newline="\n"))
    one.write("é 😀 日")
    one.stdout.flush()
    assert raw.getvalue() == "é \\U0001f600 \\u65e5\n".encode("cp1252")


def test_a_question_is_asked_only_of_somebody():
    with pytest.raises(UsageError, match="API key: no value given"):
        app(answers="x\n").ask("API key")
    with pytest.raises(UsageError):
        app(stdin=Terminal("x\n"), no_input=True).ask("API key")
    closed = Terminal("x\n")
    closed.close()
    with pytest.raises(UsageError):
        app(stdin=closed).ask("API key")
    with pytest.raises(UsageError, match="input ended"):
        app(stdin=Terminal("")).ask("API key")
    one = app(stdin=Terminal("the answer\r\n"))
    assert one.ask("API key") == "the answer"
    assert one.stderr.getvalue() == "API key: "
    assert one.stdout.getvalue() == ""


def test_the_workspace_is_found_when_asked_for(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    one = app(folder=deep)
    with pytest.raises(ConfigurationError, match=r"no conn\.yaml") as caught:
        _ = one.workspace_root
    assert "conn init" in caught.value.hint
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    assert one.workspace_root == tmp_path.resolve()


def test_short_work_prints_no_progress_and_long_work_a_line_now_and_then():
    clock = FrozenClock()
    one = app(clock=clock)
    one.redactor.add(PASSWORD)
    with one.progress("fetching contacts", unit="records") as progress:
        for page in range(1, 31):
            clock.sleep(1)
            progress.advance(100, f"page {page} {PASSWORD}")
    lines = one.stderr.getvalue().splitlines()
    assert len(lines) == 6
    assert lines[0] == "fetching contacts: 500 records, page 5 [redacted]"
    with one.progress("quick", total=3) as progress:
        progress.advance()
    assert len(one.stderr.getvalue().splitlines()) == 6
    assert one.stdout.getvalue() == ""


def test_a_wait_is_a_line_per_minute():
    clock = FrozenClock()
    one = app(clock=clock)
    with one.progress("people", unit="records") as progress:
        progress.done = 300
        for left in range(120, 0, -1):
            clock.sleep(1)
            progress.say(f"page 3, waiting {left} s: 429")
        progress.done = 400
        progress.say("page 4, 3 records/s")
    assert one.stderr.getvalue().splitlines() == [
        "people: 300 records, page 3, waiting 116 s: 429",
        "people: 300 records, page 3, waiting 56 s: 429",
        "people: 400 records, page 4, 3 records/s",
    ]


@pytest.mark.parametrize("total", [None, 2000])
def test_progress_is_drawn_on_a_terminal_and_gone_at_the_end(total):
    one = app(err=Terminal())
    one.redactor.add(PASSWORD)
    with one.progress("fetching [contacts]", total=total, unit="records") as progress:
        progress.advance(1000, f"page 10 {PASSWORD}")
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", one.stderr.getvalue())
    assert "fetching [contacts]: 1,000" in drawn
    assert PASSWORD not in drawn
    assert one.stdout.getvalue() == ""


HOSTILE = "page 10\x1b[2J\x1b]0;t\x07\r\u202e\n::error::x"


def test_what_others_write_moves_no_cursor_in_progress_and_tables():
    clock = FrozenClock()
    one = app(out=Terminal(), err=Terminal())
    with one.progress(f"fetching {HOSTILE}", unit="records") as progress:
        progress.advance(1000, HOSTILE)
    one.table([HOSTILE, "b"], [[HOSTILE, "c"]])
    for text in (one.stderr.getvalue(), one.stdout.getvalue()):
        assert "page 10\ufffd[2J" in text
        assert [part for part in ("\x1b[2J", "\x1b]", "\x07", "\u202e") if part in text] == []
    assert set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", one.stdout.getvalue())) <= {"\x1b[1m", "\x1b[0m", "\x1b[2m"}
    plain = app(clock=clock)
    with plain.progress("fetching") as progress:
        clock.sleep(9)
        progress.say(HOSTILE)
    assert plain.stderr.getvalue() == "fetching: page 10\ufffd[2J\ufffd]0;t\ufffd\ufffd\ufffd : :error::x\n"


def test_quiet_work_shows_nothing():
    one = app(err=Terminal(), quiet=True)
    with one.progress("x") as progress:
        progress.advance()
        progress.say("y")
    assert progress.line() == "x: 1, y"
    assert one.stderr.getvalue() == ""


def test_progress_ends_when_the_work_fails():
    one = app(err=Terminal())
    with pytest.raises(ZeroDivisionError), one.progress("x"):
        raise ZeroDivisionError
    shown = one.stderr.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")  # the cursor is back


def test_exits_are_those_of_the_errors():
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert codes <= set(Exit)
    assert [int(one) for one in Exit] == [0, 1, 2, 3, 4, 5, 6, 70, 130]


def imported_by(folder, *arguments):
    """The modules that a command line has imported in the end."""
    code = (
        "import sys, conn_cli.main\n"
        f"sys.argv = ['conn', *{list(arguments)!r}]\n"
        "try:\n    conn_cli.main.main()\n"
        "finally:\n    print(*sorted(sys.modules), sep='\\n', file=sys.stderr)\n"
    )
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT / "cli"), str(ROOT / "engine")]), "HOME": str(folder)}
    done = launching.run(
        [sys.executable, "-c", code], cwd=folder, env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stderr.split())


def test_help_imports_no_command_and_no_library_of_one(tmp_path):
    found = imported_by(tmp_path, "--help")
    assert {name for name in found if name.startswith("conn_cli.commands.")} == set()
    assert {"pydantic", "rich", "yaml", "httpx", "keyring", "jsonschema_rs"} & found == set()


def test_a_replay_imports_nothing_that_only_other_commands_need(tmp_path):
    imported_by(tmp_path, "init", "--example", ".")
    found = imported_by(tmp_path, "test", "contacts.list", "--account", "acme")
    assert {name for name in found if name.startswith("conn_cli.commands.")} == {"conn_cli.commands.test"}
    assert {
        "pydantic",
        "rich",
        "httpx",
        "keyring",
        "ssl",
        "cryptography",
        "conn_import",
        "conn_service",
    } & found == set()


def test_help_says_every_command_on_one_whole_line(tmp_path, capsys):
    from transcript import conn

    from conn_cli.overview import COMMANDS

    assert conn(tmp_path, "--help").code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.removesuffix(":") for line in lines if line.removesuffix(":") in COMMANDS] == list(COMMANDS)
    for commands in COMMANDS.values():
        for name, (_, text) in commands.items():
            assert any(line.split(maxsplit=1) == [name, text] for line in lines), name
    assert all(len(line) <= 80 for line in lines)


class ReaderGone(io.StringIO):
    """What is written to a pipe whose reader has left after some lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines

    def write(self, text: str) -> int:
        if self.getvalue().count("\n") >= self._lines:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(
    ("text", "code"), [("base_url: 1\nresource: {}\n", 1), ("base_url: https://a.example\nresources: {}\n", 0)]
)
def test_a_reader_that_leaves_changes_no_exit_code(tmp_path, text, code, both):
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "connectors/a").mkdir(parents=True)
    (tmp_path / "connectors/a/connector.yaml").write_text(text)
    gone = ReaderGone(0)
    assert execute(["lint"], app(out=gone, err=gone if both else None, folder=tmp_path)) == code
    assert gone.getvalue() == ""
