"""`conn import` and `conn new --from`: files made whole or not at all, the summary, exit codes."""

import io
import json
import os
from pathlib import Path

import pytest

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute
from conn_engine.wire import FrozenClock

ENTRIES = Path(__file__).resolve().parents[1] / "imports" / "entries" / "providers.yaml"
DOCUMENTS = Path(__file__).resolve().parents[1] / "imports" / "documents"


def conn(folder: Path, *arguments: object) -> tuple[int, str]:
    stream = io.StringIO()
    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": os.environ["CONN_STATE_DIR"]}
    app = App(folder=folder, environ=environ, stdin=io.StringIO(), stdout=stream, stderr=stream, clock=FrozenClock())
    return execute([str(argument) for argument in arguments], app), stream.getvalue()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert conn(tmp_path, "init", ".")[0] == Exit.OK
    return tmp_path


@pytest.mark.parametrize("file", ["shop.yaml", "library.json", "collection.json", "browser.har"])
def test_an_import_lints_and_tests_at_once(workspace: Path, file: str) -> None:
    code, said = conn(workspace, "new", "vendor", "--from", DOCUMENTS / file, "--with-samples")
    assert code == Exit.OK, said
    assert "sample recording" in said and "not imported" in said
    assert conn(workspace, "lint")[1].startswith("no findings\n")
    code, said = conn(workspace, "test", "--all", "--raw", "--connector", "vendor")
    assert code == Exit.OK and "passed" in said, said


BRUNO = {
    "bruno.json": '{"name": "Shop", "version": "1", "type": "collection"}',
    "contacts/list.bru": """\
get {
  url: https://api.shop.example/contacts
}

example {
  response: {
    status: {
      code: 200
    }

    body: {
      type: json
      content: '''
        {"data": [{"id": 1, "last_name": "Lovelace"}]}
      '''
    }
  }
}
""",
}


def test_the_folder_of_a_bruno_collection_is_a_document(workspace: Path, tmp_path: Path) -> None:
    for name, text in BRUNO.items():
        path = tmp_path / "collection" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code, said = conn(workspace, "import", "collection", "--with-samples")
    assert code == Exit.OK, said
    assert "from Bruno collection: 1 operation in 1 resource, 1 sample recording" in said
    assert conn(workspace, "lint", "connectors")[1].startswith("no findings\n")
    code, said = conn(workspace, "test", "--all", "--raw", "--connector", "shop")
    assert code == Exit.OK, said
    recording = (workspace / "connectors/shop/recordings/contacts.list.json").read_text()
    assert "Lovelace" not in recording


def test_the_summary_lists_what_was_left_out(workspace: Path) -> None:
    code, said = conn(workspace, "import", DOCUMENTS / "shop.yaml")
    assert code == Exit.OK
    assert "created shop in" in said and "9 operations in 4 resources" in said
    assert "the field names of a multipart body: the document has none: POST /files" in said
    assert "connectors/shop/README.md has the complete list" in said
    assert "how to verify a delivery: order" in said and "guesses to check" in said


def test_several_files_are_several_connectors(workspace: Path) -> None:
    code, said = conn(workspace, "import", DOCUMENTS / "shop.yaml", DOCUMENTS / "library.json")
    assert code == Exit.OK, said
    assert sorted(path.name for path in (workspace / "connectors").iterdir()) == ["library", "shop"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([DOCUMENTS / "shop.yaml", DOCUMENTS / "library.json", "--name", "x"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", DOCUMENTS / "shop.yaml"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "--name", "../x"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "--only", "nothing*"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "--base-url", "nowhere"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "missing.yaml"], Exit.CONFIGURATION),
        ([ENTRIES], Exit.USAGE),
        ([ENTRIES, "--entry", "nothing"], Exit.USAGE),
        ([ENTRIES, "--all", "--name", "x"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "--all"], Exit.USAGE),
        ([DOCUMENTS / "shop.yaml", "--security", "nowhere"], Exit.USAGE),
        ([DOCUMENTS / "collection.json", "--security", "key"], Exit.USAGE),
        ([ENTRIES, "--entry", "sluice", "--only", "x"], Exit.USAGE),
        ([ENTRIES, "--entry", "sluice", "--with-samples"], Exit.USAGE),
        (["empty.json"], Exit.CONFIGURATION),
        (["binary.json"], Exit.CONFIGURATION),
        ([], Exit.USAGE),
    ],
)
def test_a_failure_leaves_nothing(workspace: Path, arguments: list[object], code: Exit) -> None:
    (workspace / "empty.json").write_text(json.dumps({"openapi": "3.0.0", "paths": {}}))
    (workspace / "binary.json").write_bytes(b"\x00\xff\xfe")
    before = sorted(workspace.rglob("*"))
    found, said = conn(workspace, "import", *arguments)
    assert found == code, said
    assert sorted(workspace.rglob("*")) == before


def test_one_of_several_connectors_of_a_file_is_chosen(workspace: Path) -> None:
    code, said = conn(workspace, "new", "tide", "--from", ENTRIES)
    assert code == Exit.USAGE and "13 entries" in said and "tidewater-key, harbour-basic" in said
    code, said = conn(workspace, "new", "tide", "--from", ENTRIES, "--entry", "tidewater-key")
    assert code == Exit.OK and "from Nango provider entry: 2 operations in 2 resources" in said
    code, said = conn(workspace, "import", ENTRIES, "--entry", "sluice", "--entry", "quarry")
    assert code == Exit.OK and "0 operations in 0 resources" in said and said.endswith("next: conn lint\n")
    assert {path.name for path in (workspace / "connectors").iterdir()} == {"tide", "sluice", "quarry"}
    assert conn(workspace, "lint")[1].startswith("no findings\n")


def test_all_connectors_of_a_file(workspace: Path) -> None:
    code, said = conn(workspace, "import", ENTRIES, "--all")
    assert code == Exit.OK, said
    assert len(list((workspace / "connectors").iterdir())) == 13
    assert "unsupported settings: colour" in said


def test_a_connector_that_exists_is_replaced_by_force_only(workspace: Path) -> None:
    assert conn(workspace, "import", DOCUMENTS / "shop.yaml")[0] == Exit.OK
    kept = workspace / "connectors" / "shop" / "unified" / "crm.yaml"
    kept.parent.mkdir()
    kept.write_text("resources: {}\n")
    assert conn(workspace, "import", DOCUMENTS / "shop.yaml")[0] == Exit.USAGE
    assert conn(workspace, "import", DOCUMENTS / "shop.yaml", "--only", "/nothing", "--force")[0] == Exit.USAGE
    assert conn(workspace, "import", DOCUMENTS / "shop.yaml", "--only", "Orders", "--force")[0] == Exit.OK
    assert "customer_orders" in (workspace / "connectors" / "shop" / "connector.yaml").read_text()
    assert kept.is_file()


def test_a_workspace_is_made_when_there_is_none(tmp_path: Path) -> None:
    code, said = conn(tmp_path, "import", DOCUMENTS / "library.json")
    assert code == Exit.OK and "created a workspace in" in said
    assert (tmp_path / "conn.yaml").is_file()


def test_a_file_that_is_missing_is_named_by_the_path_that_was_tried(workspace: Path, monkeypatch) -> None:
    monkeypatch.chdir(workspace.parent)
    code, said = conn(workspace.parent, "-C", workspace.name, "import", "missing.yaml")
    assert code == Exit.CONFIGURATION
    assert f"cannot read {workspace.name}/missing.yaml: it does not exist" in said


def test_options_of_an_import_need_a_file(workspace: Path) -> None:
    assert conn(workspace, "new", "vendor", "--only", "x")[0] == Exit.USAGE


def test_a_mapping_to_a_model_is_proposed_when_it_is_asked_for(workspace: Path) -> None:
    card = workspace / "models" / "loyalty" / "customer.schema.json"
    card.parent.mkdir(parents=True)
    card.write_text(
        json.dumps({"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string"}, "email": {"type": "string"}}})
    )  # fmt: skip
    code, said = conn(workspace, "import", DOCUMENTS / "shop.yaml", "--model", "loyalty", "--model", "ticketing")
    assert code == Exit.OK, said
    assert "proposed a mapping to loyalty: 2 fields in " in said and "/unified/loyalty.yaml, each" in said
    assert "no response looks like a record of ticketing" in said
    assert (workspace / "connectors" / "shop" / "unified" / "loyalty.yaml").is_file()
    assert " error " not in conn(workspace, "lint")[1]
    code, said = conn(workspace, "new", "two", "--from", DOCUMENTS / "shop.yaml", "--model", "loyalti")
    assert code == Exit.USAGE and 'there is no model "loyalti"' in said and "loyalty" in said
    assert conn(workspace, "import", ENTRIES, "--entry", "sluice", "--model", "crm")[0] == Exit.USAGE
    assert conn(workspace, "new", "three", "--model", "crm")[0] == Exit.USAGE


def test_proposed_mappings_are_replayed_and_scored(workspace: Path) -> None:
    options = ("--from", DOCUMENTS / "shop.yaml", "--with-samples", "--model", "crm")
    code, said = conn(workspace, "new", "vendor", *options)
    assert code == Exit.OK, said
    assert "recorded 3 unified operations from the samples, with goldens: check the values" in said
    assert "vendor: " in said and " of 100, a preview: below 80" in said
    assert "next: conn lint && conn test --all --connector vendor\n" in said
    assert [line[:5] for line in said.splitlines() if line[:4] in ("  1.", "  2.", "  3.", "  4.")] == [
        "  1. ",
        "  2. ",
        "  3. ",
    ]
    code, tested = conn(workspace, "test", "--all", "--connector", "vendor")
    assert code == Exit.OK, tested
    assert "no golden" not in tested
    code, text = conn(workspace, "new", "vendor", *options, "--force", "--format", "json")
    assert code == Exit.OK, text
    (row,) = json.loads(text[text.index("{") :])["connectors"]
    assert sorted(row["replayed"]["recorded"]) == ["crm.contacts.delete", "crm.contacts.get", "crm.contacts.list"]
    assert row["replayed"]["failed"] == {}
    assert f"vendor: {row['replayed']['score']} of 100" in said
    assert "left out: 3 operations of 3 resources that the mapping to crm does not use\n" in said
    assert "to import everything, add --only '*' --force; for some, see Left out in " in said
    assert row["left_out"] == 3 and row["unused_resources"] == ["customer_orders", "orders", "files"]
    code, said = conn(workspace, "new", "vendor", *options, "--force", "--only", "*")
    assert code == Exit.OK and "9 operations in 4 resources" in said and "left out" not in said, said
    assert len(row["replayed"]["next_steps"]) == 3


def test_an_import_by_force_leaves_recordings_that_it_has_not_made(workspace: Path) -> None:
    options = ("--from", DOCUMENTS / "shop.yaml", "--with-samples", "--model", "crm")
    assert conn(workspace, "new", "vendor", *options)[0] == Exit.OK
    folder = workspace / "connectors/vendor"
    recorded = json.loads((folder / "recordings/crm.contacts.get.json").read_text())
    recorded["exchanges"][0]["response"]["body"] = {"id": ["7"]}
    live = folder / "recordings/crm.contacts.get.odd.json"
    live.write_text(json.dumps(recorded | {"scenario": "odd", "source": "live"}))
    before = live.read_bytes()
    code, said = conn(workspace, "new", "vendor", *options, "--force")
    assert code == Exit.OK and "to correct" not in said, said
    assert live.read_bytes() == before
    assert not (folder / "expected/crm.contacts.get.odd.json").exists()


def test_a_proposal_that_does_not_fit_the_model_is_named(workspace: Path) -> None:
    record = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "first_name": {"type": "string"},
            "last_name": {"type": "string"},
            "email": {"type": "string", "format": "email"},
            "tags": {"type": "string"},
        },
    }
    example = [{"id": "1", "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "tags": {"vip": 1}}]
    media = {"schema": {"type": "array", "items": record}, "example": example}
    answer = {"200": {"description": "", "content": {"application/json": media}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://api.shop.example"}],
        "paths": {"/contacts": {"get": {"operationId": "listContacts", "responses": answer}}},
    }
    (workspace / "shop.json").write_text(json.dumps(document))
    code, said = conn(workspace, "new", "shop", "--from", "shop.json", "--with-samples", "--model", "crm")
    assert code == Exit.OK, said
    assert "to correct: crm.contacts.list: tags is not of type string" in said
    assert not (workspace / "connectors/shop/expected/crm.contacts.list.json").exists()
