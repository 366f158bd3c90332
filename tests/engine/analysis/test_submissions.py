"""What a submitted connector must meet: each rule, with the smallest folder that breaks it."""

import re

import pytest

from conn_cli.scaffold import create_connector, create_workspace
from conn_engine.analysis.submissions import check_submission
from conn_engine.errors import UsageError
from conn_engine.personal.invented import is_invented_email, is_invented_phone

LISTING = "recordings/crm.contacts.list.json"


@pytest.fixture
def folder(tmp_path):
    """A skeleton that says what a submitted connector must say."""
    create_workspace(tmp_path)
    create_connector(tmp_path, "shop")
    folder = tmp_path / "connectors" / "shop"
    replace(folder, "connector.yaml", r"(?m)^label:", "license: MIT\nlabel:")
    readme = folder / "README.md"
    readme.write_text(readme.read_text() + "\n## Credentials\n\nCreate a key.\n\n## Pitfalls\n\nNone are known.\n")
    return folder


def replace(folder, file, pattern, text):
    path = folder / file
    before = path.read_text()
    after = re.sub(pattern, text, before, count=1)
    assert after != before
    path.write_text(after)


def judge(folder, rule, stage="contents"):
    result = check_submission(folder, stages=(stage,) if stage else ())
    [verdict] = [verdict for verdict in result.verdicts if verdict.rule == rule]
    return verdict.passed, [(problem.file, problem.message) for problem in verdict.problems], result


@pytest.mark.parametrize("rule", ["files", "readme", "recordings", "personal_data", "secrets"])
def test_a_folder_that_says_everything_meets_the_rules_about_its_content(folder, rule):
    passed, problems, result = judge(folder, rule)
    assert (passed, problems) == (True, [])
    assert (result.demands.hosts, result.demands.environment) == (["api.shop.example"], [])
    assert "Lovelace" in result.people
    assert not result.failed
    assert not result.passed, "rules that were not judged are not met"


@pytest.mark.parametrize(
    ("file", "change", "rule", "problem"),
    [
        ("README.md", ("## Pitfalls", ""), "readme", ("README.md", "it has no section about pitfalls")),
        ("README.md", ("## Credentials", ""), "readme", ("README.md", "it has no section about credentials")),
        (LISTING, ('"note": "[^"]+"', '"note": ""'), "recordings", (LISTING, "it does not state where it comes from")),
        (
            "connector.yaml",
            ("license: MIT", "license: LicenseRef-secret"),
            "recordings",
            (LISTING, "its license, LicenseRef-secret, is not known to allow passing it on"),
        ),
        (
            "connector.yaml",
            ("license: MIT\n", ""),
            "recordings",
            ("connector.yaml", "7 files do not state a license: recordings/crm.contacts.create.json"),
        ),
        (
            LISTING,
            ("[a-z]+@[a-z.]+", "jane.doe@gmail.com"),
            "personal_data",
            (LISTING, "the email address jane.doe@gmail.com may belong to somebody"),
        ),
        (
            LISTING,
            ('"note": "', '"note": "call +49 30 90269414. '),
            "personal_data",
            (LISTING, "the phone number +49 30 90269414 may belong to somebody"),
        ),
        (
            LISTING,
            ('"note": "', '"note": "DE89370400440532013000 '),
            "personal_data",
            (LISTING, "the bank account DE89370400440532013000 may belong to somebody"),
        ),
        (
            LISTING,
            ('"note": "', f'"note": "ghp_{"a1B2" * 9} '),
            "secrets",
            (LISTING, "it contains a token with a well-known form"),
        ),
        (
            LISTING,
            (r'"request": \{', '"request": {"headers": {"Authorization": "x"},'),
            "secrets",
            (LISTING, "it has the header Authorization"),
        ),
        (
            LISTING,
            ('"connector": "shop"', '"connector": "other"'),
            "recordings",
            (LISTING, 'it is of the connector "other"'),
        ),
    ],
)
def test_each_rule_names_the_file_and_what_is_wrong(folder, file, change, rule, problem):
    replace(folder, file, *change)
    passed, problems, _ = judge(folder, rule)
    assert passed is False
    assert problem in problems


def test_the_license_of_a_recording_is_its_own(folder):
    replace(folder, LISTING, '"note":', '"license": "CC-BY-NC-4.0", "note":')
    assert judge(folder, "recordings")[1] == [
        (LISTING, "its license, CC-BY-NC-4.0, is not known to allow passing it on")
    ]


def test_lint_and_tests_are_rules(folder):
    replace(folder, "unified/crm.yaml", r"\$string\(", "$strng(")
    assert judge(folder, "documents", "documents")[0] is False
    passed, problems, _ = judge(folder, "tests", "tests")
    assert passed is False
    assert problems


def test_a_golden_belongs_to_each_recording_and_a_listing_has_three_pages(folder):
    (folder / "expected" / "crm.contacts.get.json").rename(folder / "expected" / "crm.contacts.got.json")
    _, problems, _ = judge(folder, "tests", "tests")
    assert ("", "no listing is recorded over 3 pages") in problems
    assert (
        "expected/crm.contacts.got.json",
        "there is no recordings/crm.contacts.got.json for this golden",
    ) in problems
    assert any(file == "recordings/crm.contacts.get.json" and "TST103" in text for file, text in problems)


def test_mistakes_must_be_noticed(folder):
    assert judge(folder, "mutations", "mutations")[:2] == (True, [])
    for name in ("recordings", "expected"):
        for path in (folder / name).glob("*"):
            if path.name != "crm.contacts.delete.json":
                path.unlink()
    passed, problems, _ = judge(folder, "mutations", "mutations")
    assert passed is False
    assert any(file == "unified/crm.yaml" and "no test notices this mistake" in text for file, text in problems)


def test_a_result_of_one_evaluator_alone_is_a_problem(folder):
    assert judge(folder, "portability", "portability")[:2] == (True, [])
    replace(folder, "unified/crm.yaml", r"(?m)^(\s+)first_name: .*$", r"\1first_name: $formatNumber(12.345, '#.00')")
    passed, problems, _ = judge(folder, "portability", "portability")
    assert passed is False
    assert all(text.startswith("MAP401: first_name is not portable") for _, text in problems)


def test_a_folder_that_is_not_a_connector_is_refused(tmp_path):
    for name in ("absent", "No Connector"):
        (tmp_path / "No Connector").mkdir(exist_ok=True)
        with pytest.raises(UsageError):
            check_submission(tmp_path / name)


@pytest.mark.parametrize(
    ("address", "invented"),
    [
        ("ada@example.com", True),
        ("ada@mail.example.org", True),
        ("ada@shop.example", True),
        ("ada@notexample.com", False),
        ("ada@example.com.evil.net", False),
        ("ada@vendor.com", False),
        ("ev1@vendor.com", True),
        ("room@resource.calendar.vendor.com", True),
        ("ev1@other.com", False),
    ],
)
def test_addresses_are_at_domains_for_examples_or_identifiers_of_the_vendor(address, invented):
    assert is_invented_email(address, ["api.vendor.com"]) is invented


@pytest.mark.parametrize(
    ("number", "invented"),
    [
        ("+1 206 555 0100", True),
        ("+44 20 7946 0018", True),
        ("+49 431 123456", True),
        ("+45 33 11 22 00", True),
        ("+45 20 12", True),
        ("+49 30 90269414", False),
        ("+33 1 42 68 53 00", False),
    ],
)
def test_phone_numbers_are_in_ranges_for_fiction_or_too_regular(number, invented):
    assert is_invented_phone(number) is invented
