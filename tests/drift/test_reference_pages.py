"""The pages about commands, exit codes and reports are generated from them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from conn_cli.exits import Exit
from conn_cli.overview import COMMANDS
from conn_engine.schemas.reports import REPORTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "tests/cli/reference_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_pages_are_generated(generator: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert (generator.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_a_page_that_differs_is_reported_and_written(
    generator: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generator.main(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert "docs/reference/commands.md differs from the code: run `make docs`" in capsys.readouterr().err
    assert generator.main(["--write"], tmp_path) == 0
    assert generator.main(["--check"], tmp_path) == 0


def test_the_pages_have_every_command_code_and_kind(generator: ModuleType) -> None:
    pages = generator.build_pages()
    assert all(f"\n## conn {name}\n" in pages["commands.md"] for names in COMMANDS.values() for name in names)
    assert "\n### conn webhook listen\n" in pages["commands.md"]
    assert all(f"| {code.value} |" in pages["exit-codes.md"] for code in Exit)
    assert all(f"| `{kind}` |" in pages["reports.md"] for kind in REPORTS)
