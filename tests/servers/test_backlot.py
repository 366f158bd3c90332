"""The catalogue's hubspot and github connectors, only the base URL overridden, on a server that checks."""

import filecmp
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest
from processes.backlot import Backlot
from processes.command import Conn
from processes.corpus import CONTACTS, ISSUES
from processes.witness import Witness
from processes.workspace import CATALOGUE, workspace

MODELS = CATALOGUE.parent / "schemas" / "models"
Make = Callable[..., Conn]


@pytest.fixture
def conn(tmp_path: Path, watched: Witness) -> Make:
    """`conn(contacts=token, issues=token)`: the command line in a workspace that leads to backlot."""
    prefixes = {"hubspot": "/hubspot", "github": "/github", "pipedrive": "/none"}
    root = workspace(tmp_path, "catalogue", connectors=("hubspot", "github"), port=watched.port, **prefixes)

    def make(contacts: str = "", issues: str = "") -> Conn:
        environ = {"HUBSPOT_CLIENT_ID": "id", "HUBSPOT_CLIENT_SECRET": "client-secret-1"}
        if contacts:
            token = {"access_token": contacts, "token_type": "Bearer"}
            environ["CONN_ACME_CREDENTIALS"] = json.dumps({"oauth": {"token": token}})
        if issues:
            environ["CONN_ISSUES_CREDENTIALS"] = json.dumps({"token": issues})
        secrets = [secret for secret in (contacts, issues, "client-secret-1") if secret]
        return Conn(root, tmp_path / "home", environ, secrets)

    return make


def valid(records: list[object], model: str) -> None:
    schema = json.loads((MODELS / f"{model}.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    faults = [
        f"{error.instance_path}: {error.message}" for record in records for error in validator.iter_errors(record)
    ]
    assert faults == []


def test_the_connectors_are_the_catalogue_s(conn: Make) -> None:
    for name in ("hubspot", "github"):
        difference = filecmp.dircmp(CATALOGUE / name, conn().root / "connectors" / name)
        assert not (difference.left_only or difference.right_only or difference.diff_files)


def test_pages_through_all_contacts(conn: Make, backlot: Backlot, watched: Witness) -> None:
    token = backlot.tokens["ava@acme.com"]
    records = conn(contacts=token)("run", "contacts.list", "--account", "acme", "--output", "jsonl").records()
    assert [record["id"] for record in records] == [str(1000 + number) for number in range(CONTACTS)]
    assert records[7]["email"] == "u7@ex7.example"
    assert (records[7]["first_name"], records[7]["last_name"]) == ("First7", "Last7")
    valid(records, "crm/contact")
    assert len(watched.seen) == CONTACTS // 100
    assert {seen.headers["authorization"] for seen in watched.seen} == {f"Bearer {token}"}
    assert {seen.status for seen in watched.seen} == {200}
    assert len({seen.target for seen in watched.seen}) == len(watched.seen)


def test_the_token_decides_what_is_seen(conn: Make, backlot: Backlot) -> None:
    dana = conn(contacts=backlot.tokens["dana@acme.com"])
    records = dana("run", "contacts.list", "--account", "acme", "--output", "jsonl").records()
    assert len(records) == CONTACTS + 1
    assert "999999" in {record["id"] for record in records}


def test_a_limit_ends_the_paging(conn: Make, backlot: Backlot, watched: Witness) -> None:
    ava = conn(contacts=backlot.tokens["ava@acme.com"])
    records = ava("run", "contacts.list", "--account", "acme", "--limit", "250", "--output", "jsonl").records()
    assert len(records) == 250
    assert len(watched.seen) == 3


@pytest.mark.parametrize(("operation", "account"), [("contacts.list", "acme"), ("tickets.list", "issues")])
def test_a_wrong_token_is_a_credential_fault(conn: Make, watched: Witness, operation: str, account: str) -> None:
    wrong = conn(contacts="wrong-token-1", issues="wrong-token-2")
    outcome = wrong("run", operation, "--account", account, "--output", "jsonl", code=5)
    assert outcome.out.strip() == ""
    assert [seen.status for seen in watched.seen] == [401]
    assert f"conn auth login {account}" in outcome.err


def test_no_token_is_a_credential_fault_before_anything_is_sent(conn: Make, watched: Witness) -> None:
    conn()("run", "contacts.list", "--account", "acme", "--output", "jsonl", code=5)
    assert watched.seen == []


def test_follows_link_headers(conn: Make, backlot: Backlot, watched: Witness) -> None:
    token = backlot.tokens["ava@acme.com"]
    records = conn(issues=token)("run", "tickets.list", "--account", "issues", "--output", "jsonl").records()
    assert sorted(int(record["number"]) for record in records) == list(range(1, ISSUES + 1))
    valid(records, "ticketing/ticket")
    assert [seen.status for seen in watched.seen] == [200, 200, 200]
    assert watched.seen[1].path.startswith("/github/repositories/"), "the link is used as given"
    assert {seen.headers["authorization"] for seen in watched.seen} == {f"Bearer {token}"}


def test_a_403_is_a_rate_limit(conn: Make, backlot: Backlot, watched: Witness) -> None:
    token = backlot.tokens["cleo@acme.com"]
    backlot.spend_requests(token)
    outcome = conn(issues=token)("run", "tickets.list", "--account", "issues", "--output", "jsonl", code=4)
    assert [seen.status for seen in watched.seen] == [403], "not asked again without --wait"
    assert watched.seen[0].answer_headers["x-ratelimit-remaining"] == "0"
    assert "rate" in outcome.err.lower()
    assert "limit" in outcome.err.lower()
    # Another account's window is not spent: the limit is the token's.
    ava = conn(issues=backlot.tokens["ava@acme.com"])
    assert len(ava("run", "tickets.list", "--account", "issues", "--output", "jsonl").records()) == ISSUES


def test_a_missing_record_is_said(conn: Make, backlot: Backlot) -> None:
    ava = conn(contacts=backlot.tokens["ava@acme.com"])
    outcome = ava("run", "contacts.get", "--account", "acme", "--param", "id=7", "--output", "json", code=4)
    assert "404" in outcome.err, "the answer is HTML there, and no reason to say anything else"
    assert "no such record" in outcome.err


def test_one_contact(conn: Make, backlot: Backlot) -> None:
    ava = conn(contacts=backlot.tokens["ava@acme.com"])
    outcome = ava("run", "contacts.get", "--account", "acme", "--param", "id=1007", "--output", "jsonl")
    (record,) = outcome.records()
    assert record["email"] == "u7@ex7.example"
