"""Saving in the portal makes revisions, with the person and the reason, and by people with the role for it only."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from portal_bench import CONTACTS, ORIGIN, Portal, open_portal, read_digest
from studio_bench import edit

from conn_engine.config import load_workspace
from conn_engine.releases import ReleaseSource, collect, open_store
from conn_engine.releases.model import Release
from conn_service.http.accounts import ConfigurationSource, WorkspaceConfiguration
from conn_service.http.channel import ChannelConfiguration
from conn_service.http.tokens import TokenScope

TITLE = edit("title", "'Dr'")
NUMBER = edit("email", "42")


def read_admin(portal: Portal, path: str) -> Any:
    token = portal.issue("admin")
    return portal.client.get(f"/admin/{path}", headers={"authorization": f"Bearer {token}"}).json()["result"]


def find_expression(portal: Portal, field: str) -> Any:
    rows = portal.ask("operation", **CONTACTS)["rows"]
    return next(row["expression"] for row in rows if row["field"] == field)


def test_a_saved_override_is_a_revision_of_its_person(portal: Portal) -> None:
    person = portal.log_in("portal:edit", name="Ada")
    digest = read_digest(portal)
    plan = portal.ask("plan", account="acme", edits=[TITLE])
    assert plan["can_save"] and plan["file"] == "accounts/acme.yaml"
    answer = portal.ask("save", account="acme", edits=[TITLE], digest=digest, reason="Acme wants titles")
    assert (answer["revision"], answer["saved"]) == (1, True)
    assert find_expression(portal, "title") == "'Dr'"
    [revision] = read_admin(portal, "accounts/acme/revisions")
    assert (revision["by"], revision["reason"]) == (person, "Acme wants titles")
    [entry] = read_admin(portal, "audit")
    assert (entry["by"], entry["action"], entry["target"], entry["after"]) == (person, "edit", "accounts/acme", 1)
    log = portal.get("/audit").text
    assert person in log and "Acme wants titles" in log and "title:" in log
    assert "Nobody has changed" in portal.get("/audit?target=accounts/globex").text


def test_a_viewer_saves_nothing_and_keeps_no_draft(portal: Portal) -> None:
    portal.log_in("portal:view")
    digest = read_digest(portal)
    workspace = portal.ask("workspace", method="GET")
    assert (workspace["read_only"], workspace["read_only_reason"]) == (True, "your role is viewer")
    answer = portal.ask("save", 403, account="acme", edits=[TITLE], digest=digest)
    assert answer["code"] == "read_only" and "another role" in answer["fix"]
    portal.ask("draft", 403, method="PUT", account="acme", edits=[TITLE])
    assert read_admin(portal, "audit") == [] and find_expression(portal, "title") is None


def test_an_account_that_somebody_else_changed_is_not_overwritten(portal: Portal) -> None:
    portal.log_in("portal:edit")
    digest = read_digest(portal)
    opened = read_document(portal)
    theirs = f"{opened}# a colleague\n"
    admin = {"authorization": f"Bearer {portal.issue('admin')}", "if-match": "*"}
    put = portal.client.put("/admin/accounts/acme", json={"document": theirs}, headers=admin)
    assert put.status_code == 200
    conflict = portal.ask("save", 409, account="acme", edits=[TITLE], digest=digest)["conflict"]
    assert (conflict["opened"], conflict["theirs"]) == (opened, theirs)
    assert "'Dr'" in conflict["yours"] and "a colleague" not in conflict["yours"]
    assert read_document(portal) == theirs
    portal.ask("save", account="acme", edits=[TITLE], digest=conflict["digest"])
    assert "'Dr'" in read_document(portal) and "# a colleague" in read_document(portal)


def read_document(portal: Portal) -> str:
    token = portal.issue("admin")
    found = portal.client.get("/admin/accounts/acme", headers={"authorization": f"Bearer {token}"}).json()
    document: str = found["document"]
    return document


def test_what_breaks_callers_needs_a_reason(portal: Portal) -> None:
    portal.log_in("portal:edit")
    digest = read_digest(portal)
    form = {"account": "acme", "edits": [NUMBER], "digest": digest}
    refused = portal.ask("save", 422, **form)
    assert refused["code"] == "refused" and refused["findings"]
    assert portal.ask("save", 422, **form, accept=True)["code"] == "reason"
    assert portal.ask("save", 422, **form, accept=True, reason="two\nlines")["code"] == "reason"
    portal.ask("save", **form, accept=True, reason="Acme agreed")
    [revision] = read_admin(portal, "accounts/acme/revisions")
    assert (revision["reason"], revision["accepted"]) == ("Acme agreed", "Acme agreed")


ENVIRONMENT = "# all customers\nconnectors: {}\n"


@pytest.fixture
def shared_environment(tmp_path: Path) -> Iterator[Portal]:
    """A portal whose two accounts have an environment with a document."""

    def configure(root: Path) -> ConfigurationSource:
        (root / "environments").mkdir()
        (root / "environments/production.yaml").write_text(ENVIRONMENT)
        return WorkspaceConfiguration(load_workspace(root))

    with open_portal(tmp_path, configure=configure) as opened:
        yield opened


def find_title(portal: Portal, account: str) -> Any:
    rows = portal.ask("operation", account=account, operation="crm.contacts.list", level="environment")["rows"]
    return next(row["expression"] for row in rows if row["field"] == "title")


def test_a_releaser_edits_an_environment_for_all_of_its_accounts(shared_environment: Portal) -> None:
    portal, form = shared_environment, {"account": "acme", "level": "environment", "edits": [TITLE]}
    portal.log_in("portal:edit")
    assert portal.ask("workspace", method="GET")["environment_refusal"] == "your role is editor"
    digest = portal.ask("operation", **CONTACTS, level="environment")["file"]["digest"]
    assert portal.ask("save", 403, **form, digest=digest)["message"] == "nothing was saved: your role is editor"
    assert "many accounts" in portal.ask("draft", 403, method="PUT", **form)["message"]
    assert read_admin(portal, "audit") == []
    person = portal.log_in("portal:release")
    portal.ask("draft", method="PUT", **form, digest=digest)
    assert len(portal.client.get("/portal/api/draft?account=globex&level=environment").json()["edits"]) == 1
    assert portal.client.get("/portal/api/draft?account=acme").json() == {"edits": []}
    plan = portal.ask("plan", **form)
    assert plan["others"] == {
        "unchanged": 0, "affected": ["globex"],
        "sentence": "environments/production.yaml is for 2 accounts; 0 accounts unchanged",
    }  # fmt: skip
    saved = portal.ask("save", **form, digest=digest, reason="titles for all")
    assert (saved["file"], saved["revision"], saved["draft_removed"]) == ("environments/production.yaml", 1, True)
    assert [find_title(portal, name) for name in ("acme", "globex")] == ["'Dr'", "'Dr'"]
    [entry] = read_admin(portal, "audit")
    assert (entry["by"], entry["target"], entry["reason"], entry["account"]) == (
        person, "environments/production", "titles for all", "",
    )  # fmt: skip
    assert "title: &#39;&#39;&#39;Dr&#39;&#39;&#39;" in portal.get("/audit").text


def test_an_environment_that_breaks_or_was_changed_is_not_saved(shared_environment: Portal) -> None:
    portal = shared_environment
    portal.log_in("portal:release")
    opened = portal.ask("operation", **CONTACTS, level="environment")["file"]["digest"]
    form = {"account": "acme", "level": "environment", "edits": [NUMBER]}
    refused = portal.ask("save", 422, **form, digest=opened)
    assert refused["code"] == "breaking" and refused["breaking"], "for globex: Acme overrides the field"
    portal.ask("save", account="globex", level="environment", edits=[TITLE], digest=opened)
    conflict = portal.ask("save", 409, **form, digest=opened, accept=True, reason="agreed")["conflict"]
    assert (conflict["opened"], "title" in conflict["theirs"]) == (ENVIRONMENT, True)
    portal.ask("save", **form, digest=conflict["digest"], accept=True, reason="agreed")
    assert [entry["after"] for entry in read_admin(portal, "audit")] == [2, 1]


def test_drafts_belong_to_a_person(portal: Portal) -> None:
    portal.log_in("portal:edit")
    stored = portal.ask("draft", method="PUT", account="acme", edits=[TITLE], digest="d")
    assert stored["saved_at"] == "2023-11-14T22:13:20+00:00"
    mine = portal.client.get("/portal/api/draft?account=acme").json()
    assert (mine["edits"][0]["field"], mine["digest"]) == ("title", "d")
    assert portal.client.get("/portal/api/draft?account=globex").json() == {"edits": []}
    portal.ask("draft", 422, method="PUT", account="nobody", edits=[TITLE])
    mine_cookie = dict(portal.client.cookies)
    portal.log_in("portal:edit")
    assert portal.client.get("/portal/api/draft?account=acme").json() == {"edits": []}
    portal.client.cookies.clear()
    portal.client.cookies.update(mine_cookie)
    saved = portal.ask("save", account="acme", edits=[TITLE], digest=read_digest(portal))
    assert saved["draft_removed"] and portal.client.get("/portal/api/draft?account=acme").json() == {"edits": []}


def test_every_link_of_a_page_leads_somewhere(portal: Portal) -> None:
    portal.log_in("portal:view")
    pages = ("/", "/recordings", "/recordings/shop/crm.contacts.list.json", "/coverage", "/syncs", "/audit", "/edit")
    texts = [portal.get(path).text for path in pages]
    links = {unescape(link) for text in texts for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', text)}
    assert all(link.startswith("/portal/") for link in links) and "/portal/recordings/record" not in str(links)
    statuses = {link: portal.client.get(link).status_code for link in links - {"/portal/logout"}}
    assert statuses == dict.fromkeys(statuses, 200)
    assert portal.get("/recordings/record").status_code == portal.get("/impact").status_code == 404
    assert "This portal does not record from vendors" in texts[1] and "conn record crm.contacts.list" in texts[2]


def test_certificates_outside_the_workspace_are_not_needed(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("x")

    def configure(root: Path) -> WorkspaceConfiguration:
        path = root / "conn.yaml"
        path.write_text(f"{path.read_text()}trusted_certificates: ../authority.pem\n")
        return WorkspaceConfiguration(load_workspace(root))

    (tmp_path / "workspace").mkdir()
    with open_portal(tmp_path / "workspace", configure=configure) as portal:
        portal.log_in("portal:view")
        assert portal.get("/coverage").status_code == 200


# --- channels ---


@pytest.fixture
def released(tmp_path: Path) -> Any:
    """A portal whose service serves a channel, with two releases."""
    file = tmp_path / "releases.sqlite3"

    def configure(root: Path) -> ChannelConfiguration:
        ids = []
        for label in ("First", "Second"):
            (root / "accounts/globex.yaml").write_text(f"connector: shop\nlabel: {label}\n")
            found = collect(load_workspace(root))
            with open_store(str(file), create=True) as store:
                made = Release(found.manifest.id, label, "ada", "2026-01-01T00:00:00Z", "1", {})
                store.add(made, found.manifest, found.blobs)
            ids.append(found.manifest.id)
        from conn_engine.releases.actors import Act
        from conn_engine.releases.promotion import promote

        with open_store(str(file)) as store:
            promote(store, ids[0], "production", Act("ada", 0.0), override="the first", reason="the first")
        source = ReleaseSource(str(file), "production", identity="x", check_milliseconds=0)
        return ChannelConfiguration(source, check_seconds=3600)

    with open_portal(tmp_path, configure=configure, release_store=str(file)) as portal:
        yield portal


def test_a_releaser_moves_a_channel_with_a_reason(released: Portal) -> None:
    shown = release_page(released, "portal:view")
    second = re.findall(r'<option value="(\w{64})">\w+ Second', shown)[0]
    form = {"release": second, "channel": "production", "reason": "a new label"}
    for scope in ("portal:view", "portal:edit"):
        release_page(released, scope)
        answer = released.send_form("/releases/promote", **form)
        assert answer.status_code == 403 and "your role is" in answer.text
    person = released.log_in("portal:release")
    assert released.send_form("/releases/promote", **{**form, "reason": ""}).status_code == 422
    answer = released.send_form("/releases/promote", **form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/releases?moved=production"), answer.text
    page = released.get("/releases").text
    assert person in page and "a new label" in page
    assert released.send_form("/releases/roll-back", channel="production", reason="wrong").status_code == 303
    rows = [(row["by"], row["action"], row["target"], row["reason"]) for row in read_admin(released, "audit")]
    assert rows == [
        (person, "roll_back", "channels/production", "wrong"),
        (person, "promote", "channels/production", "a new label"),
    ]


def release_page(portal: Portal, scope: TokenScope) -> str:
    portal.log_in(scope)
    text: str = portal.get("/releases").text
    return text


def test_a_portal_without_a_channel_has_no_releases(portal: Portal) -> None:
    portal.log_in("portal:release")
    assert portal.get("/releases").status_code == 404 and "Releases" not in portal.get("/audit").text
    answer = portal.client.post("/portal/releases/promote", data={}, headers={"origin": ORIGIN})
    assert answer.status_code in (404, 415)
