"""Plays the blocks of a page in-process. A page is one session, in a folder with an empty workspace or with none.

    ```yaml                        writes the file that its first comment names, else the connector `shop`
    ```json title="page.json"      writes the file (also `yml`, for what is not a document of a workspace)
    ```console                     `conn`, `cd`, `cat`, `export`, `rm -r`, `replace FILE OLD NEW`, `python -c`, joined
                                   by `&&`; all of them succeed
    ```console exit=1              the last command ends with this code
    ```console live                the same, with a vendor: every https URL of example.com leads to it

Comments are run, but readers do not see them:

    <!-- $ COMMAND -->             a command; also `write FILE TEXT`, or `lock NAME`, which accepts the base copy of a
                                   bundled connector as the one that was copied
    <!-- vendor GET /people {…} --> what the vendor answers; `consent` redirects a browser back, as a login page does
    <!-- types k-1 -->             a line that somebody types at the next prompt
    <!-- sends delivery.txt -->    a delivery, as in a transcript, that `conn webhook listen` gets

`…` stands for any text of a line, a line of `…` for any lines; a command without lines below it only has to succeed.
With CONN_WRITE_SCENARIOS=1, blocks that differ are written again, for a person to read and to shorten.
"""

import getpass
import http.client
import io
import os
import re
import shlex
import shutil
import socket
import sys
import threading
import time
import webbrowser
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from unittest.mock import patch
from urllib.parse import urlencode

import httpx
import launching
import transcript
from examples import CONNECTOR
from vendor import Arrived, Vendor, start_vendor

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.documents.copied_files import read_files
from conn_engine.updates.lock import lock_bundled
from conn_engine.wire import FrozenClock

FENCE = re.compile(
    r"^```(?P<language>yaml|yml|json|console)(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
    r"|^<!-- (?P<hidden>\$|vendor|types|sends) (?P<argument>[^\n]*) -->$",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r'#\s+(\S+\.yaml)\s*\n|.*\btitle="([^"]+)"')
HOST = re.compile(r"https://[\w.]+\.example\.com")
SECONDS = 60.0
"""How long another thread may take until a listener listens."""


class TerminalStream(io.StringIO):
    """A stream of a terminal."""

    def isatty(self) -> bool:
        return True


class PageSession:
    """The folder in which the commands of a page run, and what differs from the page."""

    def __init__(self, root: Path, *, has_workspace: bool = True) -> None:
        self.folder = self.root = root
        self.differences: list[str] = []
        self.environ: dict[str, str] = {}
        self.routes: dict[str, str] = {}
        self.typed: deque[str] = deque()
        self.delivery = ""
        self.senders: list[threading.Thread] = []
        self.faults: list[BaseException] = []
        self.vendor = Vendor()
        self.is_live = False
        if has_workspace:
            self.write("conn.yaml", "version: 1\n")

    def play(self, block: re.Match[str]) -> str:
        """Write the file of a block or run its commands, and return the block as it should be."""
        if block["hidden"]:
            self.prepare(block["hidden"], block["argument"])
        elif block["language"] != "console":
            self.write_file(block["info"], block["text"])
        elif "live" in block["info"].split():
            with self.reach_vendor(self.vendor):
                return f"```console{block['info']}\n{self.run_steps(block['info'], block['text'])}```"
        else:
            return f"```console{block['info']}\n{self.run_steps(block['info'], block['text'])}```"
        return block[0]

    def prepare(self, kind: str, argument: str) -> None:
        """Do what a comment says."""
        if kind == "$":
            self.run_steps("", f"$ {argument}")
        elif kind == "vendor":
            method, path, reply = argument.split(" ", 2)
            self.routes[f"{method} {path}"] = reply
        elif kind == "types":
            self.typed.append(argument)
        else:
            self.delivery = argument

    def write_file(self, info: str, text: str) -> None:
        named = NAMED.match(text) or NAMED.match(info)
        if named is None and not info.strip() and not text.startswith("{"):
            named = NAMED.match(f"# {CONNECTOR}\n")
        if named is None:
            return
        self.write(named[1] or named[2], text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_steps(self, info: str, text: str) -> str:
        steps = transcript.steps(text)
        written = ""
        for step in steps:
            lines, code = self.run(step.command)
            wanted = int(re.search(r"exit=(\d+)|$", info)[1] or 0) if step is steps[-1] else 0  # type: ignore[index]
            if code != wanted or (step.expected and not transcript.matches(step.expected, lines)):
                self.differences.append(f"$ {step.command}\n" + "\n".join([*lines, f"exit code {code}"]))
                step.expected = lines
            written += "".join(f"{line}\n" for line in [f"$ {step.command}", *step.expected])
        return written

    def run(self, command: str) -> tuple[list[str], int]:
        """Return the lines and the exit code of commands that are joined by `&&`."""
        shown, code = list[str](), 0
        for part in command.split(" && "):
            lines, code = self.run_one(part)
            shown += lines
        return shown, code

    def run_one(self, command: str) -> tuple[list[str], int]:
        words = shlex.split(command)
        if words[0] == "cd":
            self.folder /= words[1]
        elif words[0] == "write":
            self.write(words[1], words[2].replace("\\n", "\n"))
        elif words[0] == "lock":
            lock_bundled(self.folder, words[1], read_files(self.folder / ".conn/base" / words[1]))
        elif words[:2] == ["rm", "-r"]:
            for name in words[2:]:
                shutil.rmtree(self.folder / name)
        elif words[0] == "export":
            names = [word.partition("=")[0] for word in words[1:]]
            values = self.run_shell(f"{command} && " + " && ".join(f'echo "${name}"' for name in names))
            self.environ |= zip(names, values, strict=True)
        elif words[0] == "python":
            return self.run_shell(command), 0
        elif self.is_live and words[0] == "conn":
            return self.run_live(words[1:])
        else:
            settings = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environ.items())
            lines = transcript.perform(settings + command if words[0] == "conn" else command, self.folder)
            code = int(ended[1]) if lines and (ended := re.fullmatch(r"\? (\d+)", lines[-1])) else 0
            return [re.sub(r"^! ?", "", line) for line in lines[: -1 if code else None]], code
        return [], 0

    def run_shell(self, command: str) -> list[str]:
        """Return the lines of a command that is not of Conn."""
        folder = Path(sys.executable).parent
        environ = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.root)}
        done = launching.run(
            ["sh", "-c", command], cwd=self.folder, env=environ, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.splitlines()

    def run_live(self, words: list[str]) -> tuple[list[str], int]:
        """Run a command line now, with a vault and somebody who types. The clock stands, so no work is long enough to
        show its progress."""
        screen = TerminalStream() if words[:2] == ["auth", "login"] else io.StringIO()
        environ = {
            "NO_COLOR": "1",
            "CONN_NO_KEYRING": "1",
            "CONN_VAULT_KEY": "a key for the tests alone, long enough",
            "CONN_STATE_DIR": str(self.root / ".state"),
            "CONN_PERSONAL_DATA_KEY": "the key of every test",
            "PATH": os.environ["PATH"],
            **self.environ,
        }
        if words[:2] == ["webhook", "listen"]:
            words[words.index("--port") + 1] = str(port := _find_port())
            words += ["--count", "1"]
            self.start(self.send_delivery, port)
        code = execute(
            words,
            App(
                folder=self.folder,
                environ=environ,
                clock=FrozenClock(time.time()),
                stdin=TerminalStream(),
                stdout=screen,
                stderr=screen,
            ),
        )
        for sender in self.senders:
            sender.join(SECONDS)
        lines = screen.getvalue().replace(str(self.folder), "$DIR").splitlines()
        return [line.rstrip() for line in lines], int(code)

    def start(self, work: Any, *arguments: Any) -> None:
        """Run something in a thread, and store its error."""

        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self.faults.append(error)

        self.senders.append(threading.Thread(target=guarded, daemon=True))
        self.senders[-1].start()

    def send_delivery(self, port: int) -> None:
        """Send the page's delivery to the listener once it listens."""
        first, *head = (self.folder / self.delivery).read_text(encoding="utf-8").splitlines()
        method, path, body = first.split(" ", 2)
        end = time.monotonic() + SECONDS
        while True:
            try:
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
                link.connect()
                break
            except OSError:
                assert time.monotonic() < end, f"nothing listens on port {port}"
                time.sleep(0.02)
        headers = dict(line.split(": ", 1) for line in head)
        link.request(method, path, body, {"Content-Type": "application/json", **headers})
        assert link.getresponse().status == 200

    @contextmanager
    def reach_vendor(self, vendor: Vendor) -> Iterator[None]:
        """Lead the workspace to the vendor for the time of a block."""
        texts = {path: path.read_text(encoding="utf-8") for path in self.root.rglob("*.yaml")}
        for path, text in texts.items():
            reached = HOST.sub(vendor.url, text).replace("redirect_port: 4321", f"redirect_port: {_find_port()}")
            trusted = f'trusted_hosts: ["{vendor.host}"]\n' if path.name == "conn.yaml" else ""
            path.write_text(reached + trusted, encoding="utf-8")
        self.is_live = True
        with (
            patch.object(webbrowser, "open", self.open_browser),
            patch.object(getpass, "getpass", self.type_secret),
            patch.dict(os.environ, {"BROWSER": "none"}),
        ):
            try:
                yield
            finally:
                self.is_live = False
                for path, text in texts.items():
                    path.write_text(text, encoding="utf-8")
        if self.faults:
            raise self.faults[0]

    def type_secret(self, _: str, stream: TextIO) -> str:
        stream.write("\n")
        return self.typed.popleft()

    def open_browser(self, url: str) -> bool:
        httpx.get(url, follow_redirects=True, trust_env=False).raise_for_status()
        return True

    def answer(self, arrived: Arrived) -> Any:
        """Answer a request as the comments of the page set."""
        reply = self.routes[f"{arrived.method} {arrived.path}"]
        if reply != "consent":
            return reply
        query = arrived.query
        back = urlencode({"code": "c-1", "state": query["state"]})
        return 302, {"Location": f"{query['redirect_uri']}?{back}"}, None


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def play_page(text: str, session: PageSession) -> str:
    """Play a page, and return it with what its commands show now."""
    with start_vendor(session.answer) as session.vendor:
        return FENCE.sub(session.play, text)
