"""The `console` blocks of a document: read, run in a shell, and compared with what they show.

    ```console            the commands succeed
    ```console exit=1     the last one ends with this code
    ```console live       while the vendor of the example workspace runs

Commands are lines that begin with `$`; a document is one session. The lines below a command appear in its output in
this order: `…` stands for any text in a line, a line of `…` alone for any lines; without one between them, lines are
adjacent.
"""

import re
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import launching

VENDOR = Path(__file__).parents[2] / "example" / "vendor.py"
BLOCK = re.compile(r"^```console([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    """`(info words, [(command, expected lines)], line)` of each console block."""
    for found in BLOCK.finditer(text):
        steps = []
        for line in found[2].splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
        yield found[1].split(), steps, text.count("\n", 0, found.start()) + 1


def run(command, folder, environ):
    """Exit code, output, and the folder in which the session goes on."""
    marker = Path(environ["HOME"]) / "folder"
    script = f'{command}\ncode=$?; pwd > "{marker}"; exit $code'
    result = launching.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, result.stdout, Path(marker.read_text(encoding="utf-8").strip())


def shows(expected, output):
    """Whether the output's lines hold the expected ones."""
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ ]*\n"
    return re.search(rf"(?m)^{pattern}", output) is not None


def play(text, label, folder, environ):
    """Run the blocks of a text, and return the folder in which the session ends and how many commands ran."""
    ran = 0
    for info, steps, line in blocks(text):
        ends = next((int(word.removeprefix("exit=")) for word in info if word.startswith("exit=")), 0)
        with start_stand_in(folder) if "live" in info else nullcontext():
            for command, expected in steps:
                code, output, folder = run(command, folder, environ)
                wanted = ends if command == steps[-1][0] else 0
                assert code == wanted, f"{label}:{line}: {command}\n{output}"
                shown = "\n".join(expected)
                assert shows(expected, output), f"{label}:{line}: {command}\n{shown}\n---\n{output}"
                ran += 1
    return folder, ran


@contextmanager
def start_stand_in(workspace):
    """Run the example's vendor.py on a free port, and lead the workspace to it meanwhile."""
    command = [sys.executable, "-u", str(VENDOR), "--port", "0"]
    with launching.start(command, stdout=subprocess.PIPE, text=True) as process:
        port = re.search(r":(\d+)/", process.stdout.readline())[1]
        texts = {path: path.read_text(encoding="utf-8") for path in workspace.rglob("*.yaml")}
        for path, text in texts.items():
            path.write_text(re.sub(r"127\.0\.0\.1:420[01]", f"127.0.0.1:{port}", text), encoding="utf-8")
        try:
            yield
        finally:
            process.terminate()
            for path, text in texts.items():
                path.write_text(text, encoding="utf-8")
