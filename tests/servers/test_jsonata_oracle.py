"""The table of cases against jsonata-js, the implementation that defines the language. Needs node and npm."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import launching
import pytest

VERSION = "2.2.2"
HERE = Path(__file__).parent
TABLE = json.loads((HERE.parent / "engine" / "expressions" / "cases.json").read_text("utf-8"))


def _run(command: list[str], **options: Any) -> str:
    done = launching.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, f"{' '.join(command[:3])}: {done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def package() -> Path:
    """A folder with the npm package, kept between runs."""
    assert shutil.which("node") and shutil.which("npm"), "these tests need node and npm"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "conn-tests" / f"jsonata-{VERSION}"
    if not (folder / "node_modules" / "jsonata" / "package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _run(
            [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                str(folder),
                f"jsonata@{VERSION}",
            ]
        )
    return folder


def test_every_case_is_what_jsonata_js_gives(package: Path) -> None:
    cases = [(name, case) for name, group in TABLE["groups"].items() for case in group["cases"]]
    request = {
        "now": TABLE["now"],
        "inputs": {name: group["input"] for name, group in TABLE["groups"].items()},
        "cases": [{"group": name, "expr": case["expr"]} for name, case in cases],
    }
    outcomes = json.loads(_run(["node", str(HERE / "jsonata" / "oracle.mjs"), str(package)], input=json.dumps(request)))
    assert len(outcomes) == len(cases) > 500
    wrong = []
    for (name, case), outcome in zip(cases, outcomes, strict=True):
        outcome.pop("position", None)
        wanted = case.get("jsonata-js") or {key: case[key] for key in ("value", "undefined", "error") if key in case}
        if outcome != wanted:
            wrong.append(f"{name}: {case['expr']}\n  jsonata-js {outcome}\n  the table {wanted}")
    assert not wrong, "\n".join(wrong)
