"""Recordings of live accounts have no personal data in them, and still replay; those that would not are not kept."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.bodies import Upload
from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError
from conn_engine.personal import Pseudonyms
from conn_engine.runtime.call import Call
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.har_files import import_recording
from conn_engine.testing.personal import PersonalData
from conn_engine.testing.recorder import Recorded, record_operation
from conn_engine.wire import FrozenClock, Headers, Request, Response

PERSONAL = PersonalData(Pseudonyms(b"k" * 32))
ADA = {
    "id": 5,
    "who": "Ada Lovelace",
    "mail": [{"kind": "home", "at": "ada@Home.example"}, {"kind": "work", "at": "Ada@Acme.com"}],
    "tel": [{"no": "+49 170 1234567", "t": "Mobile"}],
    "note": "Ada Lovelace (ADA@ACME.COM) is born 1985-12-10",
    "birthday": "1985-12-10",
    "stage": "lead",
}
CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: { format: bearer }
authorization: { format: bearer }
pagination: { format: cursor, config: { cursor_field: next, cursor_param: after } }
resources:
  people:
    list: { method: get, path: /people, response_path: items }
    get: { method: get, path: "/people/{{id}}" }
    create: { method: post, path: /people }
    photo: { method: post, path: /photos, body_format: multipart }
"""
CRM = """\
resources:
  contacts:
    list:
      resource: people
      query_mapping: { q: query.name, stage: '"lead"' }
      response_mapping:
        id: $string(response.id)
        name: response.who
        first_name: $split(response.who, " ")[0]
        email: $lowercase(response.mail[kind = "work"].at)
        phone_numbers: 'response.tel.{"number": no, "type": $lowercase(t)}'
        lifecycle_stage: response.stage
    get:
      resource: people
      response_mapping: { id: $string(response.id), name: response.who }
    create:
      resource: people
      request_body_mapping: { who: body.first_name & " " & body.last_name, mail: body.email }
      response_mapping: { id: $string(response.id), name: response.who }
"""
Answer = Callable[[Request], Any]


class Vendor:
    """Replies as configured: JSON data, or a response."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def send(self, request: Request) -> Response:
        answer = self._answer(request)
        if isinstance(answer, Response):
            return answer
        headers = Headers({"content-type": "application/json", "x-owner": "Ada@Acme.com"})
        return Response(200, headers, json.dumps(answer).encode(), request.url)


@pytest.fixture
def shop(make: Callable[..., Workspace]) -> Workspace:
    return make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": CRM})


def recorded(
    workspace: Workspace, operation: str, answer: Answer, call: Call | None = None, **options: Any
) -> tuple[Recorded, Path, Any]:
    """Records, and replays what was written; the third is what the replay gives."""
    wiring = wire_account(workspace, "acme", environ={}, vault=MemoryVault({"acme": {"token": "token-of-acme"}}))
    name = wiring.effective.resolve(operation, raw=options.pop("raw", False))
    path = workspace.root / f"connectors/shop/recordings/{name.text}.json"
    options.setdefault("personal", PERSONAL)
    made = record_operation(wiring, name, call or Call(), path, transport=Vendor(answer), **options)
    effective = workspace.effective(account="acme")
    [case] = [case for case in find_cases(workspace, effective, effective.operations()) if case.name == name]
    return made, path, replay(effective, name, case.recording)


def cursor(mail: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": mail}).encode()).decode()


def pages(request: Request) -> Any:
    """Two pages; the cursor between them has an address in it."""
    if "after=" not in request.url:
        return {"items": [ADA], "next": cursor("Ada@Acme.com")}
    assert cursor("Ada@Acme.com").rstrip("=") in request.url
    return {"items": [{**ADA, "id": 6, "who": "Grace Hopper", "stage": "Lead"}], "next": None}


ORIGINALS = ("ada@acme.com", "ada@home.example", "ada lovelace", "grace hopper", "1234567", "1985-12-10", "lovelace")


def test_a_listing_with_a_cursor_that_holds_an_address_replays_without_it(shop: Workspace) -> None:
    made, path, outcome = recorded(shop, "contacts.list", pages, Call(query={"name": "Ada Lovelace"}))
    assert (made.error, made.difference, outcome.error, outcome.unused) == (None, "", None, 0)
    text = path.read_text()
    assert [value for value in ORIGINALS if value in text.lower()] == []
    assert cursor("Ada@Acme.com") not in text
    data = json.loads(text)
    first, second = (exchange["response"]["body"]["items"][0] for exchange in data["exchanges"])
    name = first["who"]
    mail = first["mail"][1]["at"]
    assert outcome.records[0] == {
        "id": "5",
        "name": name,
        "first_name": name.split()[0],
        "email": mail.lower(),
        "phone_numbers": {"number": first["tel"][0]["no"], "type": "mobile"},
        "lifecycle_stage": "lead",
    }
    assert data["call"]["query"] == {"name": name}
    assert data["exchanges"][0]["request"]["query"] == {"q": name, "stage": "lead"}
    assert first["note"] == f"{name} ({mail.upper().replace('EXAMPLE.COM', 'example.com')}) is born {first['birthday']}"
    assert data["exchanges"][0]["response"]["headers"]["x-owner"] == mail
    assert (first["mail"][1]["kind"], first["tel"][0]["t"], second["stage"]) == ("work", "Mobile", "Lead")
    assert made.personal is not None
    assert made.personal.replaced == {"email": 2, "phone": 1, "birth_date": 1, "name": 4}
    assert made.personal.left == {"code": 2}  # "work" tells addresses apart, and "home" does


def test_the_same_person_is_the_same_in_every_recording_of_a_workspace(shop: Workspace) -> None:
    _, one, _ = recorded(shop, "contacts.list", pages)
    _, other, _ = recorded(shop, "contacts.get", lambda _: {**ADA, "who": "ADA LOVELACE"}, Call(id="5"))
    who = [json.loads(path.read_text())["exchanges"][0]["response"]["body"] for path in (one, other)]
    assert who[0]["items"][0]["who"].upper() == who[1]["who"]
    apart = PersonalData(Pseudonyms(b"z" * 32))
    _, third, _ = recorded(shop, "contacts.get", lambda _: ADA, Call(id="5"), personal=apart)
    assert json.loads(third.read_text())["exchanges"][0]["response"]["body"]["who"] != who[0]["items"][0]["who"]


def test_a_write_is_recorded_with_another_person_in_the_request(shop: Workspace) -> None:
    body = {"first_name": "Ada", "last_name": "King-Noel", "email": "ada@acme.com"}
    answer = {"id": 7, "who": "Ada King-Noel", "links": [{"href": "/people?mail=ada%40acme.com"}]}
    made, path, outcome = recorded(shop, "contacts.create", lambda _: answer, Call(body=body))
    assert (made.error, made.difference, outcome.error, outcome.unused) == (None, "", None, 0)
    text = path.read_text()
    assert not {value for value in ("ada@", "ada%40", "king-noel") if value in text.lower()}
    data = json.loads(text)
    sent = data["exchanges"][0]["request"]["body"]
    assert sent == {
        "who": f"{data['call']['body']['first_name']} {data['call']['body']['last_name']}",
        "mail": data["call"]["body"]["email"],
    }
    assert outcome.records == [{"id": "7", "name": sent["who"]}]


def test_the_vendor_s_own_operation_is_known_by_the_mappings_of_it(shop: Workspace) -> None:
    _, path, outcome = recorded(shop, "people.list", pages, raw=True)
    assert (outcome.error, outcome.unused) == (None, 0)
    assert [value for value in ORIGINALS if value in path.read_text().lower()] == []


def test_a_file_that_is_sent_has_another_person_too(shop: Workspace) -> None:
    upload = Upload(b"Dear ada@acme.com", "ada@acme.com.txt", "text/plain")
    made, path, outcome = recorded(shop, "people.photo", lambda _: {"id": 1}, Call(files={"file": upload}), raw=True)
    assert (made.error, outcome.error, outcome.unused) == (None, None, 0)
    assert "ada@" not in path.read_text()


def test_an_id_that_is_an_address_is_replaced_in_the_path_too(shop: Workspace) -> None:
    answer = {"id": "ada@acme.com", "who": "Ada"}
    _, path, outcome = recorded(shop, "contacts.get", lambda _: answer, Call(id="ada@acme.com"))
    assert outcome.error is None
    assert "acme.com" not in path.read_text()
    assert outcome.records[0]["id"] == json.loads(path.read_text())["call"]["id"]


def test_a_digest_of_an_address_in_a_path_is_that_of_the_other(make: Callable[..., Workspace]) -> None:
    connector = CONNECTOR.replace("/people/{{id}}", "/people/{{$digest($lowercase(id), 'MD5')}}")
    workspace = make({"connectors/shop/connector.yaml": connector, "connectors/shop/unified/crm.yaml": CRM})
    made, path, outcome = recorded(
        workspace, "contacts.get", lambda _: {"id": 1, "who": "Ada"}, Call(id="Ada@acme.com")
    )
    assert (made.error, outcome.error) == (None, None)
    assert hashlib.md5(b"ada@acme.com").hexdigest() not in path.read_text()


def test_what_depends_on_a_person_is_not_kept_and_an_older_file_stays(make: Callable[..., Workspace]) -> None:
    mapping = CRM.replace("q: query.name", "q: $digest(query.name)")
    workspace = make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": mapping})
    path = workspace.root / "connectors/shop/recordings/crm.contacts.list.json"
    path.parent.mkdir(parents=True)
    path.write_text("an older one")
    with pytest.raises(ConfigurationError, match="no response is recorded for GET /people") as raised:
        recorded(workspace, "contacts.list", pages, Call(query={"name": "Ada Lovelace"}))
    assert [finding.code for finding in raised.value.findings] == ["REC005"]
    assert "--keep-personal-data" in raised.value.hint
    assert path.read_text() == "an older one"


def test_another_shape_of_the_result_is_not_kept(make: Callable[..., Workspace]) -> None:
    mapping = CRM.replace("name: response.who\n", 'name: "$length(response.who) = 12 ? response.who : null"\n')
    workspace = make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": mapping})
    with pytest.raises(ConfigurationError, match="record 1 has a different shape at name"):
        recorded(workspace, "contacts.list", pages)
    assert not (workspace.root / "connectors/shop/recordings/crm.contacts.list.json").exists()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("deleted", '$contains(response.who, "Ada")'),
        ("lifecycle_stage", '$length(response.who) = 12 ? "lead" : "other"'),
    ],
)
def test_another_answer_to_a_question_is_not_kept(make: Callable[..., Workspace], field: str, text: str) -> None:
    mapping = CRM.replace("lifecycle_stage: response.stage\n", f"{field}: {json.dumps(text)}\n")
    workspace = make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": mapping})
    with pytest.raises(ConfigurationError, match=f"record 1 has a different shape at {field}"):
        recorded(workspace, "contacts.list", pages)


def test_a_value_that_is_still_found_is_not_kept(shop: Workspace) -> None:
    hidden = {**ADA, "hex": b"Ada@Acme.com".hex(), "more": base64.b64encode(b"\xff\xfe Ada@Acme.com").decode()}
    with pytest.raises(ConfigurationError, match="still contains personal data") as raised:
        recorded(shop, "contacts.get", lambda _: hidden, Call(id="5"))
    assert "Ada" not in str(raised.value)
    assert not (shop.root / "connectors/shop/recordings/crm.contacts.get.json").exists()


def test_without_the_replacing_everything_is_recorded_as_it_came(shop: Workspace) -> None:
    made, path, _ = recorded(shop, "contacts.list", pages, personal=None)
    assert made.personal is None
    assert json.loads(path.read_text())["exchanges"][0]["response"]["body"]["items"] == [ADA]


def test_bodies_that_are_no_json_have_no_person_either(shop: Workspace) -> None:
    xml = '<?xml version="1.0"?><p><FirstName>O&apos;Ada</FirstName><m to="ada@acme.com"/></p>'
    page = Response(404, Headers({"content-type": "application/xml"}), xml.encode())
    _, path, _ = recorded(shop, "contacts.get", lambda _: page, Call(id="5"))
    text = path.read_text()
    assert "ada@" not in text
    assert "apos;Ada" not in text
    packed = Response(404, Headers({"content-type": "application/pdf"}), b"%PDF\xff\0 ada@acme.com \xfe")
    _, path, _ = recorded(shop, "contacts.get", lambda _: packed, Call(id="5"))
    kept = base64.b64decode(json.loads(path.read_text())["exchanges"][0]["response"]["base64"])
    assert b"acme" not in kept
    assert kept.startswith(b"%PDF\xff\0 ")
    assert kept.endswith(b".example.com \xfe")


def test_a_har_file_is_imported_without_personal_data(shop: Workspace, tmp_path: Path) -> None:
    entry = {
        "request": {"method": "GET", "url": "https://api.example.com/v1/people?q=ada%40acme.com", "headers": []},
        "response": {
            "status": 200,
            "headers": [],
            "content": {"mimeType": "application/json", "text": json.dumps(ADA)},
        },
    }
    har = tmp_path / "ada.har"
    har.write_text(json.dumps({"log": {"entries": [entry]}}))
    effective = shop.effective(account=None, connector="shop")
    target = shop.root / "connectors/shop/recordings/crm.contacts.get.json"
    options = {"scenario": "default", "redactor": Redactor(), "clock": FrozenClock(), "personal": PERSONAL}
    count, summary = import_recording(effective, effective.resolve("contacts.get"), har, target, **options)  # type: ignore[arg-type]
    text = target.read_text()
    assert count == 1
    assert summary is not None
    assert summary.replaced["email"] == 2
    assert "acme" not in text.lower()
    assert json.loads(text)["source"] == "har"
