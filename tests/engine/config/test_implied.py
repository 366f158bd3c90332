"""Methods and paths that follow from the name of an operation and from its resource, what only listings inherit, and
the authorization that follows from the credentials."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.auth import AuthorizationChoice, BasicAuthorization, Bearer, NoAuthorization
from conn_engine.config import OperationName, StepRequest, VendorOperation, load_workspace, vendor_operation
from conn_engine.config.implications import find_implications
from conn_engine.config.implied import METHODS, PATHS, find_path, join_id
from conn_engine.config.inheritance import find_setting_path
from conn_engine.config.operations import operation_names
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths
from conn_engine.runtime.places import find_rerouting
from conn_engine.runtime.variants import inline_operation

BUNDLED = Path(__file__).parents[3]

SHORT = """\
base_url: https://api.example.com
response_path: data
resources:
  contacts:
    path: /contacts
    list: {}
    get: {}
    create: {}
    update: { method: patch }
    delete: {}
  people:
    list: /people
    get: { path: "/persons/{{id}}" }
"""
LONG = """\
base_url: https://api.example.com
resources:
  contacts:
    list: { method: get, path: /contacts, response_path: data }
    get: { method: get, path: "/contacts/{{id}}" }
    create: { method: post, path: /contacts }
    update: { method: patch, path: "/contacts/{{id}}" }
    delete: { method: delete, path: "/contacts/{{id}}" }
  people:
    list: { method: get, path: /people, response_path: data }
    get: { method: get, path: "/persons/{{id}}" }
"""


@pytest.fixture
def configured(make):
    """`configured(text, override)`: the configuration of an account of a connector with this text."""

    def build(connector: str = SHORT, override: str = "", environment: str = "connectors: {}\n"):
        return make(
            {
                "connectors/demo/connector.yaml": connector,
                "accounts/me.yaml": f"connector: demo\n{override}",
                "environments/production.yaml": environment,
            }
        ).effective(account="me")

    return build


def operations(effective) -> dict[str, VendorOperation]:
    return {operation.text: operation for operation in effective.vendor_operations()}


def test_the_short_and_the_long_spelling_are_the_same_operations(configured):
    short, long = configured(SHORT), configured(LONG)
    assert not short.document_findings() and not short.findings
    assert operations(short) == operations(long) and len(operations(short)) == 7


NAMES = ("list", "get", "create", "update", "delete", "search")
OWN = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["get", "POST", "put", "patch", "head"]),
        "path": st.sampled_from(["/own", "/own/{{id}}"]),
        "writes": st.booleans(),
        "idempotent": st.booleans(),
        "response_path": st.sampled_from(["items", None]),
        "incremental": st.just(None),
    },
)
INCREMENTAL = {"format": "datetime", "config": {"record_cursor": "record.at", "start_param": "since"}}
HOLDER = st.fixed_dictionaries(
    {}, optional={"response_path": st.sampled_from(["data", None]), "incremental": st.sampled_from([INCREMENTAL, None])}
)


@given(
    st.dictionaries(st.sampled_from(NAMES), OWN, min_size=1),
    HOLDER,
    HOLDER,
    st.sampled_from(["/things", "/a/{{query.b ? 'c' : 'd'}}/things/", "/things.json", "/things?all=true", None]),
)
def test_what_is_implied_may_be_written(own: dict[str, Any], resource: Any, connector: Any, path: str | None) -> None:
    long: dict[str, Any] = {}
    for name, settings in own.items():
        implied = path if name in PATHS and path is not None else None
        written = {
            "method": METHODS.get(name),
            "path": join_id(implied) if implied and PATHS[name] else implied,
            **settings,
        }
        writes = settings.get("writes", str(written["method"]).upper() not in ("GET", "HEAD"))
        is_one = "{{id}}" in str(written["path"])
        for key in ("response_path", "incremental") if not writes and not is_one else ():
            holders = [holder[key] for holder in (settings, resource, connector) if key in holder]
            written[key] = holders[0] if holders else None
        long[name] = written
    short = {**connector, "resources": {"things": {**resource, "path": path, **own}}}
    for name, settings in long.items():
        if settings["method"] is None or settings["path"] is None:
            with pytest.raises(ConfigurationError, match=r"missing required field `(method|path)`"):
                vendor_operation(short, "things", name, connector="demo")
        else:
            built = vendor_operation({"resources": {"things": {name: settings}}}, "things", name, connector="demo")
            assert vendor_operation(short, "things", name, connector="demo") == built


@pytest.mark.parametrize(
    ("collection", "record"),
    [
        ("/contacts", "/contacts/{{id}}"),
        ("/contacts/", "/contacts/{{id}}/"),
        ("/contacts.json", "/contacts/{{id}}.json"),
        ("/contacts?all=true", "/contacts/{{id}}?all=true"),
        ("/a/{{query.b ? 'c' : 'd'}}/contacts?x={{y}}", "/a/{{query.b ? 'c' : 'd'}}/contacts/{{id}}?x={{y}}"),
        ("/", "/{{id}}"),
        ("", "/{{id}}"),
    ],
)
def test_the_path_of_one_record(collection: str, record: str) -> None:
    assert join_id(collection) == record


def test_a_record_is_read_without_pages_whatever_the_query(configured):
    text = SHORT.replace("path: /contacts", "path: /contacts?all=true").replace(
        "response_path: data", "pagination: { format: page }"
    )
    found = operations(configured(text))
    assert found["contacts.get"].path == "/contacts/{{id}}?all=true"
    assert [found[f"contacts.{name}"].is_listing for name in ("list", "get", "create")] == [True, False, False]
    assert type(found["contacts.get"].get_pagination()).__name__ == "NoPagination"


def test_an_override_of_the_path_moves_every_operation_without_one(configured):
    override = "override: { resources: { contacts: { path: /v2/contacts, get: { headers: { x: y } } } } }\n"
    effective = configured(SHORT, override)
    assert {name: one.path for name, one in operations(effective).items()} == {
        "contacts.list": "/v2/contacts",
        "contacts.get": "/v2/contacts/{{id}}",
        "contacts.create": "/v2/contacts",
        "contacts.update": "/v2/contacts/{{id}}",
        "contacts.delete": "/v2/contacts/{{id}}",
        "people.list": "/people",
        "people.get": "/persons/{{id}}",
    }
    path = effective.vendor("contacts", "get").get_path("path")
    assert effective.span(path).file == "accounts/me.yaml"
    assert not effective.dead()
    assert operations(configured(LONG, override))["contacts.list"].path == "/contacts", "it has a path of its own"


def test_an_override_gives_one_operation_another_path(configured):
    override = "override: { resources: { contacts: { list: /v2/contacts }, people: { list: { path: null } } } }\n"
    effective = configured(SHORT, override)
    assert operations(effective)["contacts.list"].path == "/v2/contacts"
    assert operations(effective)["contacts.get"].path == "/contacts/{{id}}"
    assert effective.span(effective.vendor("contacts", "list").get_path("path")).line == 2
    assert [(finding.code, finding.path, finding.hint) for finding in effective.findings] == [
        (
            "CFG103",
            "resources.people.list.path",
            "add `path: /people` to the resource, or a path of its own to the operation",
        )
    ]


def test_the_span_of_a_path_alone_is_its_text(configured):
    effective = configured()
    span = effective.span(effective.vendor("people", "list").get_path("path"))
    assert (span.line, span.column) == (12, 11)


# --- what only listings inherit ---

INHERITING = """\
base_url: https://api.example.com
response_path: data
incremental: { format: datetime, config: { record_cursor: record.at } }
resources:
  contacts:
    path: /contacts
    response_path: contacts
    incremental: { format: datetime, config: { start_param: since } }
    list: {}
    get: {}
    create: {}
    search: { method: post, path: /contacts/search, writes: false, response_path: null, incremental: null }
  people:
    list: /people
    export:
      method: get
      path: /export
      job: { poll: { path: /jobs/1, status: body.status, done: [done] }, download: { url: body.url } }
"""


def test_listings_inherit_where_their_records_are_and_what_is_new(configured):
    effective = configured(INHERITING)
    assert not effective.document_findings(), effective.document_findings()
    found = operations(effective)
    assert {name: one.response_path for name, one in found.items()} == {
        "contacts.list": "contacts",
        "contacts.get": None,
        "contacts.create": None,
        "contacts.search": None,
        "people.list": "data",
        "people.export": None,
    }
    assert {name for name, one in found.items() if one.incremental is not None} == {"contacts.list", "people.list"}
    settings = found["contacts.list"].incremental
    assert (settings.record_cursor, settings.start_param) == ("record.at", "since")
    assert found["contacts.list"].get_path("response_path") == ("resources", "contacts", "response_path")
    assert found["people.list"].get_path("response_path") == ("response_path",)


def test_an_override_opts_out_with_null(configured):
    override = "override: { resources: { contacts: { response_path: null, list: { incremental: null } } } }\n"
    effective = configured(INHERITING, override)
    listing = operations(effective)["contacts.list"]
    assert (listing.response_path, listing.incremental) == (None, None)
    assert not effective.dead()


# --- authorization ---

TOKENS = {"token_url": "https://api.example.com/token"}
LOGIN = {"url": "https://api.example.com/login", "method": "post"}


@pytest.mark.parametrize(
    ("credentials", "kind"),
    [
        ({"format": "bearer"}, Bearer),
        ({"format": "basic"}, BasicAuthorization),
        ({"format": "oauth2", "config": TOKENS}, Bearer),
        ({"format": "oauth2_client_credentials", "config": TOKENS}, Bearer),
        ({"format": "oauth2_password", "config": TOKENS}, Bearer),
        ({"format": "jwt_bearer", "config": TOKENS}, Bearer),
        ({"format": "session", "config": {"login": LOGIN}}, Bearer),
        ({"format": "session", "config": {"login": {**LOGIN, "response": "response.data.token"}}}, Bearer),
        ({"format": "session", "config": {"login": {**LOGIN, "response": "cookie"}}}, NoAuthorization),
        ({"format": "session", "config": {"login": LOGIN, "response": "headers.`x-token`"}}, NoAuthorization),
        ({"format": "mtls", "config": {"with": {"format": "bearer"}}}, Bearer),
        ({"format": "mtls"}, NoAuthorization),
        ({"format": "oauth1"}, NoAuthorization),
        ({"format": "api_key"}, NoAuthorization),
        ({"format": "none"}, NoAuthorization),
        (None, NoAuthorization),
    ],
)
def test_the_authorization_follows_from_the_credentials(credentials: Any, kind: type) -> None:
    data = {"credentials": credentials, "resources": {"things": {"path": "/things", "list": {}}}}
    operation = vendor_operation(data, "things", "list", connector="demo")
    assert operation.authorization == kind()
    assert operation.follows_credentials is (credentials is not None)


@pytest.mark.parametrize("level", ["connector", "resource", "operation"])
@pytest.mark.parametrize(
    "setting",
    [
        {"authorization": None},
        {"signature": None},
        {"authorization": {"format": "none"}},
        {"signature": {"format": "hmac", "config": {"content": "'x'", "headers": {"X": "{{signature}}"}}}},
    ],
)
def test_anything_that_is_set_is_a_decision(level: str, setting: dict[str, Any]) -> None:
    added = {name: setting if name == level else {} for name in ("connector", "resource", "operation")}
    resource = {"path": "/things", **added["resource"], "list": added["operation"]}
    data = {"credentials": {"format": "bearer"}, **added["connector"], "resources": {"things": resource}}
    operation = vendor_operation(data, "things", "list", connector="demo")
    assert operation.authorization == NoAuthorization() and not operation.follows_credentials


CHOICE = """\
base_url: https://api.example.com
credentials:
  format: choice
  by: context.login
  options: { token: bearer, password: basic, key: api_key }
resources: { things: { path: /things, list: {} } }
"""


@pytest.mark.parametrize(
    ("login", "kind"), [("token", Bearer), ("password", BasicAuthorization), ("key", NoAuthorization), ("", Bearer)]
)
def test_it_follows_from_the_credentials_that_an_account_chooses(configured, login: str, kind: type):
    effective = configured(CHOICE, f'context: {{ login: "{login}" }}\n')
    assert effective.vendor("things", "list").authorization == kind()
    unchosen = vendor_operation(effective.data, "things", "list", connector="demo").authorization
    assert isinstance(unchosen, AuthorizationChoice) and set(unchosen.options) == {"token", "password", "key"}


IMPLYING = """\
base_url: https://api.example.com
credentials: bearer
resources: { things: { path: /things, list: {} } }
"""


@pytest.mark.parametrize("key", ["authorization", "signature"])
def test_a_null_of_an_override_is_a_decision(configured, key: str):
    for at in (f"{{ {key}: null }}", f"{{ resources: {{ things: {{ {key}: null }} }} }}"):
        effective = configured(IMPLYING, f"override: {at}\n")
        assert effective.vendor("things", "list").authorization == NoAuthorization()
        assert not effective.dead() and not effective.findings
    removed = configured(
        IMPLYING.replace("resources", "authorization: bearer\nresources"), "override: { authorization: null }\n"
    )
    assert removed.vendor("things", "list").authorization == NoAuthorization()


def test_an_override_may_write_what_follows(configured):
    effective = configured(IMPLYING, "override: { authorization: bearer }\n")
    assert not effective.findings and effective.vendor("things", "list").authorization == Bearer()


@pytest.mark.parametrize(
    ("before", "after"),
    [("credentials: bearer", "api_key"), ("credentials: api_key", "bearer"), ("label: none", "basic")],
)
def test_an_override_of_the_credentials_sends_no_secret_in_another_place(configured, before: str, after: str):
    effective = configured(IMPLYING.replace("credentials: bearer", before), f"override: {{ credentials: {after} }}\n")
    codes = {finding.code for finding in effective.findings}
    assert ("SEC113" in codes) is (after != "api_key"), effective.findings


# --- everything that reads the configuration ---

OWN_TOKEN = """\
base_url: https://api.example.com
credentials: bearer
resources:
  things:
    path: /things
    list: { authorization: bearer }
    get: { path: "/other/{{id}}" }
"""


def test_an_override_does_not_move_a_request_with_its_own_authorization_by_the_path_of_its_resource(configured):
    effective = configured(OWN_TOKEN, "override: { resources: { things: { path: /echo } } }\n")
    assert [(finding.code, finding.path) for finding in effective.findings] == [("SEC113", "resources.things.path")]
    elsewhere = OWN_TOKEN.replace("authorization: bearer", "path: /own, authorization: bearer")
    assert not configured(elsewhere, "override: { resources: { things: { path: /echo } } }\n").findings


def test_a_step_and_a_job_do_not_inherit_where_records_are(configured):
    effective = configured(INHERITING)
    operation = inline_operation(effective, StepRequest(path="/step"))
    assert (operation.response_path, operation.incremental) == (None, None)
    assert inline_operation(configured(IMPLYING), StepRequest(path="/step")).authorization == Bearer()


@pytest.mark.parametrize("name", load_workspace(BUNDLED).connectors())
def test_the_bundled_connectors_mean_the_same_in_both_spellings(name: str):
    data = load_workspace(BUNDLED).effective(account=None, connector=name).data
    long, short = copy.deepcopy(data), copy.deepcopy(data)
    places = [place for place in operation_names(data) if place.kind == "vendor"]
    for place in places:
        operation = long["resources"][place.resource][place.method]
        operation["path"] = find_path(place.method, operation, long["resources"][place.resource])
        operation.setdefault("method", METHODS.get(place.method))
    for resource, operations_ in long["resources"].items():
        if "path" in operations_:
            del operations_["path"]
        elif "list" in operations_:
            short["resources"][resource]["path"] = operations_["list"]["path"]
    for place in places:
        written, resource = long["resources"][place.resource][place.method], short["resources"][place.resource]
        operation = resource[place.method]
        if METHODS.get(place.method) == written["method"].lower():
            operation.pop("method", None)
        if find_path(place.method, {}, resource) == written["path"]:
            operation.pop("path", None)
    assert long != short
    for place in places:
        built = [vendor_operation(one, place.resource, place.method, connector=name) for one in (data, long, short)]
        assert built[0] == built[1] == built[2]


def test_names_of_an_implied_path_and_of_an_inherited_window_are_known(tmp_path):
    connector = """\
base_url: https://api.example.com
resources:
  contacts:
    path: "/companies/{{company}}/contacts"
    incremental: { format: datetime, record_cursor: at }
    query: { since: "{{window.start}}" }
    list: { query: { c: "{{company}}" } }
    update: { method: patch, body: { c: "{{company}}", w: "{{window.start}}" } }
  people:
    list: { method: get, path: /people, query: { since: "{{window.start}}" } }
"""
    (tmp_path / "connectors/demo").mkdir(parents=True)
    (tmp_path / "connectors/demo/connector.yaml").write_text(connector, encoding="utf-8")
    (tmp_path / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    found = [(finding.code, finding.path) for finding in lint_paths(tmp_path, []).findings]
    assert found == [("EXP103", "resources.people.list.query.since")]


def test_the_nearest_setting_of_an_inherited_strategy_is_found(configured):
    effective = configured(INHERITING)
    place = ("resources", "contacts", "list")
    found = [
        find_setting_path(effective.data, place, "incremental", "config", key)
        for key in ("record_cursor", "start_param", "end_param")
    ]
    assert found == [
        ("incremental", "config", "record_cursor"),
        ("resources", "contacts", "incremental", "config", "start_param"),
        (*place, "incremental", "config", "end_param"),
    ]
    assert [effective.span(path).line for path in found[:2]] == [3, 8]


def test_a_change_of_a_path_that_is_implied_is_a_rerouting(configured):
    name = OperationName("vendor", "", "contacts", "get")
    origin = find_rerouting(configured(SHORT, "override: { resources: { contacts: { path: /v2 } } }\n"), name)
    assert origin is not None and origin.path == ("resources", "contacts", "path")
    assert find_rerouting(configured(LONG, "override: { resources: { contacts: { path: /v2 } } }\n"), name) is None


def test_what_follows_is_found_for_reports(configured):
    text = SHORT.replace("response_path", "credentials: basic\nresponse_path")
    effective = configured(text, "override: { resources: { contacts: { path: /v2 } } }\n")
    found = find_implications(effective, OperationName("vendor", "", "contacts", "update"))
    assert [(one.key, one.value, one.reason) for one in found] == [
        ("path", "/v2/{{id}}", "resources.contacts.path"),
        ("authorization", {"format": "basic"}, "the credentials"),
    ]
    assert [one.key for one in find_implications(effective, None)] == ["authorization"]


@pytest.mark.parametrize("credentials", ["bearer", "api_key"])
def test_a_credential_that_follows_needs_a_host(configured, credentials: str):
    text = IMPLYING.replace("credentials: bearer", f"credentials: {credentials}")
    anywhere = text.replace("https://api.example.com", '"{{context.url}}"')
    unlisted = f"hosts: [www.example.org]\n{text}"
    found = [{finding.code for finding in configured(one).findings} for one in (anywhere, unlisted)]
    assert found == ([{"SEC112"}, {"SEC160"}] if credentials == "bearer" else [set(), set()])
