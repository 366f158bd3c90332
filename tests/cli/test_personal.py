"""What the commands that record say and do about personal data: replaced by default, by a key that is in no file."""

import json
import stat

import pytest
from transcript import conn

from conn_engine.wire import FrozenClock

PERSON = {"id": 1, "first_name": "Ada", "last_name": "Lovelace", "email": "ada@acme.com"}
VAULT = {"CONN_VAULT_KEY": "a key of this test", "CONN_PERSONAL_DATA_KEY": ""}
RECORD = ("record", "contacts.list", "-a", "me", "--force")
FILE = "connectors/demo/recordings/crm.contacts.list.json"


@pytest.fixture
def shop(desk, vendor):
    vendor.answer = lambda got: (200, {}, {"data": [PERSON], "paging": {}})
    file = desk / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("https://api.demo.example/v1", vendor.url))
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return desk


def run(folder, *arguments, **environ):
    return conn(folder, *arguments, CONN_ME_TOKEN="tok-aVerySecretOne-42", **environ)


def person(folder, file=FILE):
    return json.loads((folder / file).read_text())["exchanges"][0]["response"]["body"]["data"][0]


def test_the_first_recording_says_what_is_replaced_and_the_next_ones_how_much(shop):
    first = run(shop, *RECORD, **VAULT)
    assert first.code == 0
    assert "recordings have pseudonyms instead of names, email addresses" in first.err
    assert "--keep-personal-data" in first.err
    assert "replaced: 1 email address, 2 names; other free text is unchanged" in first.err
    before = person(shop)
    assert before["email"].endswith(".example.com")
    second = run(shop, *RECORD, **VAULT)
    assert "recordings have pseudonyms" not in second.err
    assert "replaced: 1 email address" in second.err
    assert person(shop) == before  # by the same key


def test_a_note_that_names_the_person_stays_with_a_pseudonym(shop):
    assert run(shop, *RECORD, **VAULT).code == 0
    recorded = json.loads((shop / FILE).read_text())
    (shop / FILE).write_text(json.dumps(recorded | {"note": "Ada Lovelace has no phone."}))
    assert run(shop, *RECORD, **VAULT).code == 0
    found = person(shop)
    assert json.loads((shop / FILE).read_text())["note"] == f"{found['first_name']} {found['last_name']} has no phone."


def test_the_key_is_in_the_vault_and_in_no_file_of_the_workspace(shop):
    from conn_engine.config import load_workspace
    from conn_engine.personal.key import ENTRY
    from conn_engine.runtime.wiring import vault_of

    assert run(shop, *RECORD, **VAULT).code == 0
    vault = vault_of(load_workspace(shop), {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(shop / ".state"), **VAULT})
    key = (vault.load(ENTRY) or {})["key"]
    assert len(bytes.fromhex(key)) == 32
    assert [path for path in shop.rglob("*") if path.is_file() and key.encode() in path.read_bytes()] == []


def test_without_a_vault_the_key_is_in_a_private_file_of_the_user(shop):
    first = run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="")
    (file,) = (shop / ".state/pseudonyms").iterdir()
    assert f"  their key is in {file}: this machine has no usable keyring" in first.err
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    before = person(shop)
    second = run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="")
    assert (second.code, "their key" in second.err, person(shop)) == (0, False, before)


def test_a_sample_that_is_recorded_again_changes_nothing(shop, monkeypatch):
    (shop / "page.json").write_text(json.dumps({"data": [PERSON], "paging": {}}))
    record = ("record", "contacts.list", "-c", "demo", "--from-body", "page.json", "--force")
    assert conn(shop, *record, CONN_PERSONAL_DATA_KEY="").code == 0
    before = (shop / FILE).read_bytes()
    monkeypatch.setattr("transcript.FrozenClock", lambda now: FrozenClock(now + 3600))
    assert conn(shop, *record, CONN_PERSONAL_DATA_KEY="").code == 0
    assert (shop / FILE).read_bytes() == before
    (shop / "page.json").write_text(json.dumps({"data": [{**PERSON, "id": 2}], "paging": {}}))
    assert conn(shop, *record, CONN_PERSONAL_DATA_KEY="").code == 0
    times = [json.loads(text)["recorded_at"] for text in (before, (shop / FILE).read_bytes())]
    assert times == ["2026-11-18T11:06:40Z", "2026-11-18T12:06:40Z"]


def test_an_example_of_the_documentation_is_recorded_as_it_is(shop):
    (shop / "page.json").write_text(json.dumps({"data": [PERSON], "paging": {}}))
    record = ("record", "contacts.list", "-c", "demo", "--from-body", "page.json", "--contract", "--force")
    done = run(shop, *record)
    assert (done.code, person(shop)) == (0, PERSON)
    assert "pseudonyms" not in done.err
    recorded = json.loads((shop / FILE).read_text())
    assert recorded["source"] == "contract"
    assert recorded["note"] == "Made from responses in the vendor's documentation (page.json), not recorded live."
    assert run(shop, *RECORD, "--contract").err.startswith("error: --contract requires --from-body")


def test_where_no_key_can_be_stored_every_run_has_its_own_and_says_so(shop):
    (shop / ".state").mkdir()
    (shop / ".state/pseudonyms").write_text("a file")
    done = run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="")
    assert "note: the next run will use other pseudonyms: this machine has no usable keyring" in done.err
    assert "fix: set CONN_VAULT_KEY, or CONN_PERSONAL_DATA_KEY, to a long random text" in done.err
    before = person(shop)
    assert run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="").code == 0
    assert person(shop) != before


def test_a_variable_gives_several_machines_the_same_key(shop):
    assert run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="0123456789abcdef").code == 0
    before = person(shop)
    assert run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="0123456789abcdef").code == 0
    assert person(shop) == before
    short = run(shop, *RECORD, CONN_PERSONAL_DATA_KEY="0123")
    assert (short.code, short.err.splitlines()[0]) == (2, "error: CONN_PERSONAL_DATA_KEY is shorter than 16 characters")


@pytest.mark.parametrize("way", ["option", "workspace"])
def test_personal_data_is_kept_when_somebody_says_so(shop, way):
    option = ("--keep-personal-data",) if way == "option" else ()
    if way == "workspace":
        with (shop / "conn.yaml").open("a") as stream:
            stream.write("recordings: { personal_data: keep }\n")
    done = run(shop, *RECORD, *option)
    assert done.code == 0
    assert "note: personal data is recorded unchanged" in done.err
    assert "replaced" not in done.err
    assert person(shop) == PERSON


def test_a_recording_that_would_be_another_without_its_person_is_not_kept(shop):
    file = shop / "connectors/demo/unified/crm.yaml"
    file.write_text(
        file.read_text().replace("response.email", '"$length(response.email) = 12 ? response.email : null"')
    )
    (shop / FILE).unlink()
    done = run(shop, *RECORD)
    assert done.code == 3
    assert "REC005" in done.err
    assert "record 1 has a different shape at email" in done.err
    assert "--keep-personal-data" in done.err
    assert not (shop / FILE).exists()


HAR = {
    "log": {
        "entries": [
            {
                "request": {"method": "GET", "url": "https://api.acme.example/v1/people", "headers": []},
                "response": {
                    "status": 200,
                    "headers": [],
                    "content": {"mimeType": "application/json", "text": json.dumps({"data": [PERSON]})},
                },
            }
        ]
    }
}
POSTMAN = {
    "info": {"name": "Acme", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "item": [
        {
            "name": "People",
            "request": {"method": "GET", "url": "https://api.acme.example/v1/people"},
            "response": [{"code": 200, "body": json.dumps({"data": [PERSON]})}],
        }
    ],
}
CONTENT = {
    "schema": {"type": "object", "properties": {"data": {"type": "array", "items": {"type": "object"}}}},
    "example": {"data": [PERSON]},
}
OPENAPI = {
    "openapi": "3.0.0",
    "info": {"title": "Acme", "version": "1"},
    "servers": [{"url": "https://api.acme.example/v1"}],
    "paths": {
        "/people": {"get": {"responses": {"200": {"description": "", "content": {"application/json": CONTENT}}}}}
    },
}


@pytest.mark.parametrize(
    ("document", "options", "kept"),
    [(HAR, (), False), (POSTMAN, (), False), (HAR, ("--keep-personal-data",), True), (OPENAPI, (), True)],
    ids=["har", "postman", "har kept", "openapi"],
)
def test_samples_of_what_was_seen_have_nobody_in_them(tmp_path, monkeypatch, document, options, kept):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.har").write_text(json.dumps(document))
    done = conn(tmp_path, "import", "acme.har", "--name", "acme", "--with-samples", *options)
    assert done.code == 0, done.err
    assert "1 sample recording" in done.out
    [file] = (tmp_path / "connectors/acme/recordings").glob("*.json")
    assert (person(tmp_path, file) == PERSON) is kept
    assert ("replaced: 1 email address, 2 names" in done.err) is not kept
    text = "".join(path.read_text() for path in (tmp_path / "connectors").rglob("*.*"))
    assert ("ada@acme.com" in text) is kept
    assert conn(tmp_path, "test", "--all", "--raw", "--connector", "acme").code == 0
