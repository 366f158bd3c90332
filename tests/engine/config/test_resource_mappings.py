"""The mappings that a unified resource sets for its operations: which take them, and where each line is found."""

import pytest
from evaluating import usual

from conn_engine.config import mapping_layers, validate
from conn_engine.config.operations import OperationName
from conn_engine.expressions import compile_mapping

CONNECTOR = """\
base_url: https://api.example.com
resources:
  people:
    list: { path: /people, method: get }
    get: { path: "/people/{{id}}", method: get }
    create: { path: /people, method: post }
    update: { path: "/people/{{id}}", method: patch }
    delete: { path: "/people/{{id}}", method: delete }
    search: { path: /search, method: post }
"""
UNIFIED = """\
resources:
  contacts:
    response_mapping:
      id: response.id
      email: response.email
    request_body_mapping: { mail: body.email }
    list: { resource: people }
    get: { resource: people, response_mapping: { name: response.name } }
    create: { resource: people }
    update: { resource: people, request_body_mapping: { id: id } }
    delete: { resource: people, response_mapping: { id: id } }
    search: { resource: people, response_mapping: null }
    events:
      created: { when: event.type = "created" }
"""
ACCOUNT = """\
connector: demo
override:
  unified:
    crm:
      contacts:
"""
RECORD = {"response": {"id": 1, "email": "a@b.c", "name": "Ann", "score": "7"}, "id": 1, "body": {"email": "a@b.c"}}


@pytest.fixture
def configured(make):
    """`configured(text)`: the configuration of an account with this override of crm.contacts (10 spaces deep)."""

    def build(override="", unified=UNIFIED, environment=""):
        files = {
            "connectors/demo/connector.yaml": CONNECTOR,
            "connectors/demo/unified/crm.yaml": unified,
            "accounts/me.yaml": ACCOUNT + override if override else "connector: demo\n",
            "environments/production.yaml": environment or "connectors: {}\n",
        }
        return make(files).effective(account="me")

    return build


def result(effective, operation, key="response_mapping"):
    layers = mapping_layers(getattr(effective.get_unified("crm", "contacts", operation), key))
    return compile_mapping(layers).apply_one(usual(RECORD)) if layers else None


def test_every_operation_but_delete_takes_the_response_mapping(configured):
    effective = configured()
    assert result(effective, "list") == result(effective, "create") == {"id": 1, "email": "a@b.c"}
    assert result(effective, "get") == {"id": 1, "email": "a@b.c", "name": "Ann"}
    assert result(effective, "delete") == {"id": 1}
    assert result(effective, "search") is None


def test_writes_and_operations_that_map_a_body_take_the_request_mapping(configured):
    effective = configured(
        unified=UNIFIED.replace("mapping: null }", "mapping: null, request_body_mapping: { q: id } }")
    )
    assert {
        name: result(effective, name, "request_body_mapping") for name in ("list", "create", "update", "search")
    } == {
        "list": None,
        "create": {"mail": "a@b.c"},
        "update": {"mail": "a@b.c", "id": 1},
        "search": {"mail": "a@b.c", "q": 1},
    }


def test_a_customers_field_is_in_every_operation(configured):
    effective = configured("        response_mapping: { score: $number(response.score) }\n")
    with_score = [name for name in ("list", "get", "create", "update") if result(effective, name)["score"] == 7]
    assert with_score == ["list", "get", "create", "update"]
    assert result(effective, "delete") == {"id": 1}
    assert result(effective, "search") is None, "its connector has opted it out"


def test_a_mapping_of_its_own_opts_an_operation_in_again(configured):
    override = "        response_mapping: { score: response.score }\n"
    override += "        search: { response_mapping: { id: response.id } }\n"
    assert result(configured(override), "search") == {"id": 1, "score": "7"}


def test_an_operation_opts_out_of_one_level(configured):
    effective = configured(
        "        response_mapping: { score: response.score }\n        list: { response_mapping: null }\n"
    )
    assert result(effective, "list") is None
    assert result(effective, "create") == {"id": 1, "email": "a@b.c", "score": "7"}


def test_null_for_the_resource_removes_what_is_below(configured):
    assert result(configured("        response_mapping: null\n"), "get") is None


def test_replace_for_the_resource_drops_what_is_below(configured):
    effective = configured("        response_mapping: { replace: { key: response.id } }\n")
    assert result(effective, "get") == result(effective, "list") == {"key": 1}


def test_base_is_what_is_below(configured):
    effective = configured("        response_mapping: { email: $uppercase($base.email) }\n")
    assert result(effective, "get") == {"id": 1, "email": "A@B.C", "name": "Ann"}


def test_the_operation_comes_after_its_resource_and_before_the_next_level(configured):
    environment = """\
connectors:
  demo:
    unified:
      crm:
        contacts:
          response_mapping: { email: "$base.email & ' 3'" }
          get: { response_mapping: { email: "$base.email & ' 4'" } }
"""
    account = "        response_mapping: { email: \"$base.email & ' 5'\" }\n"
    account += "        get: { response_mapping: { email: \"$base.email & ' 6'\" } }\n"
    unified = UNIFIED.replace("email: response.email", "email: \"'1'\"").replace(
        "{ name: response.name }", "{ email: \"'2'\" }"
    )
    effective = configured(account, unified, environment)
    assert result(effective, "get")["email"] == "2 3 4 5 6"
    assert result(effective, "list")["email"] == "1 3 5"


def test_an_operation_that_maps_pages_is_left_out(configured):
    unified = UNIFIED.replace("list: { resource: people }", "list: { resource: people, each: page }")
    assert result(configured("        response_mapping: { score: response.score }\n", unified), "list") is None


def test_an_operation_that_an_override_adds_takes_the_mapping_too(configured):
    assert result(configured("        mine: { resource: people, method: list }\n"), "mine") == {
        "id": 1,
        "email": "a@b.c",
    }


def test_an_operation_that_an_override_removes_does_not_come_back(configured):
    environment = "connectors: { demo: { unified: { crm: { contacts: { search: null } } } } }\n"
    effective = configured("        response_mapping: { score: response.score }\n", environment=environment)
    assert OperationName("unified", "crm", "contacts", "search") not in effective.operations()


def test_a_value_is_found_where_the_resource_sets_it(configured):
    effective = configured("        response_mapping: { email: $lowercase(response.email) }\n")
    path = ("unified", "crm", "contacts", "create", "response_mapping", "email")
    found = [
        (origin.level, origin.span.file, origin.span.line, origin.overridden) for origin in effective.origins(path)
    ]
    assert found == [
        ("account", "accounts/me.yaml", 6, False),
        ("base", "connectors/demo/unified/crm.yaml", 5, True),
    ]
    assert [origin.place[-1] for origin in effective.origins(path[:-2])] == ["create"], "the operation is in one file"


def test_the_names_are_no_operations(configured):
    names = {name.method for name in configured().operations() if name.kind == "unified"}
    assert names == {"list", "get", "create", "update", "delete", "search"}


def test_an_override_is_dead_only_where_it_changes_no_operation(configured):
    alive = configured("        response_mapping: { name: response.name }\n")
    assert not alive.dead(), "get has the name already, the others have not"
    idle = configured("        response_mapping: { email: response.email }\n")
    assert [(origin.path[3:], origin.span.line) for origin in idle.dead()] == [(("response_mapping", "email"), 6)]


def test_a_misspelt_mapping_of_a_resource_is_named(make):
    unified = UNIFIED.replace("    response_mapping:\n", "    respons_mapping:\n")
    workspace = make({"connectors/demo/connector.yaml": CONNECTOR, "connectors/demo/unified/crm.yaml": unified})
    file = next(file for file in workspace.files() if file.kind == "unified" and file.name == "demo/crm")
    found = validate(workspace.read(file), "unified")
    assert [(one.code, one.span.line, one.hint) for one in found if one.span] == [
        ("CFG101", 3, 'did you mean "response_mapping"?')
    ]


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "        list: { response_mapping: { email: response.mail } }\n",
            "crm.contacts: email changes in list only; get, create, update and the event created keep the old value",
        ),
        (
            "        get: { response_mapping: { email: response.mail } }\n",
            "crm.contacts: email changes in get only; list, create and update keep the old value",
        ),
        (
            "        create: { request_body_mapping: { mail: body.mail } }\n",
            "crm.contacts: mail changes in create only; update keeps the old value",
        ),
        (
            "        list: { response_mapping: '{ \"email\": response.mail }' }\n",
            "crm.contacts: the response_mapping changes in list only; get, create, update and the event created keep "
            "the old value",
        ),
        ("        response_mapping: { email: response.mail }\n", None),
        ("        search: { request_body_mapping: { q: query.q } }\n", None),
        (
            "        get: { response_mapping: { name: response.full_name } }\n        list: { query_mapping: {} }\n",
            "get",
        ),
        ("        list: { response_mapping: null }\n", None),
    ],
)
def test_an_override_of_some_operations_names_the_others(configured, override, text):
    found = [partial.text for partial in configured(override).partial_overrides()]
    if text == "get":
        text = "crm.contacts: name changes in get only; list, create and update keep the old value"
    assert found == ([text] if text else [])


def test_an_override_that_makes_an_operation_like_the_others_is_complete(configured):
    override = (
        "        list: { response_mapping: { name: response.name } }\n        create: *list\n        update: *list\n"
    )
    assert configured(override.replace("list: {", "list: &list {")).partial_overrides() == []
