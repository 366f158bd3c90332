"""A replay sends nothing, so the judgement has to see that a live run would not send the credential."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.testing.suite import Selection, run_suite

CONNECTOR = """\
base_url: {base}
fields: [{{name: instance}}]
hosts: {hosts}
credentials: {{ format: bearer }}
authorization: {{ format: {authorization} }}
resources: {{ people: {{ list: {{ method: get, path: /people }} }} }}
"""


def found(workspace: Workspace, account: str | None = None) -> list[tuple[str, str]]:
    selection = Selection(("people.list",), accounts=(account,) if account else (), alone=account is None)
    return [
        (finding.message, f"{finding.span.file}:{finding.span.line}")
        for report in run_suite(workspace, selection)
        for finding in report.all_findings
        if finding.code == "TST109" and finding.span is not None
    ]


@pytest.fixture
def shop(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> Callable[..., Workspace]:
    def build(
        hosts: str, base: str = "https://eu.shop.example", authorization: str = "bearer", **more: str
    ) -> Workspace:
        recording = recorded("people.list", [("GET", "/people", [{"id": 1}])], context={"instance": "eu.shop.example"})
        recording["base_url"] = "https://eu.shop.example"
        recording["exchanges"][0]["request"]["url"] = "https://eu.shop.example/people"
        return make(
            {
                "connectors/shop/connector.yaml": CONNECTOR.format(base=base, hosts=hosts, authorization=authorization),
                "connectors/shop/unified/crm.yaml": "resources: {}\n",
                "connectors/shop/recordings/people.list.json": recording,
                "accounts/acme.yaml": "connector: shop\ncontext: { instance: us.shop.example }\n" + more.get("own", ""),
            }
        )

    return build


def test_a_credential_for_a_host_that_hosts_leave_out_is_found(shop: Callable[..., Workspace]) -> None:
    message = "GET /people sends the credential to eu.shop.example, which is not in `hosts` (*.store.example)"
    assert found(shop('["*.store.example"]')) == [(message, "connectors/shop/connector.yaml:3")]
    assert found(shop('["*.shop.example"]')) == []
    assert found(shop('["*.store.example"]', authorization="none")) == []  # nothing to withhold


def test_the_host_is_the_one_of_the_recorded_account(shop: Callable[..., Workspace]) -> None:
    base = "'https://{{context.instance}}'"
    assert found(shop("[eu.shop.example]", base), "acme") == []
    [(message, _)] = found(shop("[us.shop.example]", base), "acme")
    assert "eu.shop.example, which is not in `hosts` (us.shop.example)" in message


def test_the_hosts_of_an_account_do_not_judge_what_was_recorded_for_another(shop: Callable[..., Workspace]) -> None:
    workspace = shop('["*.shop.example"]', own="override: { hosts: [us.shop.example] }\n")
    assert (found(workspace), found(workspace, "acme")) == ([], [])
