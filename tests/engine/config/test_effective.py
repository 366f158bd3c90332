"""The effective configuration: levels merged, operations resolved, origins reported."""

from typing import Any

import pytest
from evaluating import usual

from conn_engine.config import Layers, mapping_layers
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.pagination import Cursor, NoPagination, PageNumber
from conn_engine.runtime.variants import to_base_level

LIST = ("unified", "crm", "contacts", "list")


def test_the_example_loads_as_it_stands(make: Any) -> None:
    effective = make({}).effective(account=None, connector="hubspot", environment="production")
    effective.check()
    connector = effective.connector
    assert connector.base_url == "https://api.hubspot.com"
    assert isinstance(connector.pagination, Cursor)
    assert connector.pagination.cursor_field == "paging.next.after"
    operation = effective.vendor("contacts", "list")
    assert (operation.method, operation.path) == ("GET", "/crm/v3/objects/contacts")
    assert (operation.response_path, operation.writes, operation.idempotent) == ("results", False, True)
    create = effective.vendor("contacts", "create")
    assert (create.method, create.writes, create.idempotent) == ("POST", True, False)
    assert effective.hosts == ("api.hubspot.com",)
    assert effective.env_names == ("CLIENT_ID",)


def test_three_levels(make: Any) -> None:
    effective = make({}).effective(account="acme")
    assert (effective.connector_name, effective.account, effective.environment) == (
        "hubspot",
        "acme",
        "production",
    )
    assert effective.context == {"region": "eu"}
    operation = effective.vendor("contacts", "list")
    assert operation.headers == {"x-env": "production"}
    assert isinstance(operation.pagination, Cursor)
    assert (operation.pagination.cursor_field, operation.pagination.size) == ("paging.next.after", 50)
    assert operation.pagination.size_param == "limit"
    unified = effective.get_unified("crm", "contacts", "list")
    assert unified is not None
    assert unified.response_mapping == {
        "id": "response.id",
        "email": "$uppercase(response.properties.email)",
        "first_name": "response.properties.firstname",
    }


def test_origins_of_an_overridden_field(make: Any) -> None:
    origins = make({}).effective(account="acme").origins((*LIST, "response_mapping", "email"))
    assert [(o.level, o.span.file, o.span.line, o.value, o.overridden) for o in origins] == [
        ("account", "accounts/acme.yaml", 10, "$uppercase(response.properties.email)", False),
        ("base", "connectors/hubspot/unified/crm.yaml", 7, "response.properties.email", True),
    ]


def test_origins_of_a_key_written_as_alias(make: Any) -> None:
    effective = make({}).effective(account="acme")
    (origin,) = effective.origins(("pagination", "config", "size_param"))
    assert (origin.level, origin.key_span.line, origin.key_span.column) == ("environment", 4, 39)
    assert origin.place == ("connectors", "hubspot", "pagination", "config", "size_param")
    assert origin.value == "limit"


def test_every_leaf_has_an_origin(make: Any) -> None:
    effective = make({}).effective(account="acme")
    found = effective.provenance()
    assert {".".join(map(str, path[:1])) for path in found} == {
        "base_url", "credentials", "authorization", "pagination", "resources", "headers", "unified",
    }  # fmt: skip
    for origin in found.values():
        assert origin.document.text.splitlines()[origin.span.line - 1]


def test_an_expression_over_fields_is_kept_in_layers(make: Any) -> None:
    account = """\
connector: hubspot
override:
  unified: { crm: { contacts: { list: { response_mapping: '{"score": response.properties.score}' } } } }
"""
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    unified = effective.get_unified("crm", "contacts", "list")
    assert unified is not None
    assert isinstance(unified.response_mapping, Layers)
    assert mapping_layers(unified.response_mapping)[1] == '{"score": response.properties.score}'
    assert [o.level for o in effective.origins((*LIST, "response_mapping"))] == ["account", "base"]


def test_everything_of_a_unified_operation_can_be_overridden(make: Any) -> None:
    account = """\
connector: hubspot
override:
  resources:
    contacts:
      search: { method: post, path: /crm/v3/objects/contacts/search, writes: false, response_path: results }
  unified:
    crm:
      contacts:
        list:
          resource: contacts
          method: "{{ query.email ? 'search' : 'list' }}"
          each: page
          before:
            - { name: owner, request: { path: "/owners/{{id}}" }, when: $exists(id) }
            - { name: flag, transform: "'x'" }
          after: [{ name: more, request: { resource: contacts, method: get, id: "{{response.id}}" } }]
"""
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    effective.check()
    unified = effective.get_unified("crm", "contacts", "list")
    assert unified is not None
    assert unified.method == "{{ query.email ? 'search' : 'list' }}"
    assert [step.name for step in unified.before] == ["owner", "flag"]
    assert unified.after[0].request is not None and unified.after[0].request.method == "get"
    search = effective.vendor("contacts", "search")
    assert (search.writes, search.idempotent) == (False, False)


def test_unified_operations_fill_in_their_names(make: Any) -> None:
    effective = make({}).effective(account="acme")
    companies = effective.get_unified("crm", "companies", "list")
    assert companies is not None
    assert (companies.resource, companies.method, companies.record) == ("contacts", "list", "company")
    assert effective.get_unified("crm", "contacts", "delete") is None
    assert effective.get_unified("crm", "contacts", "record") is None


INHERITING = """\
base_url: https://a.example.com
headers: { a: "1", b: "1" }
pagination: { format: cursor, config: { cursor_path: next, size: 10, size_param: n } }
errors: [{ when: status = 1, then: ok }]
resources:
  things:
    base_url: https://b.example.com
    headers: { b: "2", c: "2" }
    errors: [{ when: status = 2, then: ok }]
    list:
      method: GET
      path: /things
      headers: { c: null, d: "3" }
      errors: [{ when: status = 3, then: ok }]
      pagination: { format: cursor, config: { size: 5 } }
      timeout_seconds: 7
    all: { method: get, path: /all, pagination: { format: page } }
    one: { method: get, path: /one, pagination: null, errors: null }
"""


def test_inheritance(make: Any) -> None:
    workspace = make({"connectors/hubspot/connector.json": None, "connectors/x/connector.yaml": INHERITING})
    effective = workspace.effective(account=None, connector="x")
    effective.check()
    operation = effective.vendor("things", "list")
    assert operation.base_url == "https://b.example.com"
    assert operation.headers == {"a": "1", "b": "2", "d": "3"}
    assert [rule.when for rule in operation.errors] == ["status = 3", "status = 2", "status = 1"]
    assert isinstance(operation.pagination, Cursor)
    assert (operation.pagination.cursor_field, operation.pagination.size) == ("next", 5)
    assert operation.timeout_seconds == 7
    assert operation.get_path("pagination") == ("resources", "things", "list", "pagination")
    assert operation.get_path("base_url") == ("resources", "things", "base_url")
    assert operation.get_path("path") == ("resources", "things", "list", "path")
    assert isinstance(effective.vendor("things", "all").pagination, PageNumber)
    one = effective.vendor("things", "one")
    assert isinstance(one.pagination, NoPagination)
    assert one.errors == ()
    assert one.timeout_seconds == 30
    assert effective.hosts == ("a.example.com", "b.example.com")


def test_names(make: Any) -> None:
    ticketing = "resources:\n  contacts:\n    list: { response_mapping: { id: response.id } }\n"
    effective = make({}).effective(account="acme")
    assert effective.resolve("contacts.list").text == "crm.contacts.list"
    assert effective.resolve("crm.contacts.list").kind == "unified"
    assert effective.resolve("hubspot:contacts.list").kind == "vendor"
    assert effective.resolve("contacts.list", raw=True).kind == "vendor"
    assert effective.resolve("contacts.create").kind == "vendor"
    assert [name.text for name in effective.operations()] == [
        "crm.contacts.list",
        "crm.companies.list",
        "contacts.list",
        "contacts.get",
        "contacts.create",
    ]
    two = make({"connectors/hubspot/unified/ticketing.yaml": ticketing}).effective(account="acme")
    with pytest.raises(UsageError, match=r"ambiguous: crm\.contacts\.list, ticketing\.contacts\.list"):
        two.resolve("contacts.list")
    for text, hint in (
        ("contcts.list", "contacts.list"),
        ("crm.contact.list", "crm.contacts.list"),
        ("x:a.b", ""),
    ):
        with pytest.raises(UsageError) as caught:
            effective.resolve(text)
        assert hint in caught.value.hint
    with pytest.raises(UsageError):
        effective.vendor("contacts", "headers")


def test_dead_overrides(make: Any) -> None:
    account = """\
connector: hubspot
override:
  base_url: https://api.hubspot.com
  headers: { x-env: production, other: "1" }
  label: null
"""
    dead = make({"accounts/acme.yaml": account}).effective(account="acme").dead()
    assert [(origin.path, origin.span.line) for origin in dead] == [
        (("base_url",), 3),
        (("headers", "x-env"), 4),
        (("label",), 5),
    ]


@pytest.mark.parametrize(
    ("override", "code", "line", "column", "message"),
    [
        ("pagination: { config: { cursr_field: x } }", "CFG101", 3, 27, 'unknown key "cursr_field"'),
        ("resources: { contacts: { lst: { query: { a: 1 } } } }", "CFG103", 3, 28, 'missing key "method"'),
        ("pagination: { config: { cursor_field: null } }", "CFG104", 3, 15, "needs `cursor_field`"),
        (
            "unified: { crm: { contacts: { list: { before: [{ name: a, request: { id: 1 } }] } } } }",
            "CFG104",
            3,
            70,
            "either `resource` and `method`, or `path`",
        ),
        (
            "unified: { crm: { contacts: { list: { after: [{ name: a }] } } } }",
            "CFG104",
            3,
            49,
            "a step needs `request` or `transform`",
        ),
        ("pagination: { config: { size: many } }", "CFG102", 3, 33, "expected int"),
        (
            "pagination: { format: page, config: { cursor_field: x } }",
            "CFG101",
            3,
            41,
            'unknown key "cursor_field"',
        ),
    ],
)
def test_faults_that_only_levels_together_show(  # noqa: PLR0917
    make: Any, override: str, code: str, line: int, column: int, message: str
) -> None:
    text = f"connector: hubspot\noverride:\n  {override}\n"
    effective = make({"accounts/acme.yaml": text}).effective(account="acme")
    with pytest.raises(ConfigurationError) as caught:
        effective.check()
    (finding,) = caught.value.findings
    assert finding.span is not None
    assert (finding.code, finding.span.file) == (code, "accounts/acme.yaml")
    assert message in finding.message
    assert (finding.span.line, finding.span.column) == (line, column)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (
            "{ email: $uppercase(response.properties.email) }",
            {"id": "1", "email": "A@X", "first_name": "Ann"},
        ),
        ("{ score: '5' }", {"id": "1", "email": "a@x", "first_name": "Ann", "score": 5}),
        ("{ email: $uppercase($base.email) }", {"id": "1", "email": "A@X", "first_name": "Ann"}),
        ("{ email: null }", {"id": "1", "first_name": "Ann"}),
        (
            '\'{"email": $base.email & "!", "n": 1}\'',
            {"id": "1", "email": "a@x!", "first_name": "Ann", "n": 1},
        ),
        ("{ replace: { id: response.id } }", {"id": "1"}),
        ("{ replace: '{\"x\": response.id}' }", {"x": "1"}),
        ("null", None),
    ],
)
def test_what_composed_mappings_give(make: Any, mapping: str, expected: Any) -> None:
    from conn_engine import expressions

    account = f"""\
connector: hubspot
override:
  unified: {{ crm: {{ contacts: {{ list: {{ response_mapping: {mapping} }} }} }} }}
"""
    unified = make({"accounts/acme.yaml": account}).effective(account="acme").get_unified("crm", "contacts", "list")
    layers = mapping_layers(unified.response_mapping)
    if expected is None:
        assert layers == []
        return
    response = {"id": "1", "properties": {"email": "a@x", "firstname": "Ann"}}
    assert expressions.compile_mapping(layers).apply_one(usual(response=response)) == expected


def test_the_expressions_of_the_connector_itself(make: Any) -> None:
    """A value that an override sets is not among them, unless it is the same."""
    found = make({}).effective(account="acme").base_expressions
    assert {"response.id", "response.properties.email", "query.limit", "env.CLIENT_ID", "id"} <= found
    assert "$uppercase(response.properties.email)" not in found


def test_error_rules_of_the_levels_add_up(make: Any) -> None:
    """At each place an upper level's come first; null forgets those below; each rule stands in its own document."""
    account = """\
connector: x
override:
  errors: [{ when: status = 6, then: ok }]
  resources:
    things:
      list: { errors: [{ when: status = 3, then: ok }] }
      one: { errors: [{ when: status = 7, then: ok }] }
"""
    environment = (
        "connectors: { x: { errors: [{ when: status = 5, then: ok }], resources: { things: { errors: null } } } }\n"
    )
    workspace = make(
        {
            "connectors/hubspot/connector.json": None,
            "connectors/x/connector.yaml": INHERITING,
            "environments/production.yaml": environment,
            "accounts/me.yaml": account,
        }
    )
    effective = workspace.effective(account="me")
    rules = {name: [rule.when for rule in effective.vendor("things", name).errors] for name in ("list", "all", "one")}
    assert rules["all"] == []
    assert rules["list"] == ["status = 3", "status = 3"]
    assert [rule["when"] for rule in effective.data["errors"]] == ["status = 6", "status = 5", "status = 1"]
    files = [effective.origins(("errors", index, "when"))[0].span.file for index in range(3)]
    assert files == ["accounts/me.yaml", "environments/production.yaml", "connectors/x/connector.yaml"]
    assert effective.origins(("errors", 3)) == []
    assert not any(origin.overridden for origin in effective.origins(("errors",)))
    assert [origin.path for origin in effective.dead()] == [("resources", "things", "list", "errors")]
    effective.check()


class TestDefaultsOfFields:
    """`fields[].default` is the value of an account that says none."""

    FIELDS = (
        '"fields": [{"name": "region", "default": "us", "options": ["us", "eu"]}, {"name": "cell", "default": 3}], '
        '"base_url": "https://{{context.region}}-{{context.cell}}.hubspot.com",'
    )

    @pytest.fixture
    def told(self, make: Any, example: str) -> Any:
        def build(**accounts: str) -> Any:
            texts = {
                f"accounts/{name}.yaml": f"connector: hubspot\ncontext: {text}\n" for name, text in accounts.items()
            }
            connector = example.replace('"base_url": "https://api.hubspot.com",', self.FIELDS)
            return make({"connectors/hubspot/connector.json": connector, **texts})

        return build

    def test_an_account_has_them_where_it_says_none(self, told: Any) -> None:
        workspace = told(one="{}", other="{ region: eu }", empty="{ region: null }")
        contexts = [workspace.effective(account=name).context for name in ("one", "other", "empty")]
        assert contexts == [{"region": "us", "cell": 3}, {"region": "eu", "cell": 3}, {"region": "us", "cell": 3}]
        assert workspace.effective(account=None, connector="hubspot").context == {"region": "us", "cell": 3}

    def test_they_hold_in_another_context_and_with_other_layers(self, told: Any) -> None:
        effective = told(other="{ region: eu }").effective(account="other")
        assert effective.in_context({"cell": 4}).context == {"region": "us", "cell": 4}
        assert effective.with_layers(effective.layers[:1]).context == {"region": "eu", "cell": 3}
        assert to_base_level(effective).context == {"region": "us", "cell": 3}

    def test_what_a_log_in_found_out_goes_before_them(self, told: Any) -> None:
        effective = told(other="{ region: eu }").effective(account="other")
        for variant in (effective, effective.with_layers(effective.layers)):
            variant.learn({"region": "us", "cell": 5})
            assert variant.context == {"region": "eu", "cell": 5}

    def test_the_hosts_of_a_stored_credential_are_made_with_them(self, told: Any) -> None:
        assert "us-3.hubspot.com" in told(one="{}").effective(account="one").issued_hosts()

    def test_an_override_sets_none(self, make: Any) -> None:
        fields = "fields: [{ name: region, default: eu }]"
        workspace = make({"environments/production.yaml": f"connectors: {{ hubspot: {{ {fields} }} }}\n"})
        assert workspace.effective(account=None, connector="hubspot", environment="production").context == {}


TWO_FAULTS = """\
connector: hubspot
override:
  resources:
    contacts:
      get: { method: fetch }
      create: { respons_path: a }
  unified: { crm: { companies: { list: { method: [] } } } }
"""


def test_a_fault_of_one_operation_concerns_no_other(make: Any) -> None:
    effective = make({"accounts/acme.yaml": TWO_FAULTS}).effective(account="acme")
    assert effective.connector.base_url == "https://api.hubspot.com"
    effective.check_shared()
    for name in effective.operations():
        if name.text in ("contacts.list", "crm.contacts.list"):
            effective.check_operation(name)
            continue
        with pytest.raises(ConfigurationError) as caught:
            effective.check_operation(name)
        line = {"contacts.get": 5, "contacts.create": 6, "crm.companies.list": 7}[name.text]
        assert {finding.span.line for finding in caught.value.findings if finding.span} == {line}
    with pytest.raises(ConfigurationError, match="fetch"):
        effective.vendor("contacts", "get")
    assert effective.vendor("contacts", "list").path == "/crm/v3/objects/contacts"


def test_a_misspelt_setting_of_a_resource_concerns_its_operations(make: Any) -> None:
    text = "connector: hubspot\noverride: { resources: { contacts: { timeout_second: 5 } } }\n"
    effective = make({"accounts/acme.yaml": text}).effective(account="acme")
    effective.check_shared()
    with pytest.raises(ConfigurationError) as caught:
        effective.vendor("contacts", "list")
    assert caught.value.findings[0].code == "CFG101"
    assert "timeout_seconds" in caught.value.hint


def test_a_fault_of_webhooks_concerns_no_operation(make: Any) -> None:
    text = "connector: hubspot\noverride: { webhooks: { verify: 5 } }\n"
    effective = make({"accounts/acme.yaml": text}).effective(account="acme")
    assert effective.vendor("contacts", "list").method == "GET"
    assert effective.connector.credentials is not None
    with pytest.raises(ConfigurationError):
        effective.check_shared()


def test_another_format_overrides_the_settings_of_the_levels_below(make: Any) -> None:
    account = "connector: hubspot\noverride: {pagination: {format: page, page_param: p}}\n"
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    origins = effective.origins(("pagination", "config", "size"))
    assert [(o.level, o.path[-1], o.value, o.overridden) for o in origins] == [
        ("account", "format", "page", False),
        ("environment", "size", 50, True),
    ]
    assert effective.origins(("pagination", "config", "nothing")) == []
    own = effective.origins(("pagination", "config", "page_param"))
    assert [(o.level, o.overridden) for o in own] == [("account", False)]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("{first_name: null, name: $base.first_name & ' Esq.'}", ["name"]),
        ("{first_name: null, name: $base.email}", []),
        ("{first_name: null, all: $string($base)}", ["all"]),
        ("{replace: {first_name: null, all: $string($base)}}", []),
    ],
)
def test_a_value_that_is_read_through_base_has_readers(make: Any, mapping: str, expected: list[str]) -> None:
    override = f"unified: {{crm: {{contacts: {{list: {{response_mapping: {mapping}}}}}}}}}"
    account = f"connector: hubspot\noverride: {{{override}}}\n"
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    path = ("unified", "crm", "contacts", "list", "response_mapping", "first_name")
    assert [origin.overridden for origin in effective.origins(path)] == [False, True]
    assert [[one[-1] for one in paths] for paths in effective.find_base_readers(path)] == [[], expected]


def test_only_the_level_that_still_sees_a_value_reads_it(make: Any) -> None:
    def level(mapping: str) -> str:
        return f"unified: {{crm: {{contacts: {{list: {{response_mapping: {mapping}}}}}}}}}"

    files = {
        "environments/production.yaml": f"connectors: {{hubspot: {{{level('{first_name: context.name}')}}}}}\n",
        "accounts/acme.yaml": "connector: hubspot\noverride: "
        f"{{{level('{first_name: null, name: $base.first_name}')}}}\n",
    }
    effective = make(files).effective(account="acme")
    path = ("unified", "crm", "contacts", "list", "response_mapping", "first_name")
    assert [(origin.level, origin.overridden) for origin in effective.origins(path)] == [
        ("account", False),
        ("environment", True),
        ("base", True),
    ]
    assert [[one[-1] for one in paths] for paths in effective.find_base_readers(path)] == [[], ["name"], []]


FILTERED = {
    "connectors/hubspot/connector.json": None,
    "connectors/hubspot/connector.yaml": "base_url: https://api.hubspot.com\nresources:\n  contacts:\n"
    "    list: { method: get, path: /c, record_filter: record.a or record.b }\n    open: { method: get, path: /o }\n",
}


def make_filters(make: Any, method: str, *texts: str | None) -> Any:
    """A connector whose environment and account set filters."""
    levels = [
        "{}" if text is None else f"{{resources: {{contacts: {{{method}: {{record_filter: {text}}}}}}}}}"
        for text in texts
    ]
    files = {
        **FILTERED,
        "environments/production.yaml": f"connectors: {{hubspot: {levels[0]}}}\n",
        "accounts/acme.yaml": f"connector: hubspot\noverride: {levels[1]}\n",
    }
    return make(files).effective(account="acme")


@pytest.mark.parametrize(
    ("method", "texts", "expected"),
    [
        ("list", (None, "$base and record.c"), "(record.a or record.b) and record.c"),
        ("list", ("$base and record.c", "$base or record.d"), "((record.a or record.b) and record.c) or record.d"),
        ("list", ("record.c", "$not($base)"), "$not((record.c))"),
        ("list", (None, "record.c = '$base'"), "record.c = '$base'"),
        ("list", (None, "$basement and $base"), "$basement and (record.a or record.b)"),
        ("open", (None, "$base and record.c"), "(true) and record.c"),
        ("open", ("record.c", "$base and record.d"), "(record.c) and record.d"),
    ],
)
def test_base_in_a_filter_is_the_filter_below(make: Any, method: str, texts: Any, expected: str) -> None:
    assert make_filters(make, method, *texts).vendor("contacts", method).record_filter == expected


def test_a_filter_that_base_reads_is_not_overridden(make: Any) -> None:
    path = ("resources", "contacts", "list", "record_filter")
    for text, overridden in (("$base and record.c", False), ("record.c", True)):
        origins = make_filters(make, "list", None, text).origins(path)
        assert [(origin.level, origin.overridden) for origin in origins] == [("account", False), ("base", overridden)]
