"""requirements.txt and requirements-dev.txt: what `make locks` makes of pyproject.toml, pinned and with hashes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import launching
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = {"requirements.txt": "build", "requirements-dev.txt": "dev", "requirements-docs.txt": "docs"}
"""Each file, and its group of dependencies."""
NOT_PLACES = ("CHANGELOG.md", "tests/readme/test_lock.py")
"""Files that speak of installing a lock, or show what happens otherwise."""
ALONE = ("docs",)
"""Groups without the project's own dependencies: their tools do not import it."""


def pins(file: str) -> list[tuple[Requirement, int]]:
    """What a file pins, and by how many hashes."""
    found = []
    for entry in re.sub(r"\\\n", " ", (ROOT / file).read_text(encoding="utf-8")).splitlines():
        if entry.strip() and not entry.strip().startswith("#"):
            requirement, *hashes = re.split(r"\s--hash=sha256:", entry)
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest.strip()) for digest in hashes), entry
            found.append((Requirement(requirement.strip()), len(hashes)))
    return found


def wanted(group: str) -> list[Requirement]:
    entries: list[Any] = list(PROJECT["dependency-groups"][group])
    needed = [] if group in ALONE else PROJECT["project"]["dependencies"]
    texts = [*needed, *(entry for entry in entries if isinstance(entry, str))]
    for entry in entries:
        texts += [str(own) for own in wanted(entry["include-group"])] if isinstance(entry, dict) else []
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_as_the_project_wants_it(file: str) -> None:
    known = pins(file)
    for need in wanted(FILES[file]):
        found = [pin for pin, _ in known if canonicalize_name(pin.name) == canonicalize_name(need.name)]
        assert found, f"{need.name} is missing: make locks"
        for pin in found:
            (exact,) = pin.specifier
            assert exact.operator == "==" and need.specifier.contains(exact.version, prereleases=True), (
                f"{pin}: make locks"
            )


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_hashes_and_nothing_says_where_from(file: str) -> None:
    assert all(count and len(pin.specifier) == 1 and pin.url is None for pin, count in pins(file))
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--(index-url|extra-index-url|find-links|trusted-host))\b", text, re.MULTILINE)


def test_both_files_pin_the_same_versions() -> None:
    developing = {pin.name: str(pin.specifier) for pin, _ in pins("requirements-dev.txt")}
    running = {pin.name: str(pin.specifier) for pin, _ in pins("requirements.txt")}
    assert running.items() <= developing.items()


def test_every_place_that_installs_a_lock_installs_it_without_a_resolver() -> None:
    """A resolver looks beyond the lock: what is needed with an extra it takes from the index, and then refuses it."""
    listed = launching.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in listed.split("\0"):
        path = ROOT / name
        if name in NOT_PLACES or name.startswith("requirements") or not path.is_file():
            continue
        text = re.sub(r"\\\n\s*", " ", path.read_bytes().decode("utf-8", "ignore"))
        lines = re.findall(r"^.*\binstall\b.*(?:--require-hashes|-r requirements|--requirement).*$", text, re.MULTILINE)
        found |= {f"{name}: {line.strip()}": "--no-deps" in line for line in lines}
    places = {place.partition(":")[0] for place in found}
    assert {"README.md", "Makefile", "Dockerfile", "action.yml", "templates/gitlab-ci.yml"} <= places
    assert [place for place, is_complete in found.items() if not is_complete] == []


def test_setup_asks_whether_the_lock_was_complete() -> None:
    setup = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsetup:")[2].partition("\n\n")[0]
    assert setup.rstrip().endswith(".venv/bin/pip check --quiet")


def test_the_build_group_is_what_a_build_takes() -> None:
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]
