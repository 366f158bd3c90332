"""`conn score` and `conn catalogue`, and what `conn new` says and fills in for a known vendor."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from transcript import conn

sys.path.append(str(Path(__file__).parents[1] / "engine/analysis/score"))

from scored_shop import create_shop

from conn_engine.config import load_workspace
from conn_engine.config.vendors import load_facts
from conn_engine.diagnostics import Severity
from conn_engine.documents.markdown import count_written_lines
from conn_engine.lint import lint_paths
from conn_engine.testing.suite import Selection, run_suite

VENDORS = sorted({name for kind in ("webhook-schemes", "rate-limits", "oauth-endpoints") for name in load_facts(kind)})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return create_shop(tmp_path)


def test_a_score_has_its_parts_and_three_next_steps(root: Path) -> None:
    done = conn(root, "score", "shop")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("shop: ")
    assert lines[0].endswith("of 100, a preview: below 80")
    assert "  operations    6.0 of 15  2 of 5 operations of 1 resource" in lines
    assert [line[:5] for line in lines if line[:4] in ("  1.", "  2.", "  3.", "  4.")] == ["  1. ", "  2. ", "  3. "]
    assert "2 recordings" in done.out


def test_the_mistakes_are_tried_again_after_an_edit_or_on_request(root: Path) -> None:
    conn(root, "score", "shop")
    path = root / ".conn/scores.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    tried = stored["connectors"][0]["mutation"]
    stored["connectors"][0]["mutation"] = {**tried, "mutants": 1000}
    path.write_text(json.dumps(stored), encoding="utf-8")

    def read(*options: str) -> dict[str, int]:
        (row,) = json.loads(conn(root, "score", "shop", "--format", "json", *options).out)["connectors"]
        return row["mutation"]

    assert read() == {**tried, "mutants": 1000}
    assert read("--again") == tried
    assert read() == tried
    path.write_text(json.dumps(stored), encoding="utf-8")
    (root / "connectors/shop/README.md").write_text("Shop\n", encoding="utf-8")  # not tested
    assert read() == {**tried, "mutants": 1000}
    recorded = root / "connectors/shop/recordings/m.things.get.json"
    recorded.write_text(recorded.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert (read()["mutants"], read()["digest"] == tried["digest"]) == (tried["mutants"], False)


def test_too_few_points_are_an_exit_code_and_markdown_has_every_connector(root: Path) -> None:
    assert conn(root, "score", "--all", "--min", "99").code == 1
    done = conn(root, "score", "--all", "--min", "1", "--format", "markdown")
    assert done.code == 0
    assert "| `shop` | " in done.out
    assert "### `shop`" in done.out


@pytest.mark.parametrize("words", [[], ["shop", "--all"]])
def test_connectors_are_named_or_all(root: Path, words: list[str]) -> None:
    done = conn(root, "score", *words)
    assert done.code == 2
    assert "name connectors, or add --all" in done.err


def test_a_score_that_cannot_be_stored_is_shown(root: Path) -> None:
    (root / ".conn").write_text("a file", encoding="utf-8")
    done = conn(root, "score", "shop")
    assert done.code == 0
    assert "the score is not stored" in done.err


def test_the_catalogue_has_own_and_bundled_connectors(root: Path) -> None:
    lines = conn(root, "catalogue").out.splitlines()
    assert next(line for line in lines if line.startswith("shop ")).split()[1:3] == ["not", "scored"]
    assert any(line.startswith("hubspot ") and "bundled" in line for line in lines)
    assert lines[-1] == "next: conn score shop"
    conn(root, "score", "shop")
    assert "(preview)" in conn(root, "catalogue", "shop").out


def test_the_catalogue_is_searched_without_a_workspace(tmp_path: Path) -> None:
    done = conn(tmp_path, "catalogue", "crm", "webhooks")
    names = [line.split()[0] for line in done.out.splitlines()]
    assert {"attio", "hubspot", "pipedrive"} <= set(names)
    assert not {"xero", "salesforce"} & set(names)
    assert names[-1] == "next:"


def test_a_search_without_a_result_suggests_a_name_or_says_what_is_known(tmp_path: Path) -> None:
    assert conn(tmp_path, "catalogue", "hubspto").out == 'no connector has hubspto; did you mean "hubspot"?\n'
    assert (
        conn(tmp_path, "catalogue", "qwrtz", "zzz").out == "no connector has qwrtz and zzz; conn catalogue lists all\n"
    )
    done = conn(tmp_path, "catalogue", "GitLab")
    assert "GitLab: no connector, but webhooks and rate_limit of GitLab are known\nnext: conn new" in done.out
    report = json.loads(conn(tmp_path, "catalogue", "GitLab", "--format", "json").out)
    assert report["known"] == [{"vendor": "GitLab", "label": "GitLab", "settings": ["webhooks", "rate_limit"]}]


def test_a_new_connector_with_nearly_the_name_of_a_bundled_one_names_that(tmp_path: Path) -> None:
    assert "did you mean the bundled hubspot? conn new hubspot\n" in conn(tmp_path, "new", "hubspto").out
    assert "did you mean" not in conn(tmp_path, "new", "warehouse-of-mine").out


def test_a_new_connector_of_a_known_vendor_has_its_settings_with_their_source(tmp_path: Path) -> None:
    done = conn(tmp_path, "new", "gitlab")
    assert "filled in rate_limit and webhooks of GitLab: test them with a real response and delivery\n" in done.out
    text = (tmp_path / "connectors/gitlab/connector.yaml").read_text(encoding="utf-8")
    assert "# The rate limit of GitLab, from several public implementations.\n" in text
    data = yaml.safe_load(text)
    assert data["rate_limit"] == load_facts("rate-limits")["gitlab"]["rate_limit"]
    assert data["webhooks"] == load_facts("webhook-schemes")["gitlab"]["webhooks"]
    assert "oauth2, vendor: s-lack, client_id" in conn_text(tmp_path, "s-lack")


def test_the_readme_of_a_new_connector_has_no_points(tmp_path: Path) -> None:
    conn(tmp_path, "new", "warehouse-of-mine")
    conn(tmp_path, "new", "shop", "--from", str(Path(__file__).parents[1] / "imports/documents/shop.yaml"))
    for name in ("warehouse-of-mine", "shop"):
        text = (tmp_path / f"connectors/{name}/README.md").read_text(encoding="utf-8")
        assert (len(text.splitlines()) > 10, count_written_lines(text)) == (True, 1)


def test_a_new_connector_that_a_public_document_describes_names_it(tmp_path: Path) -> None:
    out = conn(tmp_path, "new", "activecampaign").out
    assert "source-activecampaign/manifest.yaml of airbytehq/airbyte" in out
    assert "conn new activecampaign --force --from manifest.yaml\n" in out
    assert (
        "conn new bamboo-hr --force --from providers.yaml --entry bamboohr\n" in conn(tmp_path, "new", "bamboo-hr").out
    )
    assert "describes it" not in conn(tmp_path, "new", "warehouse-of-mine").out


def conn_text(folder: Path, name: str) -> str:
    assert conn(folder, "new", name).code == 0
    return (folder / f"connectors/{name}/connector.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_skeleton_of_every_known_vendor_lints_and_passes(tmp_path: Path) -> None:
    assert len(VENDORS) > 180
    for name in VENDORS:
        assert conn(tmp_path, "new", f"{name[0]}-{name[1:]}").code == 0, name  # in a spelling that is not bundled
    errors = [finding for finding in lint_paths(tmp_path, []).findings if finding.severity is Severity.ERROR]
    assert [(finding.span, finding.message) for finding in errors] == []
    reports = list(run_suite(load_workspace(tmp_path), Selection()))
    failed = [
        (row.name.text, f.span, f.message) for row in reports for f in row.all_findings if f.severity is Severity.ERROR
    ]
    assert failed == []
