"""What was left out, folded for people: a line for each kind, and no kind is lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_import.folding import find_kind, fold_losses


@pytest.mark.parametrize(
    ("losses", "lines"),
    [
        ([], []),
        ([("callbacks", [])], ["callbacks"]),
        ([("callbacks", ["POST /a"])], ["callbacks: POST /a"]),
        ([("callbacks", list("abcd"))], ["callbacks: a, b, c, d"]),
        ([("callbacks", list("abcdefg"))], ["callbacks (7 places): a, b, c and 4 more"]),
        (
            [
                ("the security scheme oauth2 (oauth2): another one was chosen", []),
                ("webhooks", ["order"]),
                ("the security scheme basic_auth (http, basic): another one was chosen", []),
                ("the security scheme oauth2 (oauth2): this type is not supported", []),
            ],
            [
                "the security scheme oauth2 (oauth2): another one was chosen; likewise basic_auth (http, basic)",
                "webhooks: order",
                "the security scheme oauth2 (oauth2): this type is not supported",
            ],
        ),
        (
            [(f"the field f_{n}: no path", ["a"]) for n in range(9)],
            ["the field f_0: no path: a; likewise f_1, f_2, f_3 and 5 more"],
        ),
        (
            [("answers of text/csv: they are read as text", ["a"]), ("answers of a/b, c/d: they are read as text", [])],
            ["answers of text/csv: they are read as text: a; likewise a/b, c/d"],
        ),
    ],
)
def test_things_of_one_kind_are_one_line(losses, lines) -> None:
    assert fold_losses(losses) == lines


WORDS = st.sampled_from(
    ["the", "field", "header", "a_b", "X-Key", "{id}", "code:", "f1:", "of", "(oauth2),", "é", "a/b;"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
LOSSES = st.dictionaries(TEXTS, st.lists(st.sampled_from(["GET /a", "POST /b/{id}", "x"]), unique=True), max_size=20)


@given(LOSSES)
def test_no_kind_is_lost_and_everything_is_counted(losses: dict[str, list[str]]) -> None:
    lines = fold_losses(losses.items())
    kinds: dict[str, list[str]] = {}
    for what in losses:
        kinds.setdefault(find_kind(what), []).append(what)
    assert len(lines) == len(kinds)
    for line, whats in zip(lines, kinds.values(), strict=True):
        assert line.startswith(whats[0])
        if len(whats) > 1:
            told = line.rpartition("; likewise ")[2]
            more = re.search(r" and ([\d,]+) more$", told)
            assert (int(more[1]) if more else 0) + (3 if more else len(whats) - 1) == len(whats) - 1


def test_the_head_of_a_connector_is_short_and_its_readme_whole(imported, api) -> None:
    odd = {"post": {"requestBody": {"content": {"multipart/mixed": {}}}, "responses": {}}}
    paths = {f"/things{n}": odd for n in range(40)} | {"/deals": {"get": {"responses": {}}}}
    made = imported(api(paths))
    head = made.text.partition("\nlabel:")[0]
    assert "# Not imported (README.md lists every place):\n" in head
    assert "operations with a body of type multipart/mixed (40 places): POST /things0, POST /things1" in head
    assert len(head.splitlines()) < 12
    readme = made.imported.files["README.md"]
    assert all(f"`POST /things{n}`" in readme for n in range(40))
    assert "See [what is missing](#not-imported)." in readme
