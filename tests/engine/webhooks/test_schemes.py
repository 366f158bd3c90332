"""The language says how each of 175 vendors' deliveries is proved, answered, routed and read."""

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from desk import SMALLEST, document, judged, known, schemes, workspace

from conn_engine.config.convert import convert
from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_engine.webhooks import Delivery, Webhooks

OPEN = {("strava", "WHK101")}  # proves nothing
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


def test_lint_finds_no_fault_and_says_what_a_scheme_leaves_open(tmp_path):
    """Each with the fields that it says an account is asked for: a name that a scheme uses and lacks is a fault."""
    root = tmp_path.resolve()
    workspace(root, {name.replace("_", "-"): asking(entry) for name, entry in known().items()})
    found = lint_paths(root, [root / "connectors"]).findings
    told = {
        (one.span.file.split("/")[1].replace("-", "_"), one.code) for one in found if one.severity is not Severity.INFO
    }
    assert told == OPEN


def asking(entry):
    """A connector whose accounts are asked for what a scheme says, and for no more."""
    fields = [{"name": name, "secret": True, "required": False} for name in entry.get("secrets", [])]
    routing = entry["webhooks"].get("account")
    names = {routing["context"]} if routing else set()
    names |= set(re.findall(r"context\.(\w+)", json.dumps(entry["webhooks"])))
    fields += [{"name": name, "required": False} for name in sorted(names)]
    return {**SMALLEST, "fields": fields, "webhooks": entry["webhooks"]}


@pytest.mark.parametrize("name", schemes())
def test_each_secret_that_is_asked_for_is_used(name):
    entry = known()[name]
    told = json.dumps({key: said for key, said in entry["webhooks"].items() if key != "account"})
    assert all(re.search(rf"(?<![\w.]){secret}\b", told) for secret in entry.get("secrets", []))
    assert entry["label"].count("(") == entry["label"].count(")")


@pytest.mark.parametrize(
    ("name", "parameter", "text"),
    [
        ("linkedin", "challengeCode", '{"id": 1}'),
        ("x_twitter", "crc_token", '{"for_user_id": "1"}'),
        ("braintree", "bt_challenge", "PG5vdGlmaWNhdGlvbj48L25vdGlmaWNhdGlvbj4="),
    ],
)
def test_a_challenge_signs_no_delivery(vendors, name, parameter, text):
    """By these anybody may ask, and the answer is signed with the secret that proves deliveries."""
    url = f"https://hooks.example.com/in?{urlencode({parameter: text})}"
    own = vendors.effective(account=None, connector=name.replace("_", "-"))
    accepted = judged(own, Delivery("GET", url), {"webhook_secret": "s3cret", "key_id": "k"})
    assert accepted.refused is not None and accepted.refused.code == "forbidden"
