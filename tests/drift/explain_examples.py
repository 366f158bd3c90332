"""The examples of `conn explain`: settings from the pages of `docs/`, findings from the smallest bad workspaces.

    python tests/drift/explain_examples.py --write | --check

The pages and the workspaces are tested elsewhere, so that each example runs.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "engine" / "lint")]

from bad_workspaces import LINTED, REPLAYED, Bad, make  # noqa: E402

from conn_engine.config import load_workspace  # noqa: E402
from conn_engine.diagnostics import Diagnostic  # noqa: E402
from conn_engine.documents import dump_json, dump_yaml, find_markdown_blocks, parse  # noqa: E402
from conn_engine.lint import lint_paths  # noqa: E402
from conn_engine.schemas.examples import FILE  # noqa: E402
from conn_engine.schemas.kinds import Key, Kind, find_kinds  # noqa: E402
from conn_engine.testing.suite import Selection, run_suite  # noqa: E402
from conn_engine.wire import FrozenClock  # noqa: E402

ROOTS = {
    "connector": "base_url",
    "account": "connector",
    "workspace": "version",
    "contract": "document",
    "recording": "exchanges",
}
FOREIGN = re.compile(r"^```json title=.*?^```$", re.MULTILINE | re.DOTALL)
"""Files of a vendor that a page shows, such as a response or an OpenAPI document: their keys are not settings."""
Place = tuple[str | int, ...]
PLACES: dict[str, Place] = {
    "resource": ("resources", "people"),
    "operation": ("resources", "people", "list"),
    "unified.resource": ("resources", "people"),
    "unified.operation": ("resources", "people", "list"),
    "contract.gaps": ("gaps", "crm.contacts.list"),
}
"""Where a document has a kind of settings, if not at its name."""


class Entry(NamedTuple):
    """One object in a block of a page: `above` are its place and the objects on the way to it."""

    page: str
    place: Place
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """The key of the object, without `config` and positions."""
        return next((str(key) for key in reversed(self.place) if isinstance(key, str) and key != "config"), "")


NOW = FrozenClock(1_767_225_600.0)
"""The time of the findings: messages with a number of days stay the same."""


def build_examples() -> dict[str, Any]:
    entries = [entry for page in sorted((ROOT / "docs").rglob("*.md")) for entry in find_entries(page)]
    settings: dict[str, dict[str, str]] = {}
    for name, kind in find_kinds().items():
        fitting = [entry for entry in entries if fits(kind, entry)]
        if kind.format and fitting:
            add(settings, name, [(entry, None) for entry in fitting])
        for key in kind.keys:
            if key.name != "<name>":
                valid = [one for one in entries if key.name in one.data and has_valid_keys(key, one.data[key.name])]
                found = [(entry, key.name) for entry in valid if entry in fitting]
                moved = ((move(kind, one, key.name), key.name) for one in valid)
                add(settings, f"{name}#{key.name}", found or list(moved))
    return {"codes": dict(sorted(find_code_examples())), "settings": settings}


def find_entries(page: Path) -> Iterator[Entry]:
    text = FOREIGN.sub("", page.read_text(encoding="utf-8"))
    for block in find_markdown_blocks(text):
        if block.language in ("yaml", "json"):
            data = parse(block.text, "page", language="json" if block.language == "json" else "yaml").data
            yield from walk(page.relative_to(ROOT).as_posix(), (), data)


def walk(page: str, place: Place, data: Any) -> Iterator[Entry]:
    if isinstance(data, dict):
        yield Entry(page, place, data)
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from walk(page, (*place, key), value)


def has_valid_keys(key: Key, value: Any) -> bool:
    """Whether the objects in the value of a setting, at any depth, have only keys of its kinds."""
    if not key.refers:
        return True
    if isinstance(value, list):
        return key.type != "object" and all(has_valid_keys(key, item) for item in value)
    if not isinstance(value, dict):
        return True
    kinds = find_kinds()
    names = [name for refers in key.refers for name in (refers, *kinds[refers].formats)]
    format_name = value.get("format")
    if isinstance(format_name, str):
        chosen = [name for name in names if format_name in (name.rpartition(".")[2], *kinds[name].others)]
        names = [name for part in chosen for name in (part, kinds[part].common) if name is not None]
    inner = {name: one for part in names for one in kinds[part].keys for name in (one.name, *one.aliases)}
    if "<name>" in inner:
        return True
    if value.keys() <= {*inner, "format"}:
        return all(has_valid_keys(inner[name], item) for name, item in value.items() if name in inner)
    is_union = any(kinds[name].formats for name in key.refers)  # a format without settings may be a text
    entries = [item for item in value.values() if not (is_union and isinstance(item, str))]  # by custom names
    return bool(value) and all(isinstance(item, dict) and has_valid_keys(key, item) for item in entries)


def fits(kind: Kind, entry: Entry) -> bool:
    """Whether an object of a page is of a kind of settings, as far as its key and its format tell."""
    union, _, tag = kind.name.rpartition(".")
    if kind.format:
        return entry.data.get("format") == tag and entry.name == union.rpartition(".")[2]
    if kind.name in ROOTS:
        return not entry.place and ROOTS[kind.name] in entry.data
    if kind.name == "operation":
        return len(entry.place) == 3 and entry.place[0] == "resources" and "response_mapping" not in entry.data
    return entry.name == kind.name.rpartition(".")[2]


def move(kind: Kind, entry: Entry, key: str) -> Entry:
    """An object of a kind with the value that a key has in an object of another kind."""
    union, _, tag = kind.name.rpartition(".")
    data = {"format": tag, key: entry.data[key]} if kind.format else {key: entry.data[key]}
    place = tuple((union if kind.format else kind.name).split("."))
    return Entry(entry.page, () if kind.name in ROOTS else PLACES.get(kind.name, place), data)


def add(settings: dict[str, dict[str, str]], name: str, found: list[tuple[Entry, str | None]]) -> None:
    """Add the shortest example of a setting."""
    _, text, page = min((len(text), text, entry.page) for entry, key in found if (text := excerpt(entry, key)))
    settings[name] = {"page": page, "text": text}


def excerpt(entry: Entry, key: str | None) -> str:
    """The YAML of an object with one of its keys (all without `key`), in the objects around it."""
    shown = ("format", key) if key is not None else tuple(entry.data)
    data: Any = {name: entry.data[name] for name in shown if name in entry.data}
    for step in reversed(entry.place):
        data = [data] if isinstance(step, int) else {step: data}
    return dump_yaml(data)


def find_code_examples() -> Iterator[tuple[str, dict[str, str]]]:
    seen: set[str] = set()
    for bad in (*LINTED, *REPLAYED):
        for finding, line in find_findings(bad) if {code for code, *_ in bad.found} - seen else ():
            if finding.code not in seen and line:
                seen.add(finding.code)
                yield finding.code, {"line": line, "message": finding.message, "fix": finding.hint}


def find_findings(bad: Bad) -> Iterator[tuple[Diagnostic, str]]:
    """The findings of a bad workspace, each with its line."""
    with tempfile.TemporaryDirectory() as folder:
        root = make(Path(folder), bad)
        if bad in LINTED:
            found = lint_paths(root, [], NOW).findings
        else:
            found = [one for report in run_suite(load_workspace(root), Selection()) for one in report.all_findings]
        for finding in found:
            path = root / finding.span.file if finding.span else root
            lines = path.read_bytes().decode("utf-8", "replace").splitlines() if path.is_file() else []
            number = finding.span.line if finding.span else 0
            yield finding, lines[number - 1].strip()[:160] if 0 < number <= len(lines) else ""


def main(arguments: list[str]) -> int:
    text = dump_json(build_examples())
    if "--write" in arguments:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{FILE.name} differs from docs/ and the bad workspaces: run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
