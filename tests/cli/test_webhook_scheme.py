"""`conn webhook scheme`: what it prints can be pasted into a connector as it stands."""

import json

import pytest
import yaml
from transcript import conn

from conn_cli.scaffold import list_bundled
from conn_engine.config.vendors import load_facts
from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths

BUNDLED = {
    "asana": "Asana",
    "attio": "Attio",
    "bamboohr": "BambooHR",
    "calendly": "Calendly",
    "github": "GitHub",
    "google_calendar": "Google push channel (Calendar / Drive)",
    "hubspot": "HubSpot v3",
    "intercom": "Intercom",
    "jira": "Jira Cloud (webhooks with secret)",
    "linear": "Linear",
    "microsoft_graph": "Microsoft Graph change notifications",
    "notion": "Notion",
    "pipedrive": "Pipedrive v2",
    "salesforce": "Salesforce Outbound Message (SOAP)",
    "slack": "Slack",
    "stripe": "Stripe",
    "xero": "Xero",
    "zendesk": "Zendesk",
}
CONNECTOR = """\
base_url: https://api.example.com
credentials: { format: bearer }
authorization: { format: bearer }
resources:
  things: { list: { method: get, path: /things } }
"""


def test_all_are_listed_by_name_way_and_label(tmp_path):
    done = conn(tmp_path, "webhook", "scheme")
    lines = done.out.splitlines()
    assert (done.code, len(lines)) == (0, len(load_facts("webhook-schemes")))
    assert [line.split()[:2] for line in lines if line.startswith("stripe ")] == [["stripe", "hmac"]]
    listed = json.loads(conn(tmp_path, "webhook", "scheme", "--format", "json").out)["schemes"]
    rows = {row.pop("vendor"): row for row in listed}
    assert rows["slack"] == {"label": "Slack", "names": [], "format": "hmac", "basis": "library", "events": True}
    assert rows["datadog"]["events"] is False
    assert [line for line in lines if line.startswith("datadog ")] == [
        line for line in lines if line.endswith("Datadog (no `events`)")
    ]


def test_one_says_how_far_it_can_be_trusted_and_asks_for_its_secrets(tmp_path):
    done = conn(tmp_path, "webhook", "scheme", "Stripe")
    assert done.out.startswith("# Webhook settings of Stripe, tested with the vendor's own library.\n# https://")
    told = yaml.safe_load(done.out)
    data = json.loads(conn(tmp_path, "webhook", "scheme", "stripe", "--format", "json").out)
    assert told == {name: data[name] for name in ("fields", "webhooks")}
    assert [field["name"] for field in told["fields"]] == ["webhook_secret", "account_id"]
    assert told["webhooks"]["verify"]["take"] == "v1"
    assert "not checked" in conn(tmp_path, "webhook", "scheme", "strava").out


def test_one_without_events_says_so(tmp_path):
    said = "is not known: add webhooks.events"
    assert said in conn(tmp_path, "webhook", "scheme", "datadog").out
    assert said not in conn(tmp_path, "webhook", "scheme", "clerk").out


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *BUNDLED.items(),
        ("clerk", "Clerk"),
        ("Customer.io", "Customer.io"),
        ("x", "X (Twitter)"),
        ("lemonsqueezy", "Lemon Squeezy"),
        ("incident.io", "incident.io"),
        ("WhatsApp", "Meta (Facebook/Instagram/WhatsApp)"),
    ],
)
def test_one_is_found_by_the_name_that_people_type(tmp_path, name, label):
    done = conn(tmp_path, "webhook", "scheme", name)
    assert done.code == 0 and f"# Webhook settings of {label}, " in done.out


def test_every_bundled_connector_has_a_scheme():
    assert sorted(BUNDLED) == list_bundled()


def test_a_new_connector_tells_of_it(tmp_path):
    assert "webhooks of Typeform" in conn(tmp_path, "new", "typeform").out
    assert "webhooks of" in conn(tmp_path, "new", "recall").out
    assert "filled in" not in conn(tmp_path, "new", "of-our-own").out


def test_what_is_not_known(tmp_path):
    done = conn(tmp_path, "webhook", "scheme", "strpe")
    assert done.code == 2 and "stripe" in done.err
    assert conn(tmp_path, "webhook", "scheme", "nobody-at-all").code == 2


def test_it_is_good_in_a_connector(tmp_path):  # that every one is, tests/engine/webhooks shows
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    for name in [*list(load_facts("webhook-schemes"))[::25], "box", "twilio", "aws_sns", "zoom", "ebay"]:
        folder = tmp_path / "connectors" / name.replace("_", "-")
        folder.mkdir(parents=True)
        printed = conn(tmp_path, "webhook", "scheme", name).out
        (folder / "connector.yaml").write_text(CONNECTOR + printed, encoding="utf-8")
    found = lint_paths(tmp_path, [tmp_path / "connectors"]).findings
    own = {"ebay", "plaid"}  # ask for keys by the API's own credential, which this connector does not have
    faults = [one for one in found if one.severity is Severity.ERROR and one.span.file.split("/")[1] not in own]
    assert [(one.span.file, one.code, one.message) for one in faults] == []


@pytest.mark.parametrize("name", ["gitlab", "aws_sns", "google_pubsub"])
def test_a_secret_is_never_required(tmp_path, name):
    told = yaml.safe_load(conn(tmp_path, "webhook", "scheme", name).out)
    assert all(field["required"] is False for field in told.get("fields", []))
