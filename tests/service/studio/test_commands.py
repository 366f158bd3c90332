"""`conn studio` and `conn open`: the URL that they print, and what they refuse."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import launching
import pytest
from typer.main import get_command

from conn_cli.console import App
from conn_cli.main import application, execute
from conn_service.studio.app import find_read_only_reason
from conn_service.studio.page_server import PageServer, open_page_server

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def server(tour: Path) -> Iterator[PageServer]:
    opened = open_page_server(tour, 0, is_read_only=True)
    started = threading.Event()
    thread = threading.Thread(target=opened.run, args=(started.set,))
    thread.start()
    assert started.wait(60)
    yield opened
    opened.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_server_of_this_machine_answers_one_person(server: PageServer) -> None:
    url = server.get_first_url("/edit/acme/crm.contacts.list?case=default")
    assert url.startswith("http://127.0.0.1:") and "?case=default&token=" in url
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        page = browser.get(url)
        assert page.status_code == 200 and "token" not in str(page.url) and "server" not in page.headers
        base = str(page.url).partition("/edit")[0]
        assert (
            browser.get(f"{base}/api/workspace").json()["read_only_reason"] == "the page was started with --read-only"
        )
    assert httpx.get(url, timeout=60).status_code == 401


def test_a_place_is_printed_as_a_url_and_the_page_ends_at_an_interrupt(tour: Path) -> None:
    paths = os.pathsep.join(str(ROOT / name) for name in ("cli", "engine"))
    line = [sys.executable, "-m", "conn_cli.start", "open", "contacts.list", "--account", "acme", "--field", "email"]
    process = launching.start(
        [*line, "--no-open", "--read-only"],
        cwd=tour,
        env={**os.environ, "PYTHONPATH": paths, "CONN_NO_KEYRING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=60)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/edit/acme/crm\.contacts\.list\?field=email&token=[\w-]{32}\n", url)
    assert "read-only: the page was started with --read-only" in notes
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["open", "contacts.lst", "--account", "acme"], "contacts.list"),
        (["open", "contacts.list", "--account", "acm"], "acme"),
        (["open", "vendor.contacts.list", "--account", "acme"], "fix: "),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_served(tour: Path, words: list[str], text: str) -> None:
    code, err = run(tour, *words)
    assert code == 2
    assert text in err


def test_what_is_missing_is_named(tour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "conn_service.studio.page_server", raising=False)
    code, err = run(tour, "studio")
    assert code == 2
    assert "conn studio needs the package uvicorn" in err and "pip install 'conn-engine[studio]'" in err


def test_a_port_that_is_in_use_is_named(tour: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, err = run(tour, "studio", "--port", str(other.getsockname()[1]))
    assert code == 2
    assert "cannot listen on 127.0.0.1" in err


def test_why_a_folder_is_read_only(tour: Path) -> None:
    assert find_read_only_reason(tour, is_chosen=False) == ""
    assert find_read_only_reason(tour, is_chosen=True) == "the page was started with --read-only"
    assert find_read_only_reason(Path("/proc/1"), is_chosen=False) == "the folder 1 cannot be written by you"


def run(folder: Path, *words: str) -> tuple[int, str]:
    out, err = StringIO(), StringIO()
    code = execute(list(words), App(folder=folder, stdout=out, stderr=err, environ={"CONN_NO_KEYRING": "1"}))
    return code, err.getvalue()


def test_the_reference_of_the_studio_names_commands_and_options_that_exist() -> None:
    page = (ROOT / "docs/reference/studio.md").read_text(encoding="utf-8")
    table = " ".join(re.findall(r"^\| `(--.*?)`", page, re.MULTILINE))
    lines = [*re.findall(r"^conn .*$", page, re.MULTILINE), f"conn studio {table}"]
    assert len(lines) == 3 and "--read-only" in table
    for line in lines:
        command = get_command(application).commands[line.split()[1]]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line
