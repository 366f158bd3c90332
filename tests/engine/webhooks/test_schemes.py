"""The language says how each of 175 vendors' deliveries is proved, answered, routed and read."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from desk import document, schemes

from conn_engine.config.convert import convert
from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_engine.webhooks import Webhooks

OPEN = {
    ("braintree", "WHK104"),  # three answer anybody by the key that proves deliveries: vendors want it so
    ("linkedin", "WHK104"),
    ("x_twitter", "WHK104"),
    ("strava", "WHK101"),  # proves nothing
}
SCHEMA = Path(__file__).parents[3] / "schemas" / "connector.schema.json"


@pytest.fixture(scope="session")
def published():
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", schemes())
def test_it_can_be_said(name, published):
    told = document(schemes()[name])
    published.validate(told)
    assert isinstance(convert(told["webhooks"], Webhooks), Webhooks)


def test_there_are_as_many_as_are_known():
    assert len(schemes()) == 175


def test_lint_finds_no_fault_and_says_what_a_scheme_leaves_open(vendors):
    root = vendors.root
    found = lint_paths(root, [root / "connectors"]).findings
    told = {
        (one.span.file.split("/")[1].replace("-", "_"), one.code) for one in found if one.severity is not Severity.INFO
    }
    assert told == OPEN
