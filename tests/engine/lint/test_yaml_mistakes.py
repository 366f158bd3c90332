"""What people who know YAML write first in a mapping or an override, and the fix that lint names and applies."""

from pathlib import Path

import pytest
from first_mistakes import MISTAKES, write_workspace

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_engine.lint.fixing import fix_paths, write_fixed_texts

SHOP = "connectors/shop"


def make(root: Path, name: str, text: str) -> Path:
    write_workspace(root, MISTAKES[0], fixed=True)
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def find(root: Path) -> list[tuple[str, int, str]]:
    found = lint_paths(root, []).findings
    return [
        (one.code, one.span.line if one.span else 0, one.hint) for one in found if one.severity is not Severity.INFO
    ]


def fix(root: Path) -> None:
    write_fixed_texts(fix_paths(root, []))


MOVE = 'move it below response_mapping: response_mapping: {{ {0}: "response.{0}" }}'


@pytest.mark.parametrize(
    ("name", "text", "found", "fixed"),
    [
        (  # a resource without its model
            "accounts/a.yaml",
            "connector: shop\noverride:\n  people: { response_mapping: { email: response.mail } } # mine\n",
            [("REF142", 3, 'did you mean "crm.people"?')],
            "connector: shop\noverride:\n  crm.people: { response_mapping: { email: response.mail } } # mine\n",
        ),
        (  # a model without `unified` is the short form
            "accounts/a.yaml",
            "connector: shop\noverride: { crm: { people: { response_mapping: { email: response.mail } } } }\n",
            [],
            "",
        ),
        (  # fields of a resource without `response_mapping`
            "accounts/a.yaml",
            "connector: shop\noverride:\n  crm:\n    people:\n      id: response.id\n      email: response.email\n",
            [("CFG101", 5, MOVE.format("id")), ("CFG101", 6, MOVE.format("email"))],
            "connector: shop\noverride:\n  crm:\n    people:\n      response_mapping:\n"
            "        id: response.id\n        email: response.email\n",
        ),
        (
            "accounts/a.yaml",
            "connector: shop\noverride:\n  crm.people.list:\n    # the ID\n    email: response.email\n",
            [("CFG101", 5, MOVE.format("email"))],
            "",  # a comment above the line would be lost
        ),
        (
            "accounts/a.yaml",
            "connector: shop\noverride:\n  crm.people.list:\n    email: response.email # theirs\n",
            [("CFG101", 4, MOVE.format("email"))],
            "",
        ),
        (  # only fields below a resource: the model is not known
            "accounts/a.yaml",
            "connector: shop\noverride: { people: { email: response.mail } }\n",
            [
                (
                    "CFG101",
                    2,
                    "name the model and the mapping: MODEL.people.response_mapping, "
                    "such as crm.people.response_mapping",
                )
            ],
            "",
        ),
        (  # fields below `list`
            f"{SHOP}/unified/crm.yaml",
            "resources:\n  people:\n    record: contact\n    list:\n"
            "      id: response.id\n      email: response.email\n",
            [("CFG101", 5, MOVE.format("id")), ("CFG101", 6, MOVE.format("email"))],
            "resources:\n  people:\n    record: contact\n    list:\n"
            "      response_mapping:\n        id: response.id\n        email: response.email\n",
        ),
        ("accounts/a.yaml", "", [("CFG102", 1, "write at least the connector: connector: NAME")], ""),
        (
            f"{SHOP}/unified/crm.yaml",
            "# later\n",
            [("CFG102", 2, "write at least the resources that it maps (resources: …), or remove the file")],
            "",
        ),
        (
            "accounts/big co.yaml",
            "connector: shop\n",
            [("CFG107", 1, 'rename it, for example to "big-co.yaml" (letters, digits, - and _)')],
            "",
        ),
        ("accounts/Å.yaml", "connector: shop\n", [("CFG107", 1, "rename it (letters, digits, - and _)")], ""),
        (
            "accounts/a.yaml",
            "connector: shop\nlabel: 0049\ncontext: { zip: 01234, port: 0, rate: 0.5, id: -07 }\n",
            [("CFG102", 2, 'quote it: "0049"'), ("DOC170", 3, 'quote it: "01234"'), ("DOC170", 3, 'quote it: "-07"')],
            'connector: shop\nlabel: \'0049\'\ncontext: { zip: "01234", port: 0, rate: 0.5, id: "-07" }\n',
        ),
    ],
)  # fmt: skip
def test_the_fix_is_named_and_applied(
    name: str, text: str, found: list[tuple[str, int, str]], fixed: str, tmp_path: Path
) -> None:
    path = make(tmp_path, name, text)
    assert find(tmp_path) == found
    fix(tmp_path)
    assert path.read_text("utf-8") == (fixed or text)
    if fixed:
        assert [code for code, *_ in find(tmp_path) if code.startswith(("CFG1", "DOC", "REF"))] == []


def test_a_text_that_the_model_lists_is_quoted(tmp_path: Path) -> None:
    mapping = make(
        tmp_path,
        f"{SHOP}/unified/ticketing.yaml",
        "resources:\n  people:\n    record: ticket\n    response_mapping:\n      status: open\n      priority: soon\n"
        "    list: { response_mapping: { id: response.id, status: new } }\n",
    )
    quoted = [("EXP103", 5, """quote it: '"open"'"""), ("EXP103", 7, """quote it: '"new"'""")]
    either = ("EXP103", 6, """quote it: '"soon"', or write response.soon to read the field""")
    assert sorted(one for one in find(tmp_path) if one[0] == "EXP103") == sorted([*quoted, either])
    fix(tmp_path)
    text = mapping.read_text("utf-8")
    assert "      status: '\"open\"'\n      priority: soon\n" in text
    assert [one for one in find(tmp_path) if one[0] == "EXP103"] == [either]
