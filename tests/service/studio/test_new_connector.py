"""A new connector in the page: from a document, from curl, and from a sample answer."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import HOST, READ_ONLY, ask, open_page, write_shop

from conn_engine.config import load_workspace
from conn_engine.testing.cases import find_cases, replay
from conn_service.studio.session import StudioSession

PERSON = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "first_name": {"type": "string"},
        "last_name": {"type": "string"},
        "email": {"type": "string", "format": "email"},
        "shoe_size": {"type": "integer"},
    },
}
LISTING = {"type": "object", "properties": {"data": {"type": "array", "items": PERSON}, "next": {"type": "string"}}}
OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "Parts", "version": "1"},
    "servers": [{"url": "https://api.parts.example/v1"}],
    "paths": {
        "/contacts": {
            "get": {
                "operationId": "listContacts",
                "tags": ["contacts"],
                "parameters": [
                    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                ],
                "responses": {"200": {"description": "x", "content": {"application/json": {"schema": LISTING}}}},
            }
        }
    },
}
OWN = {"origin": f"http://{HOST}"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    write_shop(folder)
    return folder


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    opened = open_page(root)
    yield opened
    opened.__exit__(None, None, None)


def propose(client: TestClient, source: str, **values: str) -> tuple[str, dict[str, str]]:
    """Return the proposal, and its form as a browser sends it."""
    answer = client.post("/new/proposal", data={"source": source, "model": "crm", **values}, headers=OWN)
    assert answer.status_code == 200, answer.text
    fields = re.findall(r'<input (?:type="hidden" )?(?:id="\w+" )?name="([^"]+)" value="([^"]*)"', answer.text)
    kept = re.findall(r'<input type="checkbox" name="([^"]+)" value="yes"[^>]* checked>', answer.text)
    form = {name: html.unescape(value) for name, value in fields} | dict.fromkeys(kept, "yes")
    return html.unescape(answer.text), form


def test_a_document_becomes_a_mapped_list_that_replays(client: TestClient, root: Path) -> None:
    assert "Propose a connector" in client.get("/new").text
    shown, form = propose(client, json.dumps(OPENAPI), account="first")
    assert "1 operation, 1 recording with sample records" in shown
    assert "pagination" in shown and "format: cursor" in shown
    assert form["expression.contacts.first_name"] == "response.first_name"
    assert not (root / "connectors/parts").exists()
    form["expression.contacts.first_name"] = "$uppercase(response.first_name)"
    del form["keep.contacts.last_name"]
    answer = client.post("/new/save", data=form, headers=OWN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/edit/first/crm.contacts.list")
    workspace = load_workspace(root)
    effective = workspace.effective(account="first")
    name = effective.resolve("crm.contacts.list")
    mapping = effective.origins((*name.path, "response_mapping"))[0].value
    assert mapping["first_name"] == "$uppercase(response.first_name)" and "last_name" not in mapping
    [vendor] = [one for one in effective.operations() if one.kind == "vendor"]
    [case] = find_cases(workspace, effective, [vendor])
    assert replay(effective, vendor, case.recording).error is None
    again = client.post("/new/proposal", data={"source": json.dumps(OPENAPI), "model": "crm"}, headers=OWN)
    assert again.status_code == 422 and "connectors/parts exists" in again.text


def test_a_sample_answer_with_its_url_is_enough_and_its_people_get_pseudonyms(client: TestClient, root: Path) -> None:
    people = [{"id": "7", "first_name": "Ada", "last_name": "Byron", "email": "ada.byron@mail.example"}]
    url = "https://api.people.example/v2/contacts?limit=2"
    shown, form = propose(client, json.dumps({"data": people}), url=url, name="people", account="people")
    assert "in which personal data is replaced" in shown
    answer = client.post("/new/save", data=form, headers=OWN, follow_redirects=False)
    assert answer.headers["location"] == "/edit/people/crm.contacts.list"
    texts = [path.read_text() for path in (root / "connectors/people").rglob("*") if path.is_file()]
    assert len(texts) >= 4 and not any("ada.byron" in text for text in texts)


def test_curl_commands_are_read_and_their_secrets_are_not_written(client: TestClient, root: Path) -> None:
    command = "curl https://api.curl.example/v1/orders -H 'Authorization: Bearer tok_live_9f8a7c6b5d4e3f2a1b0c9d8e'"
    shown, form = propose(client, command, name="orders", model="")
    assert "1 operation" in shown and "tok_live" not in shown
    client.post("/new/save", data=form, headers=OWN)
    assert "tok_live" not in "".join(path.read_text() for path in (root / "connectors/orders").rglob("*.*"))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"source": " "}, "is missing"),
        ({"source": "{}"}, "is not in a format that can be imported"),
        ({"source": "<html>", "url": "https://x.example/a"}, "the sample answer is not JSON"),
        ({"source": "curl https://x.example/a", "name": "../up"}, "is not a valid connector name"),
        ({"source": json.dumps(OPENAPI), "name": "../../up"}, "is not a valid connector name"),
        ({"source": "curl https://x.example/a", "name": "x", "model": "crn"}, 'there is no model "crn"'),
    ],
)
def test_what_cannot_be_imported_is_said(client: TestClient, values: dict[str, str], text: str) -> None:
    answer = client.post("/new/proposal", data=values, headers=OWN)
    assert answer.status_code == 422 and text in html.unescape(answer.text)


def test_an_expression_that_does_not_compile_and_an_old_proposal_write_nothing(client: TestClient, root: Path) -> None:
    document = {**OPENAPI, "info": {"title": "Other", "version": "1"}}
    _, form = propose(client, json.dumps(document))
    form["expression.contacts.first_name"] = "response.("
    answer = client.post("/new/save", data=form, headers=OWN)
    assert answer.status_code == 422 and "contacts.first_name: " in answer.text
    answer = client.post("/new/save", data={"key": "0"}, headers=OWN)
    assert answer.status_code == 422 and "paste the document again" in answer.text
    assert not (root / "connectors/other").exists()


def test_a_read_only_page_shows_a_proposal_and_saves_nothing(root: Path) -> None:
    session = StudioSession(root, READ_ONLY)
    values = {"source": "curl https://x.example/a", "name": "x"}
    assert "1 operation" in ask(session, "page", page="proposal", query=values)["html"]
    assert ask(session, "page", 403, page="save_connector", query={"key": "x"})["code"] == "read_only"
