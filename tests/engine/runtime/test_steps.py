"""A step or an enrichment that lists reads all pages, and reports what it cannot read."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, IncompleteError
from conn_engine.runtime import steps
from conn_engine.runtime.call import Call

PAGING = "{ format: cursor, config: { cursor_field: next, cursor_param: after, total_field: total } }"
CONNECTOR = f"""\
base_url: https://api.example.com/v1
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
resources:
  people:
    get: {{ method: get, path: "/people/{{{{id}}}}" }}
    list:
      method: get
      path: /people
      response_path: items
      enrich: [{{ name: teams, request: {{ resource: teams, method: list }}, into: teams }}]
  teams:
    list: {{ method: get, path: /teams, response_path: items, pagination: {PAGING} }}
    bare: {{ method: get, path: /teams, pagination: {PAGING} }}
    first: {{ method: get, path: /teams, response_path: items }}
    me: {{ method: get, path: /team, pagination: {{ format: page }} }}
"""
CRM = """\
resources:
  contacts:
    get:
      resource: people
      before: [{ name: teams, request: { resource: teams, method: METHOD } }]
      response_mapping: { id: $string(response.id), teams: before.teams }
"""
WITHOUT_TEAMS = {"id": 9}
STEP = "crm.contacts.get.before[0].request"


def teams(*ids: int, **more: Any) -> dict[str, Any]:
    return {"items": [{"id": number} for number in ids], **more}


@pytest.fixture
def step(make: Callable[..., Any], run: Callable[..., Any]) -> Callable[..., Any]:
    """`step(answers…)`: what a before step that names `teams.list` reads of them, and the run."""

    def go(*answers: Any, method: str = "list", connector: str = CONNECTOR) -> Any:
        crm = CRM.replace("METHOD", method)
        workspace = make({"connectors/shop/connector.yaml": connector, "connectors/shop/unified/crm.yaml": crm})
        made = run(workspace, "contacts.get", [*answers, WITHOUT_TEAMS], Call(id="9"))
        return made.records[0]["teams"], made

    return go


def test_a_step_reads_every_page(step: Any) -> None:
    found, made = step(teams(1, 2, next="a"), teams(3, 4, next="b"), teams(5, next=None))
    assert [team["id"] for team in found] == [1, 2, 3, 4, 5]
    assert [url.rpartition("/")[2] for url in made.urls[:3]] == ["teams", "teams?after=a", "teams?after=b"]
    assert made.pages[-1].notes == ()


def test_an_enrichment_reads_every_page(make: Any, run: Any) -> None:
    workspace = make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": None})
    script = [{"items": [{"id": 1}]}, teams(1, next="a"), teams(2, next=None)]
    [record] = run(workspace, "people.list", script).records
    assert record == {"id": 1, "teams": [{"id": 1}, {"id": 2}]}


def test_one_page_and_one_thing_are_what_they_were(step: Any) -> None:
    assert step(teams(1, next="a"), method="first")[0] == [{"id": 1}]
    assert step({"id": 3}, method="me")[0] == {"id": 3}  # a pagination that counts cannot tell
    assert step({"items": [{"id": 1}], "next": None}, method="bare")[0] == {"items": [{"id": 1}], "next": None}


def test_a_listing_without_its_records_is_refused_where_it_has_more(step: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"teams\.bare has a next page, but its response is not a list"
    ) as raised:
        step({"items": [{"id": 1}], "next": "a"}, method="bare")
    assert "response_path" in raised.value.hint


def test_too_many_records_are_refused_with_the_bound(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps.MOST_RECORDS == 10_000
    monkeypatch.setattr(steps, "MOST_RECORDS", 3)
    assert len(step(teams(1, 2, next="a"), teams(3, next=None))[0]) == 3
    with pytest.raises(ConfigurationError, match=r"teams\.list has more than 3 records") as raised:
        step(teams(1, 2, next="a"), teams(3, 4, next="b"))
    [finding] = raised.value.findings
    assert (finding.code, finding.path) == ("PAG112", STEP)
    assert finding.span is not None
    assert (finding.span.file, finding.span.line) == ("connectors/shop/unified/crm.yaml", 5)
    assert "`parents`" in finding.hint


def test_an_incomplete_listing_fails_the_step(step: Any) -> None:
    short = (teams(1, 2, next="a", total=5), teams(3, next=None, total=5))
    with pytest.raises(IncompleteError, match="3 of 5 records arrived") as raised:
        step(*short)
    assert (raised.value.count, raised.value.verdict.state) == (3, "incomplete")
    lenient = CONNECTOR.replace(
        "path: /teams, response_path: items,", "path: /teams, response_path: items, complete: warn,", 1
    )
    found, made = step(*short, connector=lenient)
    assert len(found) == 3
    assert made.pages[-1].notes == ("a step's listing of teams.list is incomplete: 3 of 5 records arrived",)


def test_that_its_end_is_unknown_is_a_note(step: Any) -> None:
    _, made = step(teams(1, 2, nxt="a"))
    [note] = made.pages[-1].notes
    assert note.startswith('a step\'s listing of teams.list may be incomplete: `cursor_field` "next" is in no response')


def test_an_enrichment_counts_for_the_verdict(make: Any, run: Any) -> None:
    workspace = make({"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": None})
    [page] = run(workspace, "people.list", [{"items": [{"id": 1}]}, teams(1, 2)]).pages
    assert page.completeness.state == "unknown"
    assert page.completeness.reason.startswith("the values from teams.list: ")
