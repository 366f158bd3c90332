"""Which files lint takes, and how comments, severities and baselines change what is reported."""

import json

import pytest
from bad_workspaces import ACCOUNT, HTTP, MAPPING, TAPE, Bad, make
from measuring import count_calls

from conn_engine.config import load_workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_paths, lint_workspace
from conn_engine.lint.baseline import apply_baseline

WRONG = Bad("wrong", [], swap=(MAPPING, "response.email", "$nope(response.email)"))


def found(root, *paths):
    return [(f.code, f.span.file, f.span.line) for f in lint_paths(root, [root / path for path in paths]).findings]


@pytest.fixture
def wrong(tmp_path):
    return make(tmp_path.resolve(), WRONG)


def test_a_fault_of_the_base_is_said_once_however_many_accounts_use_it(wrong):
    for number in range(20):
        (wrong / f"accounts/a{number}.yaml").write_text("connector: demo\n")
    assert found(wrong) == [("EXP102", MAPPING, 6)]


def test_accounts_that_override_nothing_are_linted_as_if_each_were_alone(wrong):
    field = "fields: [{name: region, options: [eu, us]}]\n"
    (wrong / HTTP).write_text(field + (wrong / HTTP).read_text())
    (wrong / "environments/sandbox.yaml").write_text("connectors: {demo: {hosts: [evil.example]}}\n")
    for number, rest in enumerate(
        (
            "context: {region: eu}",
            "context: {region: asia}",
            "context: {}",
            "environment: sandbox\ncontext: {region: eu}",
            "environment: sandbox\ncontext: {region: us, api_key: 0a1b2c3d4e5f}",
            "context: {region: us, api_key: 0a1b2c3d4e5f}",
            "override: {unified: {crm: {contacts: {list: {response_mapping: {emial: response.id}}}}}}",
            "override: {}\ncontext: {region: us}",
        )
    ):
        (wrong / f"accounts/a{number}.yaml").write_text(f"connector: demo\n{rest}\n")
    together = found(wrong)
    alone = [finding for path in (wrong / "accounts").iterdir() for finding in found(wrong, path)]
    shared = found(wrong, "connectors", "environments", "conn.yaml")
    assert sorted(together) == sorted([*alone, *shared])
    assert {code for code, _, _ in alone} == {"REF103", "SEC101", "MAP303"}


def test_a_draft_is_linted_without_being_saved(wrong):
    (wrong / ACCOUNT).write_text("connector: demo\n")
    override = "override: { crm.contacts.list.response_mapping.email: $nope(response.id) }\n"
    draft = load_workspace(wrong).with_texts({ACCOUNT: f"connector: demo\n{override}"})
    assert [(f.code, f.span.file) for f in lint_workspace(draft, [wrong / ACCOUNT]).findings] == [("EXP102", ACCOUNT)]
    assert [(f.code, f.span.file) for f in lint_workspace(draft).findings] == [("EXP102", ACCOUNT), ("EXP102", MAPPING)]
    assert found(wrong) == [("EXP102", MAPPING, 6)]


def test_only_what_is_named_is_reported(wrong):
    (wrong / ACCOUNT).write_text("connector: dmo\n")
    assert found(wrong, "accounts") == [("REF101", ACCOUNT, 1)]
    assert found(wrong, MAPPING) == [("EXP102", MAPPING, 6)]
    assert found(wrong, TAPE) == []
    assert found(wrong, "connectors") == [("EXP102", MAPPING, 6)]
    assert sorted(found(wrong, "connectors", ACCOUNT)) == [("EXP102", MAPPING, 6), ("REF101", ACCOUNT, 1)]


def test_files_are_counted(wrong):
    assert lint_paths(wrong, []).files == 6
    assert lint_paths(wrong, [wrong / "accounts", wrong / ACCOUNT, wrong / "accounts/../accounts"]).files == 1
    assert lint_paths(wrong, [wrong / "connectors"]).files == 3


def test_a_workspace_is_found_from_below_and_through_dots(wrong):
    assert found(wrong / "connectors/demo", "../..") == [("EXP102", MAPPING, 6)]
    result = lint_paths(wrong / "connectors/demo", [])
    assert result.root == wrong
    assert result.files == 6  # no path means the whole workspace, wherever one stands in it


def test_a_catalogue_without_conn_yaml_is_linted_too(wrong):
    (wrong / "conn.yaml").unlink()
    assert found(wrong, "connectors/demo") == [("EXP102", MAPPING, 6)]
    assert found(wrong, MAPPING) == [("EXP102", MAPPING, 6)]


def test_nothing_to_lint_is_an_error(tmp_path, wrong):
    (wrong / "notes").mkdir()
    (wrong / "notes/x.txt").write_text("x")
    for paths in (["notes"], ["notes/x.txt"], ["accounts", "notes"], ["nowhere"]):
        with pytest.raises(UsageError):
            lint_paths(wrong, [wrong / path for path in paths])


def test_another_workspaces_documents_are_not_passed_over(tmp_path_factory, wrong):
    other = make(tmp_path_factory.mktemp("other"), WRONG)
    (other / "README.md").write_text("# x\n")
    with pytest.raises(UsageError) as caught:
        lint_paths(wrong, [wrong / ACCOUNT, other])
    assert "outside the workspace" in caught.value.hint


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("# conn: ignore EXP102 -- known", []),
        ("# conn: ignore exp102 -- known", []),
        ("# conn: ignore EXP101, EXP102 -- known", []),
        ("# conn: ignore EXP102 — known", []),
        ("# conn: ignore EXP103 -- known", ["EXP102"]),
        ("# conn: ignore EXP102", ["DOC011", "EXP102"]),
        ("# conn: ignore EXP102 --", ["DOC011", "EXP102"]),
        ("# conn: ignore -- because", ["DOC011", "EXP102"]),
        ("# conn: ignore EXP1022 -- because", ["DOC011", "EXP102"]),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_comment_silences_by_code_and_with_a_reason(wrong, comment, kept, before):
    line = "        email: $nope(response.email)\n"
    text = (wrong / MAPPING).read_text()
    new = f"        {comment}\n{line}" if before else f"{line.rstrip()} {comment}\n"
    (wrong / MAPPING).write_text(text.replace(line, new))
    assert sorted(code for code, *_ in found(wrong)) == kept


def test_a_comment_reaches_no_further_than_its_line(wrong):
    text = (wrong / MAPPING).read_text()
    both = (
        "        # conn: ignore EXP102 -- known\n        email: $nope(response.email)\n"
        "        name: $nope(response.name)\n"
    )
    (wrong / MAPPING).write_text(text.replace("        email: $nope(response.email)\n", both))
    assert found(wrong) == [("EXP102", MAPPING, 8)]


def test_a_comment_before_a_block_reaches_all_of_it(wrong):
    text = (wrong / MAPPING).read_text()
    block = (
        "        # conn: ignore EXP102 -- known\n        email: |\n"
        "          (\n\n          $nope(response.email)\n          )\n"
    )
    after = "        name: $nope(response.name)\n"
    (wrong / MAPPING).write_text(text.replace("        email: $nope(response.email)\n", block + after))
    assert found(wrong) == [("EXP102", MAPPING, 12)]


def test_what_looks_like_a_comment_inside_a_text_is_none(wrong):
    (wrong / ACCOUNT).write_text('connector: demo\nlabel: "# conn: ignore"\ncontext:\n  note: |\n    # conn: ignore\n')
    assert [code for code, *_ in found(wrong)] == ["EXP102"]


def test_severities_are_the_workspaces(wrong):
    (wrong / "conn.yaml").write_text("version: 1\nlint: {severity: {EXP102: warning}}\n")
    assert [(f.code, f.severity) for f in lint_paths(wrong, []).findings] == [("EXP102", Severity.WARNING)]


def test_a_conn_yaml_that_cannot_be_used_is_a_finding_beside_the_others(wrong):
    (wrong / "conn.yaml").write_text("version: [\n")
    assert [code for code, *_ in found(wrong)] == ["DOC002", "EXP102"]
    (wrong / "conn.json").write_text("{}")
    with pytest.raises(ConfigurationError):
        lint_paths(wrong, [])


def test_what_follows_from_a_wrong_document_is_not_said(wrong):
    (wrong / HTTP).write_text("base_url: https://api.example.com\nresurces: {}\n")
    assert [code for code, *_ in found(wrong)] == ["CFG101", "EXP102"]


def test_overrides_are_linted_like_connectors(wrong):
    (wrong / ACCOUNT).write_text(
        "connector: demo\noverride:\n  unified:\n    crm:\n      contacts:\n        list:\n"
        "          response_mapping:\n            email: $upercase(response.email)\n            title: respnse.title\n"
        "            nme: $base.name\n"
    )
    assert found(wrong, ACCOUNT) == [("EXP102", ACCOUNT, 8), ("EXP103", ACCOUNT, 9), ("MAP303", ACCOUNT, 10)]


def test_markdown_is_read_where_it_stands(wrong):
    page = wrong / "docs/page.md"
    page.parent.mkdir()
    page.write_text(
        "# Page\n\n```yaml\nbase_url: https://x.example\nresources: {a: {list: {method: gt, path: /a}}}\n```\n\n"
        '- x\n\n   ```json\n   {"a": }\n   ```\n\n```yaml\nanything: [goes, here]\n```\n\n```python\n{{{\n```\n'
    )
    result = lint_paths(wrong, [page])
    assert [(f.code, f.span.line, f.span.column) for f in result.findings] == [("CFG104", 5, 32), ("DOC002", 11, 10)]
    (wrong / "docs/.hidden").mkdir()
    (wrong / "docs/.hidden/x.md").write_text("```json\n{\n```\n")
    (wrong / "docs/node_modules").mkdir()
    (wrong / "docs/node_modules/x.md").write_text("```json\n{\n```\n")
    assert lint_paths(wrong, [wrong / "docs"]).files == 1


def test_a_comment_silences_in_markdown_too(wrong):
    page = wrong / "page.md"
    page.write_text(
        "```yaml\nbase_url: https://x.example\n# conn: ignore CFG104 -- shown on purpose\n"
        "resources: {a: {b: {method: gt, path: /}}}\n```\n"
    )
    assert lint_paths(wrong, [page]).findings == []


def test_a_baseline_holds_when_lines_move_and_not_for_new_faults(wrong):
    path = wrong / "accepted.json"
    assert apply_baseline(path, lint_paths(wrong, []).findings, update=True) == []
    (wrong / MAPPING).write_text("\n\n" + (wrong / MAPPING).read_text())
    assert apply_baseline(path, lint_paths(wrong, []).findings) == []
    (wrong / MAPPING).write_text((wrong / MAPPING).read_text() + "        name: $other(response.name)\n")
    left = apply_baseline(path, lint_paths(wrong, []).findings)
    assert [finding.code for finding in left] == ["EXP102"]
    assert "other" in left[0].message
    apply_baseline(path, lint_paths(wrong, []).findings, update=True)
    assert len(json.loads(path.read_text())["accepted"]) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accepted": 1}', '{"accepted": [{}]}', '{"accepted": ["x"]}'])
def test_a_file_that_is_no_baseline(wrong, text):
    path = wrong / "accepted.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a baseline"):
        apply_baseline(path, [])


def test_a_baseline_that_is_a_folder(wrong):
    with pytest.raises((UsageError, ConfigurationError)):
        apply_baseline(wrong / "accounts", [])


SECRETS = [
    ("headers: {x-api-key: 0a1b2c3d4e5f}", True),
    ("headers: {authorization: Bearer 0a1b2c3d4e5f}", True),
    ("query: {api_key: 0a1b2c3d4e5f}", True),
    ("headers: {x-note: ghp_0123456789abcdefghijABCDEFGHIJ012345}", True),
    ("credentials: {format: oauth2_client_credentials, config: {client_id: abc, client_secret: 0a1b2c3d4e5f}}", True),
    ("docs_url: https://ada:0a1b2c3d4e5f@api.example.com/docs", True),
    ("docs_url: 'https://api.example.com/docs?api_key=0a1b2c3d4e5f'", True),
    ("docs_url: 'https://api.example.com/docs?page_token=first&api_key={{query.key}}'", False),
    ("headers: {x-api-version: '2026-01-01'}", False),
    ("headers: {accept: application/json}", False),
    ("query: {page_token: first}", False),
]


@pytest.mark.parametrize(("line", "secret"), SECRETS)
def test_literal_secrets(tmp_path, line, secret):
    bad = Bad("secret", [], swap=(HTTP, "base_url", f"{line}\nbase_url"))
    if line.startswith("credentials"):
        bad = Bad("secret", [], swap=(HTTP, "credentials: {format: bearer}", line))
    codes = [finding.code for finding in lint_paths(make(tmp_path, bad), []).findings]
    assert ("SEC101" in codes) is secret, codes


TEMPLATES = [
    ("query: {a: '{{query.x}}'}", []),
    ("query: {a: '{{qury.x}}'}", ["EXP103"]),
    ("query: {a: '{{context.x & $string(id)}}'}", []),
    ("query: {a: '{{env.X}}'}", ["EXP104"]),
    ("query: {a: '{{oauth.token.access_token}}'}", ["EXP104"]),
    ("headers: {a: '{{body.x}}-{{$nope()}}'}", ["EXP102"]),
    ("errors: [{when: status = 404, then: empty}]", []),
    ("errors: [{when: statuss = 404, then: empty}]", ["EXP103"]),
    ("errors: [{when: 'status = ', then: empty}]", ["EXP101"]),
    ("errors: [{when: status = 400, then: {fail: {kind: conflict, message: body.msg}}}]", []),
    ("errors: [{when: status = 400, then: {fail: {kind: conflict, message: bdy.msg}}}]", ["EXP103"]),
]


@pytest.mark.parametrize(("line", "codes"), TEMPLATES)
def test_names_in_scope(tmp_path, line, codes):
    bad = Bad("scope", [], swap=(HTTP, "base_url", f"{line}\nbase_url"))
    assert [finding.code for finding in lint_paths(make(tmp_path, bad), []).findings] == codes


def test_a_baseline_that_is_missing_accepts_nothing(wrong):
    with pytest.raises(UsageError, match=r"baseline mistyped\.json does not exist"):
        apply_baseline(wrong / "mistyped.json", lint_paths(wrong, []).findings)
    assert not (wrong / "mistyped.json").exists()


@pytest.mark.parametrize(("text", "code"), [("{", "DOC002"), ('{"type": 5}', "CFG104"), ("true", ""), ("{}", "")])
def test_a_model_of_the_workspace_must_be_a_schema(wrong, text, code):
    own = "models/crm/gadget.schema.json"
    (wrong / own).parent.mkdir(parents=True, exist_ok=True)
    before = lint_paths(wrong, []).files
    (wrong / own).write_text(text)
    assert [row[:2] for row in found(wrong) if row[1] == own] == ([(code, own)] if code else [])
    assert lint_paths(wrong, []).files == before + 1
    assert [row[:2] for row in found(wrong, own)] == ([(code, own)] if code else [])
    assert found(wrong, MAPPING) == [("EXP102", MAPPING, 6)]


@pytest.mark.slow
def test_work_grows_with_the_mapping_also_when_it_has_more_expressions_than_are_kept(wrong):
    def count(size: int) -> int:
        fields = "".join(f"        f{number}: response.f{number}{size}\n" for number in range(size))
        (wrong / MAPPING).write_text(text + fields)
        return count_calls(lambda: found(wrong))

    text = (wrong / MAPPING).read_text().rstrip() + "\n"
    few, many = count(2000), count(6000)
    assert many < 4.2 * few  # 5 times, if each rule compiled them again
