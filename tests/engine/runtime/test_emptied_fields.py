"""An override that empties what the levels below fill is an error of a replay; one that removes it is not."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.secrets import Redactor
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import OperationReport, Selection, run_suite

LIST = "connectors/shop/recordings/crm.contacts.list.json"
PEOPLE = {"items": [{"id": 1, "name": "Ada", "nick": "A"}, {"id": 2, "name": "Bo"}]}

Make = Callable[..., Workspace]


def replayed(make: Make, recorded: Callable[..., Any], mapping: Any) -> OperationReport:
    """The report on a listing for an account with this response mapping."""
    override = {"unified": {"crm": {"contacts": {"list": {"response_mapping": mapping}}}}}
    workspace = make(
        {
            "accounts/acme.yaml": {"connector": "shop", "override": override},
            LIST: recorded("crm.contacts.list", [("GET", "/people", PEOPLE)]),
        }
    )
    [report] = run_suite(workspace, Selection(operations=("contacts.list",), accounts=("acme",)))
    return report


def emptied(report: OperationReport) -> list[tuple[str, str]]:
    return [(found.path.rpartition(".")[2], found.span.file if found.span else "") for found in report.all_findings
            if found.code == "MAP133"]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "found"),
    [
        ({"first_name": "response.nmae"}, True),
        ({"first_name": "$uppercase($base.name)"}, True),
        ('{"first_name": null}', True),
        ({"first_name": None}, False),
        ({"first_name": "response.nick"}, False),  # one has it
        ({"last_name": "response.nmae"}, False),  # nothing below fills it
        ({"replace": {"id": "$string(response.id)"}}, False),
        ('{"first_name": response.nmae}', False),  # nothing is merged over what is below
    ],
)
def test_only_an_expression_that_empties_is_at_fault(make: Make, recorded: Any, mapping: Any, found: bool) -> None:
    report = replayed(make, recorded, mapping)
    assert emptied(report) == ([("first_name", "accounts/acme.yaml")] if found else [])
    assert report.failed is found or not found


def test_no_golden_is_kept_of_it(make: Make, recorded: Callable[..., Any]) -> None:
    report = replayed(make, recorded, {"first_name": "response.nmae"})
    assert [update_golden(judgement, Redactor()) for judgement in report.judgements] == [0]
    [finding] = [one for one in report.all_findings if one.path.endswith("first_name")]
    assert finding.code == "MAP133"  # and not MAP201 too
    assert "it reads response.nmae" in finding.hint
