"""The score of a small connector, counted by hand; each part rises with what it counts, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest
from scored_shop import CONNECTOR, NOW, UNIFIED, build_recording, create_shop

from conn_engine.analysis.score import BAR, POINTS, MutationFigures, ScoredConnector, score_connector
from conn_engine.config import load_workspace
from conn_engine.documents.markdown import END_OF_GENERATED, GENERATED
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_workspace


def score(root: Path, **options: Any) -> ScoredConnector:
    return score_connector(load_workspace(root), "shop", **{"now": NOW, **options})


def points(scored: ScoredConnector) -> dict[str, float]:
    return {part.name: part.points for part in scored.parts}


def test_the_parts_add_up_to_a_hundred() -> None:
    assert sum(POINTS.values()) == 100


def test_the_score_is_counted_from_the_files(tmp_path: Path) -> None:
    scored = score(create_shop(tmp_path), mutation=MutationFigures(mutants=10, killed=9, digest=""))
    assert points(scored) == {
        "operations": 6.0,  # list and get of five
        "fields": 11.2,  # id, name and shelf of four: another connector serves the fax, and another part counts deleted
        "tests": 18.0,  # nine of ten
        "contract": 0.0,
        "scenarios": 0.0,
        "webhooks": 0.0,
        "incremental": 0.0,
        "deletes": 0.0,
        "rate_limit": 0.0,
        "login": 0.0,
        "readme": 0.0,
    }
    assert (scored.score, scored.preview) == (35, True)
    (row,) = scored.resources
    assert (row.resource, row.record, row.missing_operations) == ("m.things", "m.thing", ["create", "update", "delete"])
    assert (row.fields, row.mapped, row.served_elsewhere, row.served_only_here) == (5, 3, 1, 1)
    assert row.missing_fields == ["phone"]
    assert (scored.label, scored.models, scored.capabilities) == ("Shop", ["m"], [])


def test_the_next_steps_are_the_three_that_cost_most(tmp_path: Path) -> None:
    scored = score(create_shop(tmp_path), mutation=MutationFigures(mutants=10, killed=9, digest=""))
    lost = [step.points for step in scored.missing]
    assert lost == sorted(lost, reverse=True)
    assert scored.next_steps == scored.missing[:3]
    assert [step.part for step in scored.next_steps] == ["contract", "operations", "webhooks"]
    assert all(step.do for step in scored.missing)


def test_the_mistakes_are_tried_unless_their_number_is_known(tmp_path: Path) -> None:
    root = create_shop(tmp_path)
    tried: list[tuple[int, int]] = []
    scored = score(root, advance=lambda done, total: tried.append((done, total)))
    assert scored.mutation is not None
    assert 0 < scored.mutation.killed <= scored.mutation.mutants == len(tried) == tried[-1][1]
    unmeasured = score(root, mutate=False)
    assert (unmeasured.mutation, points(unmeasured)["tests"]) == (None, 0)
    assert unmeasured.next_steps[0].do == "conn score shop"


def test_failing_tests_are_the_first_thing_to_correct(tmp_path: Path) -> None:
    root = create_shop(tmp_path)
    path = root / "connectors/shop/unified/m.yaml"
    path.write_text(UNIFIED.replace("response.n", "response.s"), encoding="utf-8")
    scored = score(root)
    assert scored.mutation is None
    assert "already fails" in scored.failing
    assert (scored.next_steps[0].part, scored.next_steps[0].points) == ("tests", 20)
    assert scored.next_steps[0].do == "conn test --all --connector shop"


def test_an_error_of_lint_makes_a_preview_and_is_shown_first(tmp_path: Path) -> None:
    broken = CONNECTOR + '    old: {method: get, path: /old, query: {since: "{{$yesterday()}}"}}\n'
    root = create_shop(
        tmp_path, **{"connector.yaml": broken, "contract.yaml": "not_offered: {m.things.fxa: The shop has none.}\n"}
    )
    scored = score(root, mutate=False)
    assert scored.lint_errors == 2
    assert (scored.next_steps[0].part, scored.next_steps[0].do) == ("lint", "conn lint connectors/shop")
    assert scored.next_steps[0].missing == "lint has 2 errors: EXP102 in connectors/shop/connector.yaml:7 and 1 more"


def test_an_error_of_lint_costs_the_points_above_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = dict.fromkeys(("webhooks", "incremental", "deletes", "rate_limit"), "The shop has none.")
    root = create_shop(tmp_path)
    (root / "connectors/shop/contract.yaml").write_text(json.dumps({"not_offered": absent}), encoding="utf-8")
    monkeypatch.setattr("conn_engine.analysis.score.BAR", 20)  # the shop has more
    before = score(root, mutate=False)
    assert (before.preview, before.lint_errors) == (False, 0)
    (root / "connectors/shop/contract.yaml").write_text(
        json.dumps({"not_offered": {**absent, "m.things.fxa": "The shop has none."}}), encoding="utf-8"
    )
    scored = score(root, mutate=False)
    assert (scored.score, scored.preview, scored.parts) == (19, True, before.parts)
    assert scored.missing[0].points == before.score - 19


def test_a_severity_of_the_workspace_changes_the_digest_of_a_score(tmp_path: Path) -> None:
    root = create_shop(tmp_path, **{"contract.yaml": "not_offered: {m.things.fxa: The shop has none.}\n"})
    before = score(root, mutate=False)
    (root / "conn.yaml").write_text("version: 1\nlint: {severity: {CFG101: warning}}\n", encoding="utf-8")
    scored = score(root, mutate=False)
    assert (before.lint_errors, scored.lint_errors) == (1, 0)
    assert before.digest != scored.digest


def test_scenarios_are_found_in_the_results(tmp_path: Path) -> None:
    pages = [{"items": [{"id": str(page), "n": "a", "s": "b"}], "more": page < 3} for page in (1, 2, 3)]
    paged = CONNECTOR.replace(
        "list: {path: /things}",
        "list: {path: /things, response_path: items, pagination: {format: page, page_param: p, has_more: body.more}}",
    )
    cases = {
        "pages": [(f"/things?p={number}", 200, body) for number, body in enumerate(pages, 1)],
        "nothing": [("/things?p=1", 200, {"items": [], "more": False})],
        "limit": [("/things?p=1", 429, {})],
        "refused": [("/things?p=1", 401, {})],
        "broken": [("/things?p=1", 403, {})],
    }
    files = {
        f"recordings/m.things.list.{name}.json": json.dumps(build_recording("m.things.list", answers, scenario=name))
        for name, answers in cases.items()
    }
    first = json.dumps(build_recording("m.things.list", cases["nothing"]))
    root = create_shop(tmp_path, **{"connector.yaml": paged, "recordings/m.things.list.json": first, **files})
    scored = score(root, mutate=False)
    assert points(scored)["scenarios"] == 15
    assert all(scored.recordings.scenarios.values())
    (root / "connectors/shop/recordings/m.things.list.limit.json").unlink()
    scored = score(root, mutate=False)
    assert points(scored)["scenarios"] == 12
    (step,) = [step for step in scored.missing if step.part == "scenarios"]
    assert step.do == "conn record m.things.list -c shop --from-body error.json --status 429 --scenario rate_limited"


def test_a_field_that_the_vendor_does_not_have_is_not_expected(tmp_path: Path) -> None:
    (before,) = score(create_shop(tmp_path), mutate=False).resources
    name = before.missing_fields[0]
    contract = f"not_offered: {{m.things.{name}: The shop has none.}}\n"
    (tmp_path / "connectors/shop/contract.yaml").write_text(contract, encoding="utf-8")
    scored = score(tmp_path, mutate=False)
    (row,) = scored.resources
    assert (row.not_offered, name in row.missing_fields) == (1, False)
    part = next(part for part in scored.parts if part.name == "fields")
    assert part.detail.endswith("; the vendor does not have 1")
    assert part.points == round(15 * row.mapped / (row.fields - row.served_elsewhere - 1), 1)
    assert part.declared == round(15 / (row.fields - row.served_elsewhere), 1)


def test_a_field_that_no_recording_fills_and_a_constant_do_not_count(tmp_path: Path) -> None:
    (before,) = score(create_shop(tmp_path), mutate=False).resources
    unified = UNIFIED.replace("shelf: response.s", "shelf: response.s, phone: response.p, deleted: 'false'")
    scored = score(create_shop(tmp_path, **{"unified/m.yaml": unified}), mutate=False)
    (row,) = scored.resources
    assert (row.mapped, "phone" in row.missing_fields) == (before.mapped, True)
    assert points(scored)["deletes"] == 0


def test_what_the_vendor_does_not_offer_is_taken_out_of_the_total(tmp_path: Path) -> None:
    reasons = {name: f"The shop has no {name}." for name in ("webhooks", "incremental", "deletes", "rate_limit")}
    before = score(create_shop(tmp_path), mutate=False)
    (tmp_path / "connectors/shop/contract.yaml").write_text(json.dumps({"not_offered": reasons}), encoding="utf-8")
    scored = score(tmp_path, mutate=False)
    absent = {part.name: (part.points, part.of, part.detail) for part in scored.parts if part.not_offered}
    assert absent == {name: (0, 0, f"not offered: {reason}") for name, reason in reasons.items()}
    assert before.score == int(sum(points(before).values()))
    assert scored.score == int(100 * sum(points(scored).values()) / 81)
    assert scored.contract.not_offered == reasons
    assert scored.declared == 22  # 19 of the parts, and 3 of the scenario of a reached rate limit
    assert not {step.part for step in scored.missing} & set(reasons)
    assert sum(step.points for step in scored.missing) == pytest.approx(100 * (1 - scored.score / 100), abs=1.5)


def test_a_declaration_that_the_vendors_resource_refutes_is_doubted(tmp_path: Path) -> None:
    connector = f"{CONNECTOR}    delete: {{path: '/things/{{{{id}}}}', method: delete}}\n"
    declared = "not_offered: {m.things.delete: The shop keeps it., m.things.create: The shop creates it.}\n"
    root = create_shop(tmp_path, **{"connector.yaml": connector, "contract.yaml": declared})
    scored = score(root, mutate=False)
    (row,) = scored.resources
    assert (row.operations_not_offered, row.missing_operations) == (["create", "delete"], ["update"])
    (step,) = [step for step in scored.missing if step.part == "operations" and not step.points]
    assert step.missing == "m.things.delete is in not_offered, although things.delete is in connector.yaml"


@pytest.mark.parametrize("reason", ["x", "None.", ""])
def test_a_reason_that_says_nothing_is_refused(tmp_path: Path, reason: str) -> None:
    contract = json.dumps({"not_offered": {"webhooks": reason}})
    with pytest.raises(ConfigurationError, match=r"contract\.yaml is invalid.*12"):
        score(create_shop(tmp_path, **{"contract.yaml": contract}), mutate=False)


def test_a_rate_limit_that_declares_nothing_has_no_points(tmp_path: Path) -> None:
    root = create_shop(tmp_path, **{"connector.yaml": CONNECTOR + "rate_limit: {}\n"})
    assert points(score(root, mutate=False))["rate_limit"] == 0


def test_what_the_connector_has_is_offered(tmp_path: Path) -> None:
    limited = CONNECTOR + "rate_limit: {limited_when: status = 429}\n"
    contract = "not_offered: {rate_limit: The vendor has no limit.}\n"
    scored = score(create_shop(tmp_path, **{"connector.yaml": limited, "contract.yaml": contract}), mutate=False)
    assert points(scored)["rate_limit"] == 3
    (step,) = [step for step in scored.missing if step.part == "rate_limit"]
    assert step.do == "remove rate_limit from not_offered of connectors/shop/contract.yaml"


@pytest.mark.parametrize("declared", ["", "credentials: none\n", "credentials: none\nverify: things.list\n"])
def test_a_connector_without_credentials_has_no_points_for_a_login(tmp_path: Path, declared: str) -> None:
    root = create_shop(tmp_path, **{"connector.yaml": CONNECTOR + declared})
    scored = score(root, mutate=False)
    (step,) = [step for step in scored.missing if step.part == "login"]
    assert (points(scored)["login"], step.points) == (0, 3)
    assert step.do.endswith(
        "if the API needs no credential, write it in not_offered of connectors/shop/contract.yaml, as login: REASON"
    )
    contract = root / "connectors/shop/contract.yaml"
    contract.write_text("not_offered: {login: The shop is public.}\n", encoding="utf-8")
    public = score(root, mutate=False)
    assert public.lint_errors == 0
    assert {part.name: part.of for part in public.parts}["login"] == 0
    assert "no refused credential is recorded" in {step.missing for step in scored.missing}
    assert "no refused credential is recorded" not in {step.missing for step in public.missing}


def test_a_credential_that_no_recorded_request_carries_has_half_of_the_points(tmp_path: Path) -> None:
    unused = CONNECTOR + "credentials: bearer\nauthorization: none\nverify: things.list\n"
    scored = score(create_shop(tmp_path, **{"connector.yaml": unused}), mutate=False)
    (step,) = [step for step in scored.missing if step.part == "login"]
    assert (points(scored)["login"], step.missing) == (1.5, "no recorded request carries the credential")


def test_a_declared_object_covers_its_fields_and_a_pointer_to_the_schema_is_allowed(tmp_path: Path) -> None:
    schema = "$schema: ../../schemas/contract.schema.json\n"
    root = create_shop(tmp_path, **{"contract.yaml": schema + "not_offered: {m.things.address: It has none.}\n"})
    path = root / "models/m/thing.schema.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    model["properties"]["address"] = {"properties": {"city": {"type": "string"}, "street": {"type": "string"}}}
    path.write_text(json.dumps(model), encoding="utf-8")
    (row,) = score(root, mutate=False).resources
    assert (row.not_offered, row.missing_fields) == (2, ["phone"])
    assert lint_workspace(load_workspace(root)).findings == []


def test_a_credential_can_be_refused_with_a_status_of_success(tmp_path: Path) -> None:
    rule = 'errors: [{when: body.error = "invalid_auth", then: {fail: {kind: unauthorized}}}]\n'
    answers = [("/things", 200, {"error": "invalid_auth"})]
    refused = json.dumps(build_recording("m.things.list", answers, scenario="refused"))
    files = {"connector.yaml": rule + CONNECTOR, "recordings/m.things.list.refused.json": refused}
    scored = score(create_shop(tmp_path, **files), mutate=False)
    assert [name for name, shown in scored.recordings.scenarios.items() if shown] == ["unauthorized"]


def test_the_contract_counts_what_it_refuses_and_what_the_vendor_does_not_offer(tmp_path: Path) -> None:
    contract = """\
document: https://shop.example/openapi.json
not_offered: {m.things.create: Things are created in the shop., m.things.delete: Nothing is deleted.}
gaps: {m.things.get: {reason: The document is older., link: "https://shop.example/notes"}}
"""
    scored = score(create_shop(tmp_path, **{"contract.yaml": contract}), mutate=False)
    assert points(scored)["contract"] == 5
    assert points(scored)["operations"] == 10  # list and get of three
    assert scored.contract.gaps == {"m.things.get": "The document is older."}
    assert load_workspace(tmp_path).strays() == []


@pytest.mark.parametrize("text", ["documnet: x", "gaps: {m.things.get: {link: 'https://shop.example'}}", "- a"])
def test_an_invalid_contract_is_refused(tmp_path: Path, text: str) -> None:
    root = create_shop(tmp_path, **{"contract.yaml": text})
    with pytest.raises(ConfigurationError, match=r"connectors/shop/contract\.yaml is invalid") as refused:
        score(root, mutate=False)
    assert "not_offered" in refused.value.hint


def test_the_age_follows_the_clock_and_does_not_change_the_score(tmp_path: Path) -> None:
    root = create_shop(tmp_path)
    new, old = score(root, mutate=False), score(root, mutate=False, now=NOW + 400 * 86_400)
    assert (new.recordings.age_days, old.recordings.age_days) == (1, 401)
    assert (new.recordings.oldest, new.recordings.newest, new.recordings.sources) == (
        "2026-01-01",
        "2026-01-01",
        {"contract": 2},
    )
    assert new.score == old.score
    assert [step.missing for step in old.missing if step.part == "recordings"] == [
        "the newest recording is 401 days old"
    ]
    assert "recordings" not in {step.part for step in new.missing}


def test_changes_deletes_limits_login_and_readme_count(tmp_path: Path) -> None:
    more = """\
credentials: bearer
verify: things.list
rate_limit: {limited_when: status = 429}
"""
    listing = UNIFIED.replace("list: {}", "list: {query_mapping: {since: query.updated_after}}").replace(
        "shelf: response.s", "shelf: response.s, deleted: response.gone = true"
    )
    changed = build_recording(
        "m.things.list",
        [("/things?since=2026-01-01", 200, [])],
        scenario="changed",
        call={"query": {"updated_after": "2026-01-01"}},
    )
    files = {
        "connector.yaml": CONNECTOR + more,
        "unified/m.yaml": listing,
        "recordings/m.things.list.changed.json": json.dumps(changed),
        "README.md": "line\n" * 10,
    }
    (step,) = [step for step in score(create_shop(tmp_path, **files), mutate=False).missing if step.part == "deletes"]
    assert (step.points, step.missing) == (4, "no recording has a deleted record")
    assert step.do.startswith("conn record m.things.list -c shop --from-body page.json --scenario deleted")
    deleted = build_recording(
        "m.things.list", [("/things", 200, [{"id": "1", "n": "Vase", "s": "A1", "gone": True}])], scenario="deleted"
    )
    root = create_shop(tmp_path, **files, **{"recordings/m.things.list.deleted.json": json.dumps(deleted)})
    scored = score(root, mutate=False)
    names = ("incremental", "deletes", "rate_limit", "login", "readme")
    assert [points(scored)[name] for name in names] == [4, 4, 3, 3, 3]
    assert scored.capabilities == ["bearer", "deletes", "incremental", "rate_limit"]
    assert scored.score < BAR


def test_an_incremental_listing_needs_a_recording_that_resumes(tmp_path: Path) -> None:
    setting = "incremental: {format: datetime, record_cursor: changed, start_param: since}"
    resuming = CONNECTOR.replace("list: {path: /things}", f"list: {{path: /things, {setting}}}")
    files = {
        "connector.yaml": resuming,
        "recordings/m.things.list.json": json.dumps(
            build_recording(
                "m.things.list",
                [("/things", 200, [{"id": "1", "n": "Vase", "s": "A1", "changed": "2026-01-01T00:00:00Z"}])],
            )
        ),
    }
    root = create_shop(tmp_path, **files)
    scored = score(root, mutate=False)
    (step,) = [step for step in scored.missing if step.part == "incremental"]
    assert (points(scored)["incremental"], step.points) == (0, 4)
    assert step.do.startswith("conn record things.list -c shop --state state.json --from-body page.json")
    resumed = build_recording(
        "m.things.list",
        [("/things?since=2026-01-01T00:00:00Z", 200, [])],
        scenario="resumed",
        call={"state": {"cursor": "2026-01-01T00:00:00Z"}},
    )
    (root / "connectors/shop/recordings/m.things.list.resumed.json").write_text(json.dumps(resumed), encoding="utf-8")
    scored = score(root, mutate=False)
    (part,) = [part for part in scored.parts if part.name == "incremental"]
    assert (part.points, part.detail) == (4, "things.list resumed")


def test_a_filter_that_changes_nothing_does_not_count(tmp_path: Path) -> None:
    mapped = UNIFIED.replace("list: {}", "list: {query_mapping: {page: query.limit}}")
    call = {"query": {"updated_after": "2026-01-01T00:00:00Z"}}
    ignored = build_recording("m.things.list", [("/things", 200, [])], scenario="changed", call=call)
    files = {"unified/m.yaml": mapped, "recordings/m.things.list.changed.json": json.dumps(ignored)}
    scored = score(create_shop(tmp_path, **files), mutate=False)
    assert points(scored)["incremental"] == 0


def test_the_generated_part_of_a_readme_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    generated = f"# Shop\n\n{GENERATED}\n" + "line\n" * 30 + f"{END_OF_GENERATED}\n" + "\n" * 10
    root = create_shop(tmp_path, **{"README.md": generated + "line\n" * 8})
    scored = score(root, mutate=False)
    (step,) = [step for step in scored.missing if step.part == "readme"]
    assert (points(scored)["readme"], step.missing) == (0, "the README has 9 lines that no command generated")
    (root / "connectors/shop/README.md").write_text(generated + "line\n" * 9, encoding="utf-8")
    assert points(score(root, mutate=False))["readme"] == 3


def test_an_unmapped_connector_and_an_unknown_name(tmp_path: Path) -> None:
    root = create_shop(tmp_path)
    (root / "connectors/shop/unified/m.yaml").unlink()
    scored = score(root, mutate=False)
    assert (points(scored)["operations"], points(scored)["fields"], scored.resources) == (0, 0, [])
    with pytest.raises(UsageError):
        score_connector(load_workspace(root), "shpo", now=NOW)
