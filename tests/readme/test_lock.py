"""A lock is complete: what an index gets tomorrow changes nothing. Needs the package registry."""

import re
import sys
import zipfile
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("pytest-cov", "coverage", "pytest", "pluggy", "packaging", "iniconfig", "pygments")
"""pytest-cov needs coverage[toml]: pip takes what is needed with an extra for another package than the pinned one."""


def pip(python: Path, *words: str) -> tuple[int, str]:
    done = launching.run([python, "-m", "pip", "--quiet", *words], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of the lock that pytest-cov needs."""
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^[\w.-]+==.*(?:\n    .*)*", text, re.MULTILINE)
    chosen = [entry for entry in entries if entry.partition("==")[0] in NEEDED]
    assert len(chosen) == len(NEEDED)
    path = tmp_path_factory.mktemp("lock") / "requirements.txt"
    path.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def index(lock: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the lock, and with a release of coverage that is newer."""
    folder = tmp_path_factory.mktemp("index")
    words = ("download", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-d", str(folder), "-r", str(lock))
    code, said = pip(Path(sys.executable), *words)
    assert code == 0, said
    with zipfile.ZipFile(folder / "coverage-999.0-py3-none-any.whl", "w") as wheel:
        about = "Metadata-Version: 2.1\nName: coverage\nVersion: 999.0\nProvides-Extra: toml\n"
        wheel.writestr("coverage-999.0.dist-info/METADATA", about)
        wheel.writestr(
            "coverage-999.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("coverage-999.0.dist-info/RECORD", "")
    return folder


@pytest.fixture(params=["22.3", ""], ids=["oldest", "newest"])
def python(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An environment with the oldest pip that the project supports, and one with the newest."""
    launching.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True, timeout=300)
    found = tmp_path / "env" / "bin" / "python"
    code, said = pip(found, "install", "--upgrade", f"pip=={request.param}" if request.param else "pip")
    assert code == 0, said
    return found


def test_a_newer_release_on_the_index_changes_nothing(python: Path, index: Path, lock: Path) -> None:
    words = ("install", "--no-index", "--find-links", str(index), "--require-hashes", "--only-binary", ":all:")
    code, said = pip(python, *words, "--no-deps", "-r", str(lock))
    assert code == 0, said
    assert pip(python, "check")[0] == 0
    pinned = re.findall(r"^coverage==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    done = launching.run([python, "-m", "coverage", "--version"], capture_output=True, text=True)
    assert f"version {pinned[0]}" in done.stdout


def test_the_newer_release_is_one_that_a_resolver_takes(index: Path, lock: Path, tmp_path: Path) -> None:
    """Without --no-deps, an old pip ends with an error: what the other test would not notice otherwise."""
    launching.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True, timeout=300)
    old = tmp_path / "env" / "bin" / "python"
    assert pip(old, "install", "pip==22.3")[0] == 0
    words = ("install", "--no-index", "--find-links", str(index), "--require-hashes", "--only-binary", ":all:")
    code, said = pip(old, *words, "-r", str(lock))
    assert code == 1 and "coverage" in said and "==" in said
