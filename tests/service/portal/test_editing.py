"""Saving in the portal makes revisions, with the person and the reason, and by people with the role for it only."""

from portal_bench import CONTACTS, Portal, read_digest
from studio_bench import edit

TITLE = edit("title", "'Dr'")


def test_a_saved_override_is_a_revision_of_its_person(portal: Portal) -> None:
    person = portal.log_in("portal:edit", name="Ada")
    digest = read_digest(portal)
    plan = portal.ask("plan", account="acme", edits=[TITLE])
    assert plan["can_save"] and plan["file"] == "accounts/acme.yaml"
    answer = portal.ask("save", account="acme", edits=[TITLE], digest=digest, reason="Acme wants titles")
    assert (answer["revision"], answer["saved"]) == (1, True)
    assert [row["expression"] for row in portal.ask("operation", **CONTACTS)["rows"] if row["field"] == "title"] == [
        "'Dr'"
    ]
    admin = {"authorization": f"Bearer {portal.issue('admin')}"}
    [revision] = portal.client.get("/admin/accounts/acme/revisions", headers=admin).json()["result"]
    assert (revision["by"], revision["reason"]) == (person, "Acme wants titles")
    [entry] = portal.client.get("/admin/audit", headers=admin).json()["result"]
    assert (entry["by"], entry["action"], entry["target"], entry["after"]) == (person, "edit", "accounts/acme", 1)
    log = portal.get("/audit").text
    assert person in log and "Acme wants titles" in log and "title:" in log
