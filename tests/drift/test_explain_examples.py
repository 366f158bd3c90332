"""Each code and each setting has an example in `conn explain`, taken from what other tests run."""

from explain_examples import build_examples, has_valid_keys, walk

from conn_engine.diagnostics.codes import CODES
from conn_engine.documents import dump_json, parse
from conn_engine.schemas.examples import FILE, find_code_example, find_setting_example
from conn_engine.schemas.kinds import find_kinds

EXAMPLES = build_examples()
NOT_FROM_A_WORKSPACE = (
    "CHG180 DOC007 DOC010 MAP401 PAG110 PAG111 PAG112 REC002 REC004 REC005 RUN102 RUN130 RUN201 RUN301 SEC107 SEC108 "
    "TST106 TST107 TST108 TST109"
)
"""Codes that need a vendor, a command or a past result: no bad workspace has them."""


def test_the_committed_examples_are_generated() -> None:
    assert FILE.read_text(encoding="utf-8") == dump_json(EXAMPLES), "run `make docs`"


def test_every_code_has_an_example() -> None:
    assert sorted(CODES.keys() - EXAMPLES["codes"].keys()) == NOT_FROM_A_WORKSPACE.split()
    assert find_code_example("CFG130").splitlines()[-1] == "  fix: write {{id}}"
    assert find_code_example("TST106") == ""


def test_every_setting_has_an_example_with_its_key() -> None:
    for name, kind in find_kinds().items():
        for key in kind.keys:
            if key.name != "<name>":
                text = EXAMPLES["settings"][f"{name}#{key.name}"]["text"]
                assert key.name in text
                assert parse(text, "example.yaml").data
    assert "request:" in find_setting_example("unified.operation#before")
    assert find_setting_example("operation#response_path").endswith("      response_path: items")
    assert find_setting_example("nothing") == ""


def test_every_example_has_only_keys_that_are_valid_at_its_place() -> None:
    invalid = []
    for name, kind in find_kinds().items():
        for key in kind.keys:
            data = parse(EXAMPLES["settings"].get(f"{name}#{key.name}", {"text": ""})["text"], "example.yaml").data
            values = [entry.data[key.name] for entry in walk("", (), data) if key.name in entry.data]
            if values and not any(has_valid_keys(key, value) for value in values):
                invalid.append(f"{name}#{key.name}")
    assert invalid == []
    before = next(key for key in find_kinds()["unified.operation"].keys if key.name == "before")
    assert has_valid_keys(before, [{"name": "a", "request": {"path": "/x"}}])
    assert not has_valid_keys(before, [{"name": "a", "method": "get", "url": "https://api.example.com/x"}])
