"""Overrides are never silent: each that has no effect, or a partial one, or drops something is found, with its fix."""

from typing import Any

import pytest

CONNECTOR = """\
base_url: https://api.example.com
headers: { X-Version: "1" }
pagination: { format: page, size: 100, size_param: limit, page_param: p }
resources:
  contacts:
    list: { method: get, path: /contacts, record_filter: record.active, headers: { X-Version: "2" } }
    get: { method: get, path: "/contacts/{{id}}" }
  deals:
    list: { method: get, path: /deals, pagination: { size: 10 } }
    search: { method: post, path: /search, writes: false, pagination: { format: offset, offset_param: o } }
"""
CRM = """\
resources:
  contacts:
    list:
      before: [{ name: one, transform: "1" }, { name: two, transform: "2" }]
      response_mapping: { id: response.id }
"""


def find(make: Any, override: str, connector: str = CONNECTOR, **files: str) -> list[tuple[str, str, str]]:
    """Code, message and fix of what is found of an account's override, one line of YAML."""
    effective = load(make, override, connector, **files)
    return [(finding.code, finding.message, finding.hint) for finding in effective.find_ineffective_overrides()]


def load(make: Any, override: str, connector: str = CONNECTOR, **files: str) -> Any:
    texts = {
        "connectors/shop/connector.yaml": connector,
        "connectors/shop/unified/crm.yaml": CRM,
        "environments/production.yaml": "connectors: {}\n",
        "accounts/me.yaml": f"connector: shop\noverride: {override}\n",
        "accounts/acme.yaml": None,
    }
    return make({**texts, **files}).effective(account="me")


def test_an_override_that_works_is_not_reported(make: Any) -> None:
    assert find(make, "{timeout_seconds: 5, headers: {X-Other: a}}") == []
    assert find(make, "{resources: {contacts: {list: {headers: {X-Version: '3'}}}}}") == []
    assert find(make, "{resources: {contacts: {headers: {X-Other: a}}}}") == []


def test_a_page_size_that_each_listing_sets_has_no_effect(make: Any) -> None:
    connector = CONNECTOR.replace("record_filter: record.active", "pagination: { size: 7 }")
    assert find(make, "{pagination: {size: 50}}", connector) == [
        (
            "CFG160",
            "pagination.config.size has no effect: contacts.list, deals.list and deals.search set their own pagination",
            "set resources.contacts.list.pagination.config.size: 50, "
            "resources.deals.list.pagination.config.size: 50 and "
            "resources.deals.search.pagination.config.size: 50 instead",
        )
    ]


def test_a_page_size_that_some_listings_set_is_information(make: Any) -> None:
    (finding,) = load(make, "{pagination: {size: 50}}").find_ineffective_overrides()
    assert finding.severity.name == "INFO"
    assert finding.message == (
        "pagination.config.size has no effect in deals.list and deals.search, which set their own pagination"
    )


@pytest.mark.parametrize(
    ("override", "setting", "operations"),
    [
        ("{headers: {X-Version: '3'}}", "headers.X-Version", "contacts.list"),
        ("{resources: {contacts: {headers: {X-Version: '3'}}}}", "headers.X-Version", "contacts.list"),
        ("{headers: {X-Version: '3', X-Other: a}}", "headers.X-Version", "contacts.list"),
    ],
)
def test_headers_and_resources_count(make: Any, override: str, setting: str, operations: str) -> None:
    found = [message for code, message, _ in find(make, override) if code == "CFG160"]
    assert [setting in message and f"{operations}, which" in message for message in found] == [True]


def test_the_level_above_hides_nothing_that_it_sets_itself(make: Any) -> None:
    environment = "connectors: {shop: {resources: {contacts: {list: {timeout_seconds: 9}}}}}\n"
    found = find(make, "{timeout_seconds: 5}", **{"environments/production.yaml": environment})
    assert [message for _, message, _ in found] == [
        "timeout_seconds has no effect in contacts.list, which sets its own timeout_seconds"
    ]


def test_defaults_of_fields_are_those_of_the_connector(make: Any) -> None:
    connector = f"fields: [{{ name: region, default: eu }}]\n{CONNECTOR}"
    assert find(make, "{fields: [{name: region, default: eu}, {name: plan, default: basic}]}", connector) == [
        (
            "CFG160",
            "the default of plan has no effect: only the connector sets defaults of fields",
            "set the value in the account: context: {plan: …}",
        )
    ]


def test_disabled_operations_do_not_count(make: Any) -> None:
    connector = CONNECTOR.replace("path: /deals,", "path: /deals, enabled: false,")
    override = "{pagination: {size: 50}, resources: {deals: {search: {enabled: false}}}}"
    assert find(make, override, connector) == []


def test_a_filter_that_drops_the_one_below(make: Any) -> None:
    def override(text: str) -> str:
        return f"{{resources: {{contacts: {{list: {{record_filter: {text}}}}}}}}}"

    place = "resources.contacts.list.record_filter"
    message = f"{place} drops the filter of the level below: record.active"
    assert find(make, override("record.email")) == [("CFG161", message, "to apply both, write $base and record.email")]
    assert find(make, override("record.a or record.b")) == [
        ("CFG161", message, "to apply both, write $base and (record.a or record.b)")
    ]
    assert find(make, override("$base and record.email")) == []
    assert find(make, override("null")) == []


def test_steps_that_a_list_drops(make: Any) -> None:
    def override(steps: str) -> str:
        return f"{{unified: {{crm: {{contacts: {{list: {{before: {steps}}}}}}}}}}}"

    assert find(make, override("[{name: one, transform: '3'}]")) == [
        (
            "CFG161",
            "crm.contacts.list.before drops the step two of the level below",
            "repeat the step two, because a list replaces a list",
        )
    ]
    assert find(make, override("[]")) == []
    assert find(make, override("[{name: two, transform: '2'}, {name: one, transform: '1'}]")) == []


def test_another_format_that_drops_settings_it_has_too(make: Any) -> None:
    flat = "{pagination: {format: offset, offset_param: o}}"
    found = [row for row in find(make, flat) if row[0] == "CFG162"]
    assert found == [
        (
            "CFG162",
            "pagination changes its format from page to offset, without size and size_param of the level below",
            'repeat size: 100 and size_param: "limit" in pagination, or set them to null',
        )
    ]
    kept = "{pagination: {format: offset, offset_param: o, size: 20, size_param: null}}"
    assert "CFG162" not in [code for code, _, _ in find(make, kept)]
    assert "CFG162" not in [code for code, _, _ in find(make, "{pagination: {format: page, size: 1}}")]


def test_a_format_of_an_operation_drops_what_it_inherits(make: Any) -> None:
    found = find(make, "{resources: {contacts: {list: {pagination: {format: offset, offset_param: o}}}}}")
    assert [(code, message) for code, message, _ in found] == [
        (
            "CFG162",
            "resources.contacts.list.pagination changes its format from page to offset, without size and size_param of "
            "the level below",
        )
    ]


def test_values_of_credentials_are_not_shown(make: Any) -> None:
    connector = f"credentials: {{ format: oauth2, client_id: visible, token_url: https://a.example/t }}\n{CONNECTOR}"
    found = find(make, "{credentials: {format: oauth2_client_credentials}}", connector)
    assert "client_id" in str(found)
    assert "visible" not in str(found)


@pytest.mark.parametrize(
    ("override", "message", "fix"),
    [
        (
            "{resources: {contcts: {list: {headers: {a: b}}}}}",
            'the connector has no resource "contcts"',
            'did you mean "contacts"?',
        ),
        (
            "{resources: {contacts: {lst: {headers: {a: b}}}}}",
            'contacts has no operation "lst"',
            'did you mean "list"?',
        ),
        (
            "{unified: {contacts: {response_mapping: {score: response.s}}}}",
            'the connector has no unified model "contacts"',
            'did you mean "crm.contacts"?',
        ),
        (
            "{unified: {contacts: {list: {path: /x}}}}",
            'the connector has no unified model "contacts"',
            'did you mean "resources.contacts"?',
        ),
        (
            "{unified: {deals: {list: {response_mapping: {id: response.s}}}}}",
            'the connector has no unified model "deals"',
            'did you mean "resources.deals"?',
        ),
        (
            "{unified: {crn: {contacts: {list: {response_mapping: {id: response.s}}}}}}",
            'the connector has no unified model "crn"',
            'did you mean "crm"?',
        ),
        ("{unified: {crm: {contcts: {record: x}}}}", 'crm has no resource "contcts"', 'did you mean "contacts"?'),
    ],
)
def test_settings_of_something_unknown(make: Any, override: str, message: str, fix: str) -> None:
    assert [row for row in find(make, override) if row[0] == "REF142"] == [("REF142", message, fix)]


@pytest.mark.parametrize(
    "override",
    [
        "{resources: {people: {list: {method: get, path: /people}}}}",
        "{resources: {people: {path: /people, list: {}}}}",
        "{resources: {contacts: {search: {method: get, path: /search}}}}",
        "{unified: {hris: {employees: {list: {resource: contacts, response_mapping: {id: response.id}}}}}}",
    ],
)
def test_an_override_may_add_operations(make: Any, override: str) -> None:
    assert find(make, override) == []
