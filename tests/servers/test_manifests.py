"""The sample of low-code manifests: each imports quickly and lints clean, nearly every stream is carried over whole."""

import io
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from differential.manifests import sample
from measuring import cpu_limit

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute
from conn_import import ImportedConnector, Options, import_source, read_source

FILES = sample()
LONGEST_SECONDS = 10
"""Of the processor, so that other work on the machine changes nothing."""
WHOLE = 0.95
CODE = "code: "


@cache
def read(file: Path) -> ImportedConnector:
    """A manifest as a connector, made once for all tests."""
    return import_source(read_source(file), Options("vendor"))


def conn(folder: Path, *arguments: object) -> tuple[int, str]:
    stream = io.StringIO()
    app = App(folder=folder, environ={"CONN_NO_KEYRING": "1"}, stdin=io.StringIO(), stdout=stream, stderr=stream)
    return execute([str(argument) for argument in arguments], app), stream.getvalue()


def test_the_manifests_are_there() -> None:
    assert len(FILES) >= 200, "set CONN_VENDOR_MANIFESTS to a folder with the sample"


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_manifest_imports_and_lints_clean(file: Path, tmp_path: Path) -> None:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    with cpu_limit(LONGEST_SECONDS):
        read(file).write(tmp_path / "connectors" / "vendor")
    code, said = conn(tmp_path, "lint")
    assert code == Exit.OK and not re.search(r"\b(?:error|warning)s?\b", said), said


@dataclass
class Reach:
    """Streams by what became of them, and why not all of them is there."""

    streams: int = 0
    by_code: int = 0
    in_part: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    code: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def whole(self) -> float:
        """The share of the streams without code that are imported with nothing left out."""
        return 1 - self.in_part / (self.streams - self.by_code)


def measured(files: list[Path]) -> Reach:
    reach = Reach()
    for file in files:
        made = read(file)
        reach.streams += made.found
        notes: dict[str, set[str]] = defaultdict(set)
        for what, places in made.losses:
            reach.reasons[what] += len(places) or 1
            for place in places:
                stream, _, name = place.partition(" (")
                notes[stream].add(what)
                if what.startswith(CODE):
                    reach.code[what].add(f"{name.rstrip(')')} of {file.stem}")
        coded = sum(any(what.startswith(CODE) for what in said) for said in notes.values())
        reach.by_code += coded
        reach.in_part += len(notes) - coded
    return reach


@pytest.mark.slow
def test_nearly_every_stream_is_carried_over_whole(capsys: pytest.CaptureFixture[str]) -> None:
    reach = measured(FILES)
    with capsys.disabled():
        print(
            f"\n{len(FILES)} manifests: {reach.streams} streams, {reach.by_code} with code of their own; "
            f"{reach.whole:.1%} of the others imported with nothing left out"
        )
        for what, count in reach.reasons.most_common():
            print(f"  {count:4} {what}")
        for what, names in sorted(reach.code.items()):
            print(f"  {what}: {', '.join(sorted(names))}")
    assert reach.streams > 2_000
    assert reach.whole >= WHOLE
