"""Which expressions are found to be a habit of another language, and which are JSONata."""

import json

import pytest

from conn_engine.lint import lint_paths

CONNECTOR = {"base_url": "https://api.example.com", "resources": {"things": {"list": {"method": "get", "path": "/t"}}}}


def found(folder, expression):
    """The codes of an operation whose `record_mapping` is the expression."""
    data = json.loads(json.dumps(CONNECTOR))
    data["resources"]["things"]["list"]["record_mapping"] = expression
    path = folder / "connectors" / "shop" / "connector.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(data))
    (folder / "conn.yaml").write_text("version: 1\n")
    return [(finding.code, finding.hint) for finding in lint_paths(folder, []).findings]


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("record['name']", "write .name to read the field"),
        ('record.a["full name"].b', "write .`full name` to read the field"),
        ("$lookup(record, 'a')['b']", "write .b to read the field"),
        ("(record.a)['b']", "write .b to read the field"),
    ],
)
def test_a_constant_text_filters_nothing(tmp_path, expression, hint):
    assert found(tmp_path, expression) == [("EXP130", hint)]


@pytest.mark.parametrize(
    ("expression", "is_found"),
    [
        ("[record.a, record.b][$ != ''].{'n': $}", True),
        ("$count([[record.a], record.b][0][$].n)", True),
        ("([record.a, record.b])[$ != ''].{'n': $}", False),
        ("[record.a, record.b].{'n': $}", False),
        ("$join([record.a, record.b][$ != ''], '.')", False),
        ("record.a[b = [1, 2]][0].c", False),
    ],
)
def test_a_filtered_list_before_a_step_is_found(tmp_path, expression, is_found):
    assert [code for code, _ in found(tmp_path, expression)] == ["EXP132"] * is_found


@pytest.mark.parametrize("expression", ["record.a + ' ' + record.b", "'id-' + record.id", "record.a + ''"])
def test_a_sum_with_a_text_is_found_once(tmp_path, expression):
    assert [code for code, _ in found(tmp_path, expression)] == ["EXP131"]


@pytest.mark.parametrize(
    "expression",
    [
        "record.a in ['x']",
        "['x', record.a]",
        "record.a ? ['x'] : []",
        "record.list[type = 'x'].a",
        "record.list[0]",
        "record.a & ' ' & record.b",
        "$number('1') + record.n",
        "record.n + 1",
        "$append(['a'], ['b'])",
        "record.a = 'x' and ['y']",
        "'a + b'",
        "$match(record.a, /['x']/)",
    ],
)
def test_what_is_meant_is_not(tmp_path, expression):
    assert found(tmp_path, expression) == []
