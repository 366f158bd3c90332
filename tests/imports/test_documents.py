"""Whole documents: goldens of two, the features of four formats. CONN_WRITE_GOLDENS=1 writes the goldens."""

import os
from pathlib import Path

import pytest

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_engine.recordings.files import load_recording
from conn_import import MAX_SOURCE, Options, fold_losses, import_source, propose_name, read_source

FOLDER = Path(__file__).parent
DOCUMENTS = FOLDER / "documents"
ALL = sorted(path.name for path in DOCUMENTS.iterdir())


@pytest.mark.parametrize("file", ["shop.yaml", "library.json"])
@pytest.mark.parametrize("name", ["connector.yaml", "README.md"])
def test_the_text_is_as_kept(file: str, name: str) -> None:
    source = read_source(DOCUMENTS / file)
    made = import_source(source, Options(propose_name(source)))
    golden = FOLDER / "expected" / made.name / name
    if os.environ.get("CONN_WRITE_GOLDENS"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(made.files[name], encoding="utf-8")
    assert made.files[name] == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ALL)
def test_the_result_lints_clean_and_its_samples_load(file: str, tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    source = read_source(DOCUMENTS / file)
    made = import_source(source, Options(propose_name(source), samples=True))
    folder = tmp_path / "connectors" / made.name
    made.write(folder)
    result = lint_paths(tmp_path, [])
    assert [finding for finding in result.findings if finding.severity >= Severity.WARNING] == []
    assert made.recordings
    for path in (folder / "recordings").glob("*.json"):
        assert load_recording(path).source == ("har" if file.endswith(".har") else "contract")


@pytest.mark.parametrize(("server", "lost"), [("http://localhost:8080", False), ("http://api.example.com", True)])
def test_a_server_without_tls_is_told_where_it_matters(server: str, lost: bool, tmp_path: Path) -> None:
    file = tmp_path / "open.yaml"
    file.write_text(
        f"openapi: 3.0.0\ninfo: {{title: Open, version: '1'}}\nservers: [{{url: '{server}'}}]\n"
        "paths: {/things: {get: {responses: {'200': {description: ok}}}}}\n"
    )
    made = import_source(read_source(file), Options("open"))
    assert any(what.startswith("the http server") for what, *_ in made.losses) is lost
    assert "1 operation in 1 resource." in made.files["README.md"]


def test_everything_left_out_is_listed(imported) -> None:
    made = imported("shop.yaml")
    lost = made.lost
    assert lost["the field names of a multipart body: the document has none"] == ["POST /files"]
    assert lost["bodies of multipart/form-data: a form is sent instead"] == ["POST /customers"]
    webhooks = "webhooks, in a comment of connector.yaml: the document does not say how to verify a delivery"
    assert lost[webhooks] == ["order", "made (callback of POST /customers)"]
    assert "cookies" not in lost, "the cookie is a scheme's"
    assert any("implicit" in what for what in lost) and any("session" in what for what in lost)
    for line in fold_losses(made.imported.losses):
        assert f"# - {line[:40]}" in made.text, "every kind is at the top of the document"
    for what, places in lost.items():
        assert f"- {what}" in made.imported.files["README.md"], "every thing is in the README"
        assert all(f"`{place}`" in made.imported.files["README.md"] for place in places)
    assert made.imported.found == 9 and made.imported.operations == 9


def test_guesses_say_so_beside_them(imported) -> None:
    text = imported("shop.yaml").text
    assert "cursor_param: cursor } # guess, from the parameter cursor and meta.next_cursor of the response\n" in text
    assert "response_path: customers # guess\n" in text
    assert "verify: customers.list # guess" in text


def test_swagger_two(imported) -> None:
    made = imported("library.json")
    assert made.data["base_url"] == "https://api.library.example/v1"
    assert made.data["authorization"] == {"format": "query", "config": {"name": "api_key"}}
    assert "query" not in made.operation("books.list"), "the key is the authorization's"
    assert made.operation("books.create")["body_format"] == "form"
    assert made.operation("catalogue.get")["response_format"] == "xml"
    assert made.operation("books.cover")["body_format"] == "multipart"
    assert "body_format: multipart # files: image" in made.text


def test_a_postman_collection(imported) -> None:
    made = imported("collection.json")
    assert made.names == {"tickets.list", "tickets.get", "tickets.create", "ticket_files.create"}
    assert made.data["base_url"] == "https://desk.example/api"
    assert made.data["authorization"] == {"format": "header", "config": {"name": "X-Desk-Key"}}
    assert made.operation("tickets.get") | {"description": ""} == {
        "description": "",
        "method": "get",
        "path": "/tickets/{{id}}",
        "response_path": "ticket",
    }
    assert "secret" not in made.text
    assert made.lost["scripts (prerequest)"] == ["the collection"]


def test_a_har(imported) -> None:
    made = imported("browser.har")
    assert made.names == {"people.list", "people.get", "people.update"}
    assert made.data["authorization"] == {"format": "bearer"}
    assert made.data["pagination"]["config"] == {"cursor_field": "next_page_token", "cursor_param": "page_token"}
    assert "secret" not in made.text
    assert made.lost["calls to other hosts"] == ["https://elsewhere.example"]


def test_the_bound_is_above_every_known_document() -> None:
    assert MAX_SOURCE >= 32 * 2**20
