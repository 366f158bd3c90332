"""`conn check`: every rule with its fix, as text and as data."""

import json

from transcript import conn

from conn_cli.scaffold import create_connector, create_workspace


def test_the_report_has_every_rule_with_its_fix(tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "shop")
    path = tmp_path / "connectors" / "shop" / "recordings" / "crm.contacts.get.json"
    path.write_text(path.read_text().replace("ada@example.com", "jane.doe@gmail.com"))
    run = conn(tmp_path, "check", "connectors/shop", "--quick", "--format", "json", "--format", "text=all.txt")
    assert run.code == 1
    [connector] = json.loads(run.out)["connectors"]
    rules = {rule["rule"]: rule for rule in connector["rules"]}
    assert rules["mutations"]["passed"] is None
    assert rules["personal_data"]["problems"][0]["line"] > 0
    assert all(problem["fix"] for rule in rules.values() for problem in rule["problems"])
    text = (tmp_path / "all.txt").read_text()
    assert "  hosts: api.shop.example\n" in text
    assert "recordings/crm.contacts.get.json:" in text
    assert text.endswith("shop: 4 rules of 7 failed\n")


def test_a_folder_elsewhere_needs_no_workspace(tmp_path):
    run = conn(tmp_path, "check", "absent")
    assert run.code == 2
    assert "there is no folder" in run.err


def test_all_shows_every_problem_of_a_rule(tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "shop")
    addresses = [f"user{number}@gmail.com" for number in range(130)]
    (tmp_path / "connectors" / "shop" / "expected" / "more.json").write_text(json.dumps(addresses))
    brief = conn(tmp_path, "check", "connectors/shop", "--quick").out
    assert brief.count("@gmail.com may belong to somebody") == 20
    assert "\n          … 110 more problems (--all shows every one)\n" in brief
    every = conn(
        tmp_path, "check", "connectors/shop", "--quick", "--all", "--format", "text", "--format", "json=all.json"
    ).out
    assert every.count("@gmail.com may belong to somebody") == 130
    assert (tmp_path / "all.json").read_text().count("@gmail.com may belong to somebody") == 130
