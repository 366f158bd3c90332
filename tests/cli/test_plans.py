"""What `conn run` shows of a write before it is sent: the reads that it depends on are made, and nothing is written."""

import json

import pytest
from transcript import conn

TOKEN = "tok-aVerySecretOne-42"
MAPPING = """\
resources:
  contacts:
    create:
      before:
        - { name: twins, request: { resource: contacts, method: list } }
      request_body_mapping: { email: body.email, first_name: "body.email ? before.twins[0].first_name" }
      after:
        - { name: tag, request: { method: put, path: "/tags/{{result.id}}" } }
      response_mapping: { id: $string(response.id) }
    list:
      response_mapping: { id: $string(response.id) }
      after:
        - { name: seen, request: { method: put, path: "/seen/{{result[0].id}}" } }
"""


@pytest.fixture
def desk(tmp_path, vendor):
    """A workspace whose vendor is on loopback, and has one contact."""
    vendor.answer = lambda _arrived: (200, {}, {"data": [{"id": 7, "first_name": "Ada"}], "paging": {"next": None}})
    (tmp_path / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    conn(tmp_path, "new", "demo")
    connector = tmp_path / "connectors/demo/connector.yaml"
    connector.write_text(connector.read_text().replace("https://api.demo.example/v1", vendor.url))
    (tmp_path / "connectors/demo/unified/crm.yaml").write_text(MAPPING)
    (tmp_path / "accounts/me.yaml").parent.mkdir(exist_ok=True)
    (tmp_path / "accounts/me.yaml").write_text("connector: demo\n")
    return tmp_path


def run(desk, *arguments, token=TOKEN):
    done = conn(desk, "run", *arguments, "-a", "me", **({"CONN_ME_TOKEN": token} if token else {}))
    assert TOKEN not in done.out + done.err
    return done


@pytest.mark.parametrize(("option", "code"), [(["--dry-run"], 0), ([], 2)])
def test_the_reads_are_made_and_the_write_is_shown(desk, vendor, option, code):
    done = run(desk, "contacts.create", "--body", '{"email": "a@b.c"}', *option)
    assert done.code == code, done.err
    assert [(got.method, got.path) for got in vendor.arrived] == [("GET", "/contacts")]
    plan = done.out.splitlines()
    assert plan[0] == "plan of crm.contacts.create for me: 1 read sent, nothing was written"
    assert plan[1] == f"  read: contacts.list   GET {vendor.url}/contacts"
    assert plan[2] == f"  POST {vendor.url}/contacts"
    assert '  {"email":"a@b.c","first_name":"Ada"}' in plan


def test_a_read_whose_steps_write(desk, vendor):
    done = run(desk, "contacts.list", "--dry-run")
    assert done.code == 0, done.err
    assert [got.method for got in vendor.arrived] == ["GET"]
    assert "  it writes with step.request" in done.out
    assert f"  PUT {vendor.url}/seen/7" in done.out


def test_without_a_credential_the_first_read_is_shown(desk, vendor):
    done = run(desk, "contacts.create", "--body", '{"email": "a@b.c"}', "--dry-run", token="")
    assert done.code == 0
    assert vendor.arrived == []
    assert done.out.startswith("plan of crm.contacts.create for me: nothing was sent\n  it starts with contacts.list\n")
    assert "the write is not shown" in done.err
    assert "conn auth login me" in done.err


def test_a_read_that_fails_ends_the_plan(desk, vendor):
    vendor.answer = lambda _arrived: (403, {}, {"message": "no"})
    done = run(desk, "contacts.create", "--body", '{"email": "a@b.c"}', "--dry-run")
    assert (done.code, done.out) == (4, "")


@pytest.mark.parametrize(("body", "warned"), [("{}", True), ('{"email": "a@b.c"}', False)])
def test_an_empty_body_is_a_warning(desk, vendor, body, warned):
    done = run(desk, "contacts.create", "--body", body, "--dry-run")
    assert done.code == 0
    assert ("the mapped request body is empty" in done.err) is warned


def test_what_has_no_body_is_not_warned_of(desk):
    done = run(desk, "demo:contacts.delete", "-p", "id=1", "--dry-run")
    assert (done.code, done.err) == (0, "")


def test_an_unknown_key_is_an_error_before_anything_is_read(desk, vendor):
    done = run(desk, "contacts.create", "--body", json.dumps({"emial": "a@b.c"}), "--send")
    assert (done.code, done.out, vendor.arrived) == (2, "", [])
    assert 'unknown key "emial" in the body of ' in done.err
    assert 'did you mean "email"?' in done.err
