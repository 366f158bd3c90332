"""A workspace with texts that are not saved: nothing is written, and only what they touch is read again."""

import pickle

import pytest

from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError, UsageError

ACME = "connector: crm\noverride: { timeout_seconds: 5 }\n"


@pytest.fixture
def saved(tmp_path):
    (tmp_path / "connectors/crm/unified").mkdir(parents=True)
    (tmp_path / "connectors/crm/unified/crm.yaml").write_text("resources: {}\n")
    (tmp_path / "connectors/crm/connector.yaml").write_text("base_url: https://api.example.com\n")
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/acme.yaml").write_text(ACME)
    (tmp_path / "conn.yaml").write_text("default_environment: production\n")
    return load_workspace(tmp_path)


def test_a_draft_has_the_new_text_and_the_saved_workspace_the_old_one(saved, tmp_path):
    draft = saved.with_texts({"accounts/acme.yaml": ACME.replace("5", "6")})
    assert draft.effective(account="acme").data["timeout_seconds"] == 6
    assert saved.effective(account="acme").data["timeout_seconds"] == 5
    assert (tmp_path / "accounts/acme.yaml").read_text() == ACME
    assert draft.identity == saved.identity


def test_documents_and_connectors_that_do_not_differ_are_shared(saved):
    before = saved.effective(account="acme")
    draft = saved.with_texts({"accounts/acme.yaml": "connector: crm\n"})
    assert draft.effective(account="acme").layers[0] is before.layers[0]
    other = saved.with_texts({"connectors/crm/unified/crm.yaml": "resources: { contacts: {} }\n"})
    assert other.effective(account="acme").layers[0] is not before.layers[0]
    assert other.document("account", "acme") is saved.document("account", "acme")


def test_files_can_be_added_removed_and_drafted_again(saved):
    first = saved.with_texts({"accounts/new.yaml": "connector: crm\n", "environments/sandbox.yaml": "{}\n"})
    assert (first.accounts(), first.environments()) == (["acme", "new"], ["sandbox"])
    second = first.with_texts({"accounts/acme.yaml": None, "accounts/new.yaml": "connector: crm\nlabel: New\n"})
    assert (second.accounts(), second.account("new").label) == (["new"], "New")
    assert (first.accounts(), saved.accounts()) == (["acme", "new"], ["acme"])
    with pytest.raises(UsageError, match='no account "acme"'):
        second.account("acme")


def test_the_settings_of_the_workspace_can_be_drafted(saved):
    _ = saved.settings
    draft = saved.with_texts({"conn.yaml": "default_environment: sandbox\n"})
    assert draft.effective(account="acme").environment == "sandbox"
    with pytest.raises(ConfigurationError, match=r"no conn\.yaml"):
        _ = saved.with_texts({"conn.yaml": None}).settings


def test_a_mistake_in_a_draft_has_its_place(saved):
    with pytest.raises(ConfigurationError) as refused:
        saved.with_texts({"accounts/acme.yaml": "connector: crm\noverride: [\n"}).account("acme")
    (finding,) = refused.value.findings
    assert finding.span.file == "accounts/acme.yaml"


OUTSIDE = [
    "",
    "/etc/passwd",
    "../other/conn.yaml",
    "accounts/../../x.yaml",
    "accounts\\..\\..\\x.yaml",
    "C:/x.yaml",
    "a\0",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_draft_outside_the_workspace_is_refused(saved, name):
    with pytest.raises(UsageError, match="is not a path in the workspace"):
        saved.with_texts({name: ""})


def test_another_process_can_load_the_same_draft(saved):
    draft = saved.with_texts({"accounts/acme.yaml": ACME.replace("5", "6")})
    loaded = pickle.loads(pickle.dumps(draft.source)).load()
    assert loaded.effective(account="acme").data == draft.effective(account="acme").data
    assert (loaded.source, saved.source.texts) == (draft.source, ())
