"""Results are bounded, and have nothing that a reader does not see."""

import json

from conn_service.authoring.results import MOST_CHARACTERS, format_result


def test_a_short_result_is_complete() -> None:
    assert json.loads(format_result({"a": [1, "ü"]})) == {"a": [1, "ü"]}


def test_a_long_result_is_cut_and_says_so() -> None:
    for data in (
        {"rows": [{"text": "x" * 500}] * 5_000},
        {"text": "x" * 10_000_000},
        {str(key): "x" * 100 for key in range(100_000)},
        [[["x" * 50] * 100] * 100] * 100,
    ):
        text = format_result(data)
        assert len(text) <= MOST_CHARACTERS
        assert "cut: name" in json.loads(text)["shortened"]


def test_a_result_that_cannot_be_cut_is_an_error() -> None:
    data: dict[str, object] = {"x": "y"}
    for _ in range(3):
        data = {f"{key:04}": data for key in range(30)}
    assert json.loads(format_result(data))["code"] == "size"


def test_signs_that_are_not_shown_are_escaped() -> None:
    hidden = "\u202e\u200b\x1b\x9b\U000e0041\ud800\u2028"
    text = format_result({"a": f"é{hidden}😀"})
    assert "é" in text and "😀" in text
    assert not {*hidden} & {*text}
    assert json.loads(text) == {"a": f"é{hidden}😀"}


def test_failures_come_first_and_passed_operations_are_names() -> None:
    def row(name: str, *, passed: bool) -> dict[str, object]:
        return {"operation": name, "account": None, "passed": passed, "findings": [] if passed else ["x"]}

    report = {"kind": "test", "operations": [row("a.list", passed=True), row("b.list", passed=False)]}
    data = json.loads(format_result(report))
    assert [one["operation"] for one in data["operations"]] == ["b.list"]
    assert data["passed"] == ["a.list"]
