"""What `conn test` selects: patterns, keywords, scenarios and the failures of the last run; and what it refuses."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from conn_engine.config import Workspace, load_workspace
from conn_engine.documents.locate import find_packaged
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.testing.keyword import KeywordExpression
from conn_engine.testing.last_failures import LastFailures
from conn_engine.testing.planning import plan_tests
from conn_engine.testing.selection import FailedCases, Selection, SuiteKey
from conn_engine.testing.suite import run_suite


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The example workspace with two of its connectors: three accounts use hubspot, one uses github."""
    root = tmp_path_factory.mktemp("selection")
    for name in ("hubspot", "github"):
        shutil.copytree(find_packaged("connectors") / name, root / "connectors" / name)
    shutil.copytree(find_packaged("example"), root, dirs_exist_ok=True)
    return load_workspace(root)


def plan(workspace: Workspace, *operations: str, **settings: object) -> list[tuple[str, str, list[str]]]:
    tests = plan_tests(workspace, Selection(operations, **settings))  # type: ignore[arg-type]
    return [(test.key.account, test.name.text, [case.scenario for case in test.chosen]) for test in tests]


def refuse(workspace: Workspace, *operations: str, **settings: object) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        plan(workspace, *operations, **settings)
    return caught.value.message, caught.value.hint


# --- keywords ---


@pytest.mark.parametrize(
    ("expression", "is_match"),
    [
        ("contacts", True), ("CONTACTS", True), ("crm.contacts.list", True), ("globex", False),
        ("contacts and globex", False), ("contacts or globex", True), ("not globex", True), ("not contacts", False),
        ("globex or contacts and acme", True), ("(globex or contacts) and default", False),
        ("not (globex or default) and list", True), ("not not acme", True), ("not globex and not default", True),
        ("nothing", False), ("rate_limited", True),
    ],
)  # fmt: skip
def test_a_keyword_is_a_part_of_operation_account_or_scenario(expression: str, is_match: bool) -> None:
    assert KeywordExpression(expression).is_match("crm.contacts.list acme rate_limited") is is_match


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "it has no word"), ("a and", 'a word is missing after "and"'), ("and a", '"and" is not possible first'),
        ("a b", '"b" is not possible after "a"'), ("a not b", '"not" is not possible after "a"'),
        ("(a", "a closing parenthesis is missing"), ("a)", '")" has no opening parenthesis'),
        ("()", '")" is not possible after "("'), ("a or or b", '"or" is not possible after "or"'),
        ("not", 'a word is missing after "not"'), ("a (b)", '"(" is not possible after "a"'),
    ],
)  # fmt: skip
def test_an_incomplete_keyword_expression_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(UsageError, match="is not an expression") as caught:
        KeywordExpression(expression)
    assert caught.value.message.endswith(reason)


def test_a_deeply_nested_keyword_expression_needs_no_recursion() -> None:
    assert KeywordExpression("(" * 50_000 + "a" + ")" * 50_000).is_match("a")


def test_a_keyword_selects_cases(example: Workspace) -> None:
    selected = plan(example, keyword=KeywordExpression("contacts.list and acme and (default or limited)"))
    assert selected == [("acme", "crm.contacts.list", ["default", "rate_limited"])]


def test_a_keyword_that_matches_nothing_gets_a_suggestion(example: Workspace) -> None:
    message, hint = refuse(example, keyword=KeywordExpression("contcts"))
    assert message == 'no operation, account or scenario matches -k "contcts"'
    assert hint == 'did you mean "contacts"?'
    _, hint = refuse(example, keyword=KeywordExpression("acme and globex"))
    assert hint.startswith("each word matches something")


# --- patterns ---


def test_a_pattern_selects_operations_by_full_or_short_name(example: Workspace) -> None:
    short = plan(example, "contacts.*", accounts=("acme",))
    assert [name for _, name, _ in short][:2] == ["crm.contacts.list", "crm.contacts.get"]
    assert {name.split(".")[-2] for _, name, _ in short} == {"contacts"}
    assert plan(example, "crm.contacts.[lg]*", accounts=("acme",)) == short[:2]
    assert {account for account, _, _ in plan(example, "crm.contacts.list")} == {"acme", "globex", "umbrella"}


def test_the_name_of_a_model_selects_its_operations(example: Workspace) -> None:
    assert plan(example, "crm") == plan(example, "crm.*")
    assert plan(example, "crm", connector="hubspot") == plan(example, "crm.*", connector="hubspot")
    assert refuse(example, "crmm")[0] == 'none of the 2 connectors has an operation "crmm"'


def test_a_pattern_leaves_out_vendor_operations_without_a_recording(example: Workspace) -> None:
    assert all(scenarios for _, _, scenarios in plan(example, "*.list"))
    assert [name for _, name, _ in plan(example, "hubspot:contacts.list", accounts=("acme",))] == ["contacts.list"]


def test_operations_that_two_patterns_select_are_tested_once(example: Workspace) -> None:
    names = [name for _, name, _ in plan(example, "contacts.list", "contacts.l*", "*.list", accounts=("acme",))]
    assert len(names) == len(set(names))


def test_a_name_without_tests_is_refused_even_if_another_name_has_some(example: Workspace) -> None:
    message, hint = refuse(example, "contacts.list", "contacts.lst")
    assert message == 'none of the 2 connectors has an operation "contacts.lst"'
    assert hint == 'did you mean "contacts.list"?'
    message, hint = refuse(example, "contacts.list", "contcts.*")
    assert (message.endswith('that matches "contcts.*"'), hint) == (True, 'did you mean "contacts.*"?')
    message, hint = refuse(example, "githb:*.list")
    assert "no operation" in message or "none of" in message


def test_patterns_select_deliveries(example: Workspace) -> None:
    names = [name for _, name, _ in plan(example, deliveries=("contact_*",), accounts=("acme",))]
    assert names
    assert all(name.startswith("webhook contact_") for name in names)
    message, hint = refuse(example, deliveries=("contact_*", "contact"), accounts=("acme",))
    assert (message, hint) == ('no recorded delivery is named "contact"', 'did you mean "contacts"?')


# --- scenarios ---


def test_scenarios_are_names_or_patterns(example: Workspace) -> None:
    selected = plan(example, "contacts.list", accounts=("acme",), scenarios=("rate*", "empty"))
    assert selected == [("acme", "crm.contacts.list", ["empty", "rate_limited"])]


def test_an_unknown_scenario_is_refused_even_if_another_one_exists(example: Workspace) -> None:
    message, hint = refuse(example, "contacts.list", scenarios=("default", "emty"))
    assert (message, hint) == ('no selected recording has the scenario "emty"', 'did you mean "empty"?')


def test_coverage_is_that_of_all_recordings_if_a_scenario_is_selected(example: Workspace) -> None:
    """`deleted` alone leaves seven fields empty; they are filled in other recordings."""
    selection = Selection(("contacts.list",), accounts=("acme",), scenarios=("deleted",))
    [report] = run_suite(example, selection)
    assert [judgement.case.scenario for judgement in report.judgements] == ["deleted"]
    assert [finding.code for finding in report.all_findings] == []


# --- the last failures ---


def key(operation: str, account: str = "acme") -> SuiteKey:
    return SuiteKey("hubspot", account, "production", operation)


def some(*operations: str, scenarios: Iterable[str] = ()) -> FailedCases:
    return {key(operation): frozenset(scenarios) for operation in operations}


def test_only_selects_the_operations_of_an_account(example: Workspace) -> None:
    selected = plan(example, only={key("crm.contacts.get", "globex"): frozenset(), **some("webhook contacts")})
    assert [(account, name) for account, name, _ in selected] == [
        ("acme", "webhook contacts"),
        ("globex", "crm.contacts.get"),
    ]
    message, _ = refuse(example, "contacts.list", only=some("crm.contacts.get"))
    assert message == "none of the cases that failed last time is selected"


def test_only_selects_the_cases_of_an_operation(example: Workspace) -> None:
    every = {scenario for _, _, scenarios in plan(example, only=some("crm.contacts.list")) for scenario in scenarios}
    assert {"default", "deleted"} < every
    failed = some("crm.contacts.list", scenarios=["deleted", "a recording that was removed"])
    assert plan(example, only=failed) == [("acme", "crm.contacts.list", ["deleted"])]
    message, _ = refuse(example, only=some("crm.contacts.list", scenarios=["a recording that was removed"]))
    assert message == "none of the cases that failed last time is selected"


def test_failures_stay_until_their_case_passes(tmp_path: Path) -> None:
    failures = LastFailures(tmp_path)
    assert failures.read() == {}
    failures.update(some("a", "b"), {}, is_complete=True)
    assert list(tmp_path.iterdir()) == []
    failures.update(some("a", "b"), some("a", "b"), is_complete=True)
    failures.update(some("b", "c"), some("c"), is_complete=False)
    assert failures.read() == some("a", "c")
    failures.update(some("d"), {}, is_complete=True)
    assert failures.read() == {}
    assert "\n*\n" in (tmp_path / ".conn/.gitignore").read_text()
    assert {path.name for path in (tmp_path / ".conn").iterdir()} == {".gitignore", "last-test.json"}


def test_cases_that_a_run_leaves_out_stay_failed(tmp_path: Path) -> None:
    failures = LastFailures(tmp_path)
    failures.update(some("a", scenarios="xyz"), some("a", scenarios="xy"), is_complete=True)
    failures.update(some("a", scenarios="x"), {}, is_complete=False)
    assert failures.read() == some("a", scenarios="y")
    failures.update(some("a", scenarios="z"), some("a", scenarios="z"), is_complete=False)
    assert failures.read() == some("a", scenarios="yz")
    failures.update(some("a", scenarios="z"), some("a"), is_complete=False)  # it failed as a whole
    assert failures.read() == some("a")
    failures.update(some("a", scenarios="z"), {}, is_complete=False)
    assert failures.read() == {}


def test_failures_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    (tmp_path / ".conn").mkdir()
    (tmp_path / ".conn/last-test.json").write_text(json.dumps({"version": 1, "failed": [list(key("a"))]}))
    assert LastFailures(tmp_path).read() == some("a")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"failed": 1}', '{"failed": [["a"]]}', "\xff\xfe", "[" * 5000])
def test_a_damaged_file_has_no_failures_and_is_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / ".conn").mkdir()
    (tmp_path / ".conn/last-test.json").write_bytes(content.encode("latin-1"))
    failures = LastFailures(tmp_path)
    assert failures.read() == {}
    failures.update(some("a"), some("a"), is_complete=False)
    assert failures.read() == some("a")


def test_failures_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk/.conn").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError):
        LastFailures(tmp_path / "desk").update(some("a"), some("a"), is_complete=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []
