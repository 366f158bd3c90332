"""Scenario files: Markdown whose `console` blocks are run in-process and compared with what they show.

    ```yaml file=accounts/acme.yaml      writes the file (content of the block)
    ```console
    $ conn lint                          a command; also: NAME=value conn …, conn … < FILE, cat FILE, rm FILE,
    no findings                          replace FILE OLD NEW; the input of --watch are such edits (`save_in_turn`)
    ! 2 files checked                    standard error, after standard output
    ? 1                                  exit code, when it is not 0

In what is expected, `…` stands for any text of the line, and a line of `…` alone for any lines. The folder of the
scenario is written $DIR. With CONN_WRITE_SCENARIOS=1 blocks that differ are written anew.
"""

import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.documents.locate import find_packaged
from conn_engine.wire import FrozenClock

FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Step:
    command: str
    expected: list[str] = field(default_factory=list)


@dataclass
class Run:
    """One command line's outcome."""

    code: int
    out: str
    err: str


def conn(folder: Path, *arguments: str, stdin: str = "", **environ: str) -> Run:
    """Run a command line in-process in a folder, with these environment variables alone."""
    out, err = io.StringIO(), io.StringIO()
    app = App(
        folder=folder,
        environ={
            "CONN_NO_KEYRING": "1",
            "CONN_STATE_DIR": str(folder / ".state"),
            "CONN_PERSONAL_DATA_KEY": "the key of every test",
            **environ,
        },
        clock=FrozenClock(1_795_000_000),
        stdin=io.StringIO(stdin),
        stdout=out,
        stderr=err,
        watch=lambda folders: save_in_turn(folders[0], stdin),
    )
    code = execute(arguments, app)
    check_report(out.getvalue())
    for written in (argument.removeprefix("json=") for argument in arguments if argument.startswith("json=")):
        check_report(path.read_text(encoding="utf-8") if (path := app.folder / written).is_file() else "")
    return Run(int(code), out.getvalue(), err.getvalue())


def save_in_turn(folder: Path, edits: str) -> Iterator[frozenset[Path]]:
    """What `--watch` sees while each line of standard input changes its file: `replace FILE OLD NEW` or `rm FILE`.
    Lines that end with `&` are saved together with the next one."""
    yield frozenset()
    changed: set[Path] = set()
    for line in edits.splitlines():
        perform(line.removesuffix("&"), folder)
        changed.add(folder / shlex.split(line)[1])
        if not line.endswith("&"):
            yield frozenset(changed)
            changed = set()
    raise KeyboardInterrupt


def check_report(text: str) -> None:
    """Compare a report in JSON with the published schema of its kind, whichever command wrote it. Other text is not
    looked at."""
    if not text.startswith('{\n  "version": '):
        return
    data = json.loads(text)
    if "kind" in data:
        fault = jsonschema.exceptions.best_match(report_validator(data["kind"]).iter_errors(data))
        assert fault is None, f"{data['kind']}: {fault.message} at {fault.json_path}"


@cache
def report_validator(kind: str) -> Any:
    schema = json.loads((find_packaged("schemas", "reports") / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def perform(command: str, folder: Path) -> list[str]:
    """The lines a command leads to, as a scenario shows them."""
    words = shlex.split(command)
    if words[0] == "cat":
        return (folder / words[1]).read_text(encoding="utf-8").splitlines()
    if words[0] == "rm":
        (folder / words[1]).unlink()
        return []
    if words[0] == "replace":
        path, old, new = folder / words[1], words[2], words[3]
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{words[1]} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return []
    environ = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    assert words.pop(0) == "conn", command
    stdin = ""
    if "<" in words:
        at = words.index("<")
        stdin = (folder / words[at + 1]).read_text(encoding="utf-8")
        del words[at : at + 2]
    done = conn(folder, *words, stdin=stdin, **environ)
    lines = done.out.splitlines() + [f"! {line}".rstrip() for line in done.err.splitlines()]
    lines += [f"? {done.code}"] if done.code else []
    return [line.replace(str(folder), "$DIR").rstrip() for line in lines]


def steps(block: str) -> list[Step]:
    """The commands of a console block with what is expected of each."""
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:]))
        else:
            assert found, f"text before the first command: {line!r}"
            found[-1].expected.append(line)
    return found


def matches(expected: list[str], shown: list[str]) -> bool:
    """Whether the lines are as expected, `…` being any text and a lone `…` any lines."""
    parts = []
    for line in expected:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.rstrip().split("…")) + r"\n")
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in shown)) is not None


def play(text: str, folder: Path) -> tuple[str, list[str]]:
    """Run a scenario. Returns its text with what happened where that differs, and a report of each difference."""
    differences: list[str] = []

    def block(found: re.Match[str]) -> str:
        language, file, body = found[1], found[2], found[3]
        if file:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
            return found[0]
        if language != "console":
            return found[0]
        written = []
        for step in steps(body):
            shown = perform(step.command, folder)
            if not matches(step.expected, shown):
                wanted = "\n".join(step.expected)
                differences.append(f"$ {step.command}\n--- expected\n{wanted}\n--- shown\n" + "\n".join(shown))
                step.expected = shown
            written += [f"$ {step.command}", *step.expected]
        return "```console\n" + "".join(f"{line}\n" for line in written) + "```"

    return FENCE.sub(block, text), differences
