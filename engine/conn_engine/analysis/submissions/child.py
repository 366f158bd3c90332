"""What runs in the limited process: one stage. It cannot connect, start another process or write a file."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from conn_engine.analysis.submissions.contents import search_contents
from conn_engine.analysis.submissions.process import MEMORY_BYTES, fail_stage
from conn_engine.analysis.submissions.stages import Stage
from conn_engine.analysis.submissions.trials import check_documents, check_portability, run_mutations, run_tests
from conn_engine.analysis.submissions.verdict import StageResult

__all__ = ["serve"]

_RUNNERS: Mapping[Stage, Callable[[Path, str], StageResult]] = {
    "contents": search_contents,
    "documents": check_documents,
    "tests": run_tests,
    "portability": check_portability,
    "mutations": run_mutations,
}
_REFUSED = frozenset({
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendmsg", "socket.sendto",
    "subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.remove",
    "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.mkdir",
})  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def serve(stage: Stage, root: str, name: str) -> None:
    """Run one stage, and print its result as JSON."""
    from conn_engine.expressions.process_limits import limit_process  # POSIX only

    limit_process(MEMORY_BYTES)
    output = sys.stdout.buffer
    sys.addaudithook(_refuse)
    try:
        result = _RUNNERS[stage](Path(root), name)
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # an error of the check itself must not look like a passed rule
        result = fail_stage(
            stage, f"the check failed: {type(error).__name__}", "report it with the folder that shows it"
        )
    output.write(msgspec.json.encode(result))
    output.flush()


def _refuse(event: str, details: tuple[Any, ...]) -> None:
    if event in _REFUSED or (event == "open" and isinstance(details[2], int) and details[2] & _WRITES):
        raise PermissionError(f"a check of a submitted connector must not do this: {event}")
