"""The schemas with a workspace's names: every document of the example is valid, and a wrong name is refused."""

import json
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from conn_cli.scaffold import copy_example
from conn_engine.config import Workspace, load_schema, load_workspace
from conn_engine.documents import parse
from conn_engine.documents.locate import find_packaged
from conn_engine.schemas.workspace_names import build_workspace_schemas

ACCOUNT = "connector: hubspot\nenvironment: sandbox\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root: Path = tmp_path_factory.mktemp("names") / "tour"
    copy_example(root)
    return load_workspace(root)


@pytest.fixture(scope="module")
def validators(workspace: Workspace) -> dict[str, Draft202012Validator]:
    return {kind: Draft202012Validator(schema) for kind, schema in build_workspace_schemas(workspace).items()}


def test_every_document_of_the_example_is_valid(
    workspace: Workspace, validators: dict[str, Draft202012Validator]
) -> None:
    checked = set()
    for file, document in workspace.documents():
        if file.kind in validators:
            checked.add(file.kind)
            errors = [
                (error.message, error.instance_path) for error in validators[file.kind].iter_errors(document.data)
            ]
            assert errors == [], file.path
    assert checked == {"account", "environment", "unified"}


VALID = [
    ("account", ACCOUNT + "context: { portal_id: '1', other: 2 }\n"),
    ("account", ACCOUNT + "override: { crm.contacts.response_mapping.score: response.score }\n"),
    ("account", ACCOUNT + "override: { crm.contacts.list.each: page, pagination.size: 5 }\n"),
    ("account", ACCOUNT + "override: { crm: { contacts: { response_mapping: { score: x } } } }\n"),
    ("account", ACCOUNT + "override: { resources: { contacts: { list: { timeout_seconds: 9 } } } }\n"),
    ("account", ACCOUNT + "override: { resources: { surveys: { list: /surveys } } }\n"),
    ("account", ACCOUNT + "override: { resources: { surveys: { list: { path: /surveys } } } }\n"),
    ("account", ACCOUNT + "override: { unified: { crm: { contacts: { search: { method: search } } } } }\n"),
    ("environment", "connectors: { hubspot: { base_url: https://x.example } }\n"),
    (
        "unified",
        "resources: { contacts: { response_mapping: { first_name: x }, list: { resource: '{{context.a}}' } } }\n",
    ),
    ("unified", "resources: { contacts: { response_mapping: response, list: {} } }\n"),
]
WRONG = [
    ("account", "connector: hubsport\n"),
    ("account", "connector: hubspot\nenvironment: sandbx\n"),
    ("account", ACCOUNT + "override: { crm.contcats.response_mapping.email: x }\n"),
    ("account", ACCOUNT + "override: { cmr.contacts.response_mapping.email: x }\n"),
    ("account", ACCOUNT + "override: { crm: { contcats: { response_mapping: { email: x } } } }\n"),
    ("account", ACCOUNT + "override: { unified: { crm: { contacts: { lst: { each: page } } } } }\n"),
    ("account", ACCOUNT + "override: { resources: { contcats: { list: { timeout_seconds: 9 } } } }\n"),
    ("account", ACCOUNT + "override: { resources: { contacts: { lst: { timeout_seconds: 9 } } } }\n"),
    ("account", ACCOUNT + "override: { paginaton: { size: 1 } }\n"),
    ("environment", "connectors: { hubsport: { base_url: https://x.example } }\n"),
    ("environment", "connectors: { hubspot: { crm.contcats.list.each: page } }\n"),
    ("unified", "resources: { contacts: { response_mapping: { frist_name: x }, list: {} } }\n"),
    ("unified", "resources: { contacts: { list: { method: lst } } }\n"),
]


@pytest.mark.parametrize(("kind", "text"), VALID, ids=[text for _, text in VALID])
def test_names_of_the_workspace_are_valid(kind: str, text: str, validators: dict[str, Draft202012Validator]) -> None:
    assert [error.message for error in validators[kind].iter_errors(parse(text, "a.yaml").data)] == []


@pytest.mark.parametrize(("kind", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_name_is_refused(kind: str, text: str, validators: dict[str, Draft202012Validator]) -> None:
    assert not validators[kind].is_valid(parse(text, "a.yaml").data)


def test_the_published_schemas_stay_as_they_are(workspace: Workspace) -> None:
    build_workspace_schemas(workspace)
    published = find_packaged("schemas", "account.schema.json").read_text(encoding="utf-8")
    assert load_schema("account") == json.loads(published)
