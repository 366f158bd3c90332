"""Every `console` block of `docs/how-to/` runs in-process and shows what it says. A page is one session.

    ```yaml                        writes the file that its first comment names, else the connector `shop`
    ```json title="page.json"      writes the file (also `yml`, for what is not a document of a workspace)
    ```console                     `conn`, `cd`, `cat`, `replace FILE OLD NEW`, joined by `&&`; all of them succeed
    ```console exit=1              the last command ends with this code
    ```console live                needs a vendor or another program: not run, and no output is claimed

A comment `<!-- $ COMMAND -->` is run, but readers do not see it. It can also be `write FILE TEXT`, or `lock NAME`,
which accepts the base copy of a bundled connector as the one that was copied.

`…` stands for any text of a line, a line of `…` for any lines; a command without lines below it only has to succeed. A
page begins in a folder with an empty workspace. With CONN_WRITE_SCENARIOS=1, blocks that differ are written again, for
a person to read and to shorten.
"""

import base64
import json
import os
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
import transcript
from examples import CONNECTOR, DOCS

from conn_engine.documents import find_markdown_blocks
from conn_engine.syncs import build_event
from conn_engine.updates.copies import read_files
from conn_engine.updates.lock import lock_bundled
from conn_service.delivery.endpoints import sign

FENCE = re.compile(
    r"^```(?P<language>yaml|yml|json|console)(?P<info>[^\n]*)\n(?P<text>.*?)^```$|^<!-- \$ (?P<hidden>[^\n]*) -->$",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r'#\s+(\S+\.yaml)\s*\n|.*\btitle="([^"]+)"')
PLAYED = re.compile(r"^```console(?! live)", re.MULTILINE)
PAGES = [path for path in sorted((DOCS / "how-to").glob("*.md")) if PLAYED.search(path.read_text(encoding="utf-8"))]


class PageSession:
    """The folder in which the commands of a page run, and what differs from the page."""

    def __init__(self, root: Path) -> None:
        self.folder = root
        self.differences: list[str] = []
        (root / "conn.yaml").write_text("version: 1\n", encoding="utf-8")

    def play(self, block: re.Match[str]) -> str:
        """Write the file of a block or run its commands, and return the block as it should be."""
        if block["hidden"]:
            self.run_steps("", f"$ {block['hidden']}")
        elif block["language"] != "console":
            self.write_file(block["info"], block["text"])
        elif "live" not in block["info"]:
            return f"```console{block['info']}\n{self.run_steps(block['info'], block['text'])}```"
        else:
            assert all(line.startswith("$ ") for line in block["text"].splitlines()), "output that no test compares"
        return block[0]

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
            wanted = int(info.partition("exit=")[2] or 0) if step is steps[-1] else 0
            if code != wanted or (step.expected and not transcript.matches(step.expected, lines)):
                self.differences.append(f"$ {step.command}\n" + "\n".join([*lines, f"exit code {code}"]))
                step.expected = lines
            written += "".join(f"{line}\n" for line in [f"$ {step.command}", *step.expected])
        return written

    def run(self, command: str) -> tuple[list[str], int]:
        """Return the lines and the exit code of commands that are joined by `&&`."""
        shown, code = list[str](), 0
        for part in command.split(" && "):
            words = shlex.split(part)
            if words[0] == "cd":
                self.folder /= words[1]
                continue
            if words[0] == "write":
                self.write(words[1], words[2])
                continue
            if words[0] == "lock":
                lock_bundled(self.folder, words[1], read_files(self.folder / ".conn/base" / words[1]))
                continue
            lines = transcript.perform(part, self.folder)
            if lines and (ended := re.fullmatch(r"\? (\d+)", lines[-1])):
                code = int(ended[1])
                lines.pop()
            shown += [line.removeprefix("!").removeprefix(" ") if line.startswith("!") else line for line in lines]
        return shown, code


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_commands_of_a_page_show_what_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = PageSession(tmp_path.resolve())
    text = FENCE.sub(session.play, path.read_text(encoding="utf-8"))
    if session.differences and os.environ.get("CONN_WRITE_SCENARIOS"):
        path.write_text(text, encoding="utf-8")
        return
    assert not session.differences, "\n\n".join(session.differences)


def test_the_receiver_shown_refuses_what_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "how-to/deliver-events.md").read_text(encoding="utf-8")
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("INGEST_SECRET", secret)
    stored: list[Any] = []
    shown: dict[str, Any] = {"store": lambda *event: stored.append(event)}
    exec(next(block.text for block in find_markdown_blocks(page) if block.language == "python"), shown)
    event = build_event(
        sync="people", account="acme", type_="person.updated", key="1", data={"id": 1}, version="1", began=time.time()
    )
    body, now = json.dumps(event.body).encode(), int(time.time())
    signature = sign(base64.b64decode(secret.removeprefix("whsec_")), event.id, now, body)
    headers = {"webhook-id": event.id, "webhook-timestamp": str(now), "webhook-signature": signature}
    assert shown["receive"](body + b" ", headers) == 401
    assert shown["receive"](body, headers) == 204
    assert stored == [(event.id, "person.updated", "acme", {"id": 1})]


def test_a_wrong_output_and_a_wrong_code_are_found(tmp_path: Path) -> None:
    for text, differs in (
        ("```console\n$ conn schema crm.deal --format json\n…\n```", False),
        ("```console\n$ conn schema crm.deal --format json\nwrong\n```", True),
        ("```console exit=1\n$ conn schema crm.deal --format json\n…\n```", True),
    ):
        session = PageSession(tmp_path)
        FENCE.sub(session.play, text)
        assert bool(session.differences) == differs
