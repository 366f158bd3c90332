"""Lint of overrides: what is unknown is one finding, and `$base` is known where a level below exists."""

from pathlib import Path

import pytest
from bad_workspaces import ACCOUNT, HTTP, Bad, make

from conn_engine.lint import lint_paths


def find(root: Path, override: str, swap: tuple[str, str, str] | None = None) -> list[tuple[str, str, str]]:
    """Code, message and fix of what is found of an account's override, written in lines."""
    text = "".join(f"  {line}\n" for line in override.splitlines())
    make(root, Bad("override", [], {ACCOUNT: f"connector: demo\noverride:\n{text}"}, swap))
    return [(finding.code, finding.message, finding.hint) for finding in lint_paths(root, []).findings]


@pytest.mark.parametrize(
    ("override", "message", "fix"),
    [
        ("resources: {contacts: {lst: {headers: {a: b}}}}", 'contacts has no operation "lst"', "list"),
        (
            "unified: {contacts: {response_mapping: {email: response.mail}}}",
            'the connector has no unified model "contacts"',
            "crm.contacts",
        ),
        (
            "unified: {contacts: {list: {response_mapping: {email: response.mail}}}}",
            'the connector has no unified model "contacts"',
            "crm.contacts",
        ),
        (
            "contacts: {response_mapping: {email: response.mail}}",
            'the connector has no unified model "contacts"',
            "crm.contacts",
        ),
        (
            "contacts.response_mapping.email: response.mail",
            'the connector has no unified model "contacts"',
            "crm.contacts",
        ),
        ("contacts.list.headers.X-A: b", 'the connector has no unified model "contacts"', "resources.contacts"),
        ("contacts: { path: /b }", 'the connector has no unified model "contacts"', "resources.contacts"),
        ("contact: { path: /b }", 'the connector has no unified model "contact"', "resources.contacts"),
        ("resources.contcts.headers.X-A: b", 'the connector has no resource "contcts"', "contacts"),
    ],
)
def test_an_unknown_place_is_one_finding(tmp_path: Path, override: str, message: str, fix: str) -> None:
    assert find(tmp_path, override) == [("REF142", message, f'did you mean "{fix}"?')]


def test_base_in_a_filter(tmp_path: Path) -> None:
    assert find(tmp_path, "resources: {contacts: {list: {record_filter: $base and record.email}}}") == []
    swap = (HTTP, "response_path: data}", "response_path: data, record_filter: $base and record.email}")
    (found,) = find(tmp_path, "headers: {X-A: b}", swap)
    assert found[:2] == ("EXP103", "$base is not set")
