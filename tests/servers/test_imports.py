"""Vendors' own published documents: each imports quickly, lints clean, tests at once; guesses against our own work."""

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from processes.specs import folder as specs_folder
from reading import read_connector

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute

CATALOGUE = Path(__file__).resolve().parents[2] / "connectors"
NO_FORMAT = ("slack-events-asyncapi.json", "stripe-fixtures3.json", "linear-schema.graphql")
LONGEST_SECONDS = 25  # five times what an idle machine needs at most
AGREEMENT = 0.8
FOLDER = specs_folder()
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file()) if FOLDER.is_dir() else []


def conn(folder: Path, *arguments: object) -> tuple[int, str]:
    stream = io.StringIO()
    environ = {"CONN_NO_KEYRING": "1"}
    app = App(folder=folder, environ=environ, stdin=io.StringIO(), stdout=stream, stderr=stream)
    return execute([str(argument) for argument in arguments], app), stream.getvalue()


def test_the_documents_are_there() -> None:
    assert len(FILES) >= 20, f"{FOLDER} lacks the vendors' documents; set CONN_VENDOR_SPECS to a folder with them"


@pytest.mark.parametrize("file", [name for name in FILES if name not in NO_FORMAT])
def test_every_document_imports_and_lints_clean(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    start = time.monotonic()
    code, said = conn(tmp_path, "import", FOLDER / file, "--name", "vendor", "--with-samples")
    seconds = time.monotonic() - start
    with capsys.disabled():
        print(f"\n{file}: {seconds:.2f} s; {said.partition(chr(10))[0]}", end="")
    assert code == Exit.OK, said
    assert seconds < LONGEST_SECONDS
    assert conn(tmp_path, "lint")[1].startswith("no findings\n")
    if list((tmp_path / "connectors" / "vendor").glob("recordings/*.json")):
        code, said = conn(tmp_path, "test", "--all", "--raw", "--connector", "vendor")
        assert code == Exit.OK, said


@pytest.mark.parametrize(
    ("file", "path", "name"),
    [
        ("pipedrive-v1.yaml", "/files", "file"),
        ("pipedrive-v1.yaml", "/persons/{{id}}/picture", "file"),
        ("pipedrive-v2.yaml", "/products/{{id}}/images", "data"),
        ("asana.yaml", "/attachments", "file"),
        ("jira.json", "/rest/api/3/issue/{{issueIdOrKey}}/attachments", "file"),
        ("stripe-apisguru.json", "/v1/files", "file"),
    ],
)
def test_files_are_sent_as_the_documents_say(file: str, path: str, name: str, tmp_path: Path) -> None:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    assert conn(tmp_path, "import", FOLDER / file, "--name", "vendor")[0] == Exit.OK
    folder = tmp_path / "connectors" / "vendor"
    data = read_connector((folder / "connector.yaml").read_text(encoding="utf-8"))
    found = {(_unnamed(row["path"]), row["method"]): (f"{resource}.{method}", row)
             for resource, operations in data["resources"].items() for method, row in operations.items()}  # fmt: skip
    operation, row = found[_unnamed(path), "post"]
    fields = {row["name"]: "acme" for row in data.get("fields", [])}
    (tmp_path / "accounts" / "me.yaml").write_text(f"connector: vendor\ncontext: {json.dumps(fields)}\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    values = [part for one in re.findall(r"\{\{(\w+)\}\}", row["path"]) for part in ("-p", f"{one}=7")]
    known = _properties(folder, row.get("request_schema"))
    more = next((key for key, one in known.items() if key != name and one.get("type") in ("string", "integer")), None)
    given = ["--file", f"{name}=picture.png", "--body", json.dumps({more: "7"} if more else {}), *values]
    code, said = conn(tmp_path, "run", operation, "--account", "me", "--raw", "--dry-run", *given)
    assert code == Exit.OK, said
    assert "multipart/form-data; boundary=" in said
    assert f'name="{name}"; filename="picture.png"' in said
    assert more is None or f'name="{more}"' in said


def _properties(folder: Path, reference: str | None) -> dict[str, Any]:
    """The properties of a schema that a connector refers to."""
    if reference is None:
        return {}
    file, _, pointer = reference.partition("#")
    schema = json.loads((folder / file).read_text(encoding="utf-8"))
    for part in pointer.strip("/").split("/"):
        schema = schema[part.replace("~1", "/").replace("~0", "~")]
    if "$ref" in schema:
        return _properties(folder, file + schema["$ref"])
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def _unnamed(path: str) -> str:
    """A path without the names of its values: an import names them alike over all operations."""
    return re.sub(r"\{\{.*?\}\}", "{}", path)


@pytest.mark.parametrize("file", NO_FORMAT)
def test_what_is_no_api_document_is_refused(file: str, tmp_path: Path) -> None:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    code, said = conn(tmp_path, "import", FOLDER / file, "--name", "vendor")
    assert code == Exit.CONFIGURATION, said
    assert list((tmp_path / "connectors").iterdir()) == []


def requests(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What a connector declares for each request: path, where its records are, pagination."""
    data = read_connector(text)
    found = {}
    for rows in data["resources"].values():
        for name, row in rows.items():
            if not isinstance(row, dict) or "path" not in row:
                continue
            key = (row["method"].lower(), re.sub(r"\{\{.*?\}\}", "{}", row["path"]))
            paging = row.get("pagination", data.get("pagination")) or {}
            found[key] = {"path": row["path"], "response_path": row.get("response_path")}
            if name in ("list", "search"):
                config = paging.get("config", {})
                field = config.get("cursor_field")
                param = config.get("cursor_body") or config.get("cursor_param") or (field or "").rpartition(".")[2]
                found[key]["paging"] = (paging.get("format"), field, param)
    return found


def test_guesses_agree_with_the_connectors_written_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    documents = {
        "pipedrive": ["pipedrive-v2.yaml"],
        "hubspot": [f"hubspot-crm-{name}-v3.json" for name in ("contacts", "companies", "deals")],
    }
    agreed, judged, apart = 0, 0, []
    for connector, files in documents.items():
        own = requests((CATALOGUE / connector / "connector.yaml").read_text(encoding="utf-8"))
        guessed: dict[tuple[str, str], dict[str, Any]] = {}
        for file in files:
            name = f"i{len(list((tmp_path / 'connectors').iterdir()))}"
            code, said = conn(tmp_path, "import", FOLDER / file, "--name", name)
            assert code == Exit.OK, said
            guessed |= requests((tmp_path / "connectors" / name / "connector.yaml").read_text(encoding="utf-8"))
        both = sorted(set(own) & set(guessed))
        assert len(both) >= 10, f"{connector}: hardly anything to compare"
        for key in both:
            for what, value in own[key].items():
                judged += 1
                same = guessed[key].get(what) == value
                agreed += same
                apart += [] if same else [f"{connector} {key} {what}: {value!r}, guessed {guessed[key].get(what)!r}"]
    with capsys.disabled():
        print(f"\nguesses: {agreed} of {judged} agree ({agreed / judged:.0%})", *apart, sep="\n  ")
    assert agreed / judged >= AGREEMENT
