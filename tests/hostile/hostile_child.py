"""Runs hostile items in one process: their names come line by line on standard input, what became of each goes out.

`python hostile_child.py` is started, watched and killed by `hostile_watch`. The bounds of expressions and the time of a
request are lowered here, so that each item shows within a second that it is bounded.
"""

import gc
import json
import shutil
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attack import World
from hostile_answers import ANSWERS, Bytes
from hostile_documents import DOCUMENTS
from hostile_expressions import BOUNDED, ISOLATED
from vendor import Vendor

from conn_engine.conditions import Conditions
from conn_engine.errors import ExpressionError
from conn_engine.expressions import DEFAULT_LIMITS, expression
from conn_engine.expressions.isolation import Isolation
from conn_engine.transport.live import _Wire

MIB = 2**20
LOWERED = {"seconds": 0.5, "string_bytes": 2_000_000, "array_items": 100_000, "join_items": 20_000,
           "result_bytes": 4_000_000}  # fmt: skip
STREAM_BYTES = 32 * MIB
COMMANDS = (["lint"], ["run", "things.list", "-a", "acme"], ["account", "list"])


class RawVendor:
    """Answers each connection with the same bytes, until the other side has had enough."""

    def __init__(self) -> None:
        self.answer: Any = list
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._send, args=(connection, self.answer()), daemon=True).start()

    def _send(self, connection: socket.socket, parts: Bytes) -> None:
        with connection:
            connection.settimeout(5)
            try:
                request = connection.recv(65536)
                while request and b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # it has had enough


class Runner:
    """Runs items by name, each in a workspace of its own."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._vendor = RawVendor()

    def run(self, name: str) -> list[str]:
        """What is wrong with what became of it; nothing when all is well."""
        kind, _, rest = name.partition("/")
        if kind in ("bounded", "isolated"):
            return self._evaluate(*rest.split("/"), isolated=kind == "isolated")
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), Vendor(self._vendor.port), Vendor(1))
            try:
                return getattr(self, f"_{kind}")(world, rest)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _evaluate(self, name: str, evaluator: str, *, isolated: bool) -> list[str]:
        text = (ISOLATED if isolated else BOUNDED)[name]
        isolation = self._isolation.isolate_except(() if isolated else (text,))
        conditions = Conditions(evaluator=evaluator, isolation=isolation)
        try:
            value = expression(text).evaluate({"a": [1, {"b": 2}]}, conditions)
        except ExpressionError as error:
            shown = error.message + error.hint
            return [] if error.code and len(error.message) <= 400 and "\n" not in shown else [f"unfit error {error!r}"]
        return [] if len(repr(value)) < 10_000_000 else ["a value beyond its bound"]

    def _override(self, world: World, name: str) -> list[str]:
        """The same expression as a field of an account's own mapping."""
        self._vendor.answer = ANSWERS["results-of-nulls"][0]
        mapping = {"id": "response.id", "extra": BOUNDED[name]}
        world.lay_out({"unified": {"crm": {"things": {"list": {"response_mapping": mapping}}}}})
        return self._commands(world, ["lint"], ["run", "crm.things.list", "-a", "acme"])

    def _document(self, world: World, name: str) -> list[str]:
        self._vendor.answer = ANSWERS["results-of-nulls"][0]
        world.lay_out()
        path, content = DOCUMENTS[name]
        place = world.write(path, "")
        place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return self._commands(world, *COMMANDS)

    def _answer(self, world: World, name: str) -> list[str]:
        self._vendor.answer, settings = ANSWERS[name]
        connector = world.connector(timeout_seconds=2)
        connector["resources"]["things"]["list"] |= settings
        world.lay_out(connector=connector)
        return self._commands(world, ["run", "things.list", "-a", "acme", "--limit", "5"],
                              ["run", "crm.things.list", "-a", "acme", "--limit", "5", "--trace"])  # fmt: skip

    def _commands(self, world: World, *commands: Iterable[str]) -> list[str]:
        wrong = []
        for command in commands:
            done = world.conn(*command)
            if done.code not in range(7) or "Traceback" in done.all or "internal error" in done.all:
                wrong.append(f"{' '.join(command)}: exit {done.code}: {done.all[-1500:]}")
            if "\x1b" in done.all:
                wrong.append(f"{' '.join(command)}: an escape sequence is printed")
            if len(done.err) > MIB:
                wrong.append(f"{' '.join(command)}: {len(done.err)} characters of errors are printed")
        if (world.folder / "pwned").exists():
            wrong.append("a document ran a command")
        return wrong


def memory(line: str) -> int:
    """A line of the process's status in MiB: VmRSS is what it has, VmHWM the most since the last `forget_peak`."""
    return int(Path("/proc/self/status").read_text().partition(f"{line}:")[2].split()[0]) // 1024


def forget_peak() -> None:
    """Start counting the peak of memory again."""
    Path("/proc/self/clear_refs").write_text("5")


def undisturbed() -> float:
    """A clock that stands while the process waits for a processor: others use the machine too."""
    return time.monotonic() - int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


def main() -> None:
    """Serve until standard input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr
    for name, value in LOWERED.items():
        object.__setattr__(DEFAULT_LIMITS, name, value)
    _Wire.__init__.__kwdefaults__["max_stream_bytes"] = STREAM_BYTES
    with Isolation(memory_bytes=400 * MIB, grace_seconds=0.2) as isolation:
        runner = Runner(isolation)
        for line in sys.stdin:
            forget_peak()
            before, started = memory("VmRSS"), undisturbed()
            try:
                wrong = runner.run(line.strip())
            except BaseException:
                wrong = [traceback.format_exc()[-3000:]]
            report = {"wrong": wrong, "seconds": undisturbed() - started, "mebibytes": memory("VmHWM") - before}
            gc.collect()
            report["resting"] = memory("VmRSS")
            out.write(json.dumps(report) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
