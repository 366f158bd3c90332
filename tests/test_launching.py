"""No test depends on how the tests were started: what was ignored then is not ignored in what they start."""

import ast
import os
import re
import signal
import sys
from pathlib import Path

import launching
import pytest

TESTS = Path(__file__).parent
STARTS = re.compile(
    r"^(subprocess\.(run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|pexpect\.(spawn|run|runu)|pty\.(fork|spawn)"
    r"|os\.(system|popen|spawn\w+|posix_spawnp?)|asyncio\.create_subprocess_\w+)$"
)
SHOW = "print(open('/proc/self/status').read().split('SigIgn:')[1].split()[0])"
PROGRAM = f"""\
import os, sys
import launching
launching.heed_interrupts()
show = [sys.executable, "-c", {SHOW!r}]
print(launching.run(show, capture_output=True, text=True).stdout.strip())
with launching.start(show, stdout=-1, text=True) as process:
    print(process.stdout.read().strip())
print(launching.show(show[0], show[1:]).read().decode().strip())
process, terminal = launching.fork_terminal()
if process == 0:
    os.execv(show[0], show)
print(os.read(terminal, 100).decode().strip())
os.waitpid(process, 0)
os.system(" ".join([sys.executable, "-c", '"' + {SHOW!r} + '"']))
"""


def read_calls(path: Path) -> list[str]:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = [ast.unparse(call) for call in calls if isinstance(call, ast.Attribute)]
    return [name for name in names if STARTS.match(name)]


def test_no_test_starts_a_process_around_the_launcher() -> None:
    files = [path for path in TESTS.rglob("*.py") if path.name != "launching.py"]
    assert len(files) > 500
    assert {path.relative_to(TESTS).as_posix(): found for path in files if (found := read_calls(path))} == {}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it reads what Linux says of a process")
@pytest.mark.parametrize("ignored", [(), ("SIGINT",), ("SIGINT", "SIGHUP", "SIGPIPE", "SIGQUIT")])
def test_what_was_ignored_at_the_start_is_not_in_what_the_launcher_starts(ignored: tuple[str, ...]) -> None:
    def ignore() -> None:
        for name in ("SIGINT", "SIGHUP", "SIGPIPE", "SIGQUIT"):
            signal.signal(getattr(signal, name), signal.SIG_IGN if name in ignored else signal.SIG_DFL)

    environ = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = launching.run(
        [sys.executable, "-c", PROGRAM], preexec_fn=ignore, env=environ, capture_output=True, text=True
    )
    *launched, direct = [int(line, 16) for line in done.stdout.split()]
    own = (1 << (signal.SIGPIPE - 1)) | (1 << (signal.SIGXFSZ - 1))  # Python ignores these two in itself
    assert done.returncode == 0, done.stderr
    assert [mask & ~own for mask in launched] == [0, 0, 0, 0]
    interrupts = 1 << (signal.SIGINT - 1)
    assert direct & interrupts == 0, "not even what the code under test starts ignores Control-C"
