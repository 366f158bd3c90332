"""Environments of the peers: one virtual environment each, in a cache folder outside of the repository."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["peer_python"]


def peer_python(peer: str) -> str:
    """The interpreter of a peer's environment, made on first use from `requirements/<peer>.txt` (pinned)."""
    wanted = Path(__file__).parent / "requirements" / f"{peer}.txt"
    mark = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _cache() / f"{peer}-{mark}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "complete"
    if not done.exists():
        sys.stderr.write(f"installing {peer} into {folder} (once) …\n")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)]
        subprocess.run(command, check=True)
        done.touch()
    return str(python)


def _cache() -> Path:
    given = os.environ.get("CONN_BENCHMARKS_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "conn-benchmarks"
