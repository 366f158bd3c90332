"""Three-way merge of a document: both sides' changes are in the result, or the conflict is marked."""

import launching
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.documents import dump_yaml, parse
from conn_engine.updates.merging import merge_text
from conn_engine.updates.sequences import merge_sequences

BASE = """\
# The connector.
base_url: https://api.example.com
timeout_seconds: 10

resources:
  contacts:
    list: {method: get, path: /contacts}
    get: {method: get, path: "/contacts/{{id}}"}
mapping:
  response_mapping: |
    response.{
      "id": id,
      "name": name,
      "email": email
    }
rules:
  - {status: 404, error: not_found}
  - {status: 429, error: rate_limited}
"""


def merge(local, new, base=BASE):
    return merge_text("connector.yaml", base, local, new, "bundled 2")


def test_comments_and_formatting_of_both_sides_stay():
    local = BASE.replace("timeout_seconds: 10", "timeout_seconds:   10   # we tried 5")
    local = local.replace("    get:", "    # ours\n    get:").replace("10  ", "20  ")
    new = BASE.replace("rules:", "# Rules, in order.\nrules:").replace("/contacts}", "/v2/contacts}")
    result = merge(local, new)
    assert result.conflicts == () and result.text == result.resolved
    assert "timeout_seconds:   20   # we tried 5\n" in result.text
    assert "    # ours\n    get:" in result.text
    assert "# Rules, in order.\nrules:" in result.text
    assert 'path: "/v2/contacts"}' in result.text


def test_adjacent_lines_are_merged_by_their_data():
    local = BASE.replace("https://api", "https://eu.api")
    new = BASE.replace("timeout_seconds: 10", "timeout_seconds: 30")
    result = merge(local, new)
    assert result.conflicts == ()
    assert result.text == local.replace("timeout_seconds: 10", "timeout_seconds: 30")


def test_a_reformatted_document_takes_the_new_values_only():
    local = "# Ours, in another form.\n" + dump_yaml(parse(BASE, "b.yaml").data)
    result = merge(
        local, BASE.replace("10", "30").replace("- {status: 404", "- {status: 410, error: gone}\n  - {status: 404")
    )
    assert result.conflicts == ()
    assert result.text.startswith("# Ours, in another form.\n") and "timeout_seconds: 30" in result.text
    assert [rule["status"] for rule in parse(result.text, "b.yaml").data["rules"]] == [410, 404, 429]


def test_the_same_value_changed_twice_is_marked_and_the_rest_is_merged():
    local = BASE.replace("10", "20").replace("404, error: not_found", "404, error: validation")
    new = BASE.replace("10", "30").replace("path: /contacts}", "path: /v3/contacts}")
    result = merge(local, new)
    assert result.conflicts == (("timeout_seconds",),)
    assert result.lines == (3,)
    assert result.text.splitlines()[2:7] == [
        "<<<<<<< yours",
        "timeout_seconds: 20",
        "=======",
        "timeout_seconds: 30",
        ">>>>>>> bundled 2",
    ]
    data = parse(result.resolved, "b.yaml").data
    assert data["timeout_seconds"] == 20 and data["resources"]["contacts"]["list"]["path"] == "/v3/contacts"
    assert data["rules"][0]["error"] == "validation"


def test_conflicts_of_a_reformatted_document_are_marked_where_they_are():
    local = dump_yaml(parse(BASE.replace("10", "20"), "b.yaml").data)
    result = merge(local, BASE.replace("10", "30"))
    assert result.conflicts == (("timeout_seconds",),)
    assert result.text.count("\n") == local.count("\n") + 4


def test_lines_of_one_expression_are_merged():
    local = BASE.replace('      "id": id,\n', '      "id": id,\n      "vip": score > 80,\n')
    result = merge(local, BASE.replace('"email": email', '"email": emails[0]'))
    text = parse(result.text, "b.yaml").data["mapping"]["response_mapping"]
    assert result.conflicts == () and '"vip": score > 80' in text and "emails[0]" in text


def test_a_value_that_one_side_removed_and_the_other_changed_is_a_conflict():
    removed = BASE.replace("timeout_seconds: 10\n", "")
    for local, new in ((removed, BASE.replace("10", "30")), (BASE.replace("10", "30"), removed)):
        result = merge(local, new)
        assert result.conflicts == (("timeout_seconds",),) and "<<<<<<< yours" in result.text


def test_a_value_that_both_changed_alike_or_one_removed_is_no_conflict():
    assert merge(BASE.replace("10", "30"), BASE.replace("10", "30")).conflicts == ()
    removed = BASE.replace("timeout_seconds: 10\n", "")
    assert merge(BASE, removed).text == removed
    assert merge(removed, BASE).text == removed


def test_without_a_base_only_what_differs_is_a_conflict():
    result = merge("a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n", None)
    assert result.conflicts == (("b",),)
    assert parse(result.resolved, "b.yaml").data == {"a": 1, "b": 2, "c": 4}


def test_an_anchor_is_written_out_where_only_one_alias_changes():
    base = "page: &page {size: 10}\none: *page\ntwo: *page\n"
    new = "page: &page {size: 10}\none: {size: 20}\ntwo: *page\n"
    result = merge(base.replace("one: *page", "one: *page # mine"), new, base)
    assert parse(result.text, "b.yaml").data == {"page": {"size": 10}, "one": {"size": 20}, "two": {"size": 10}}


EARLIER = "pages:\n  first: &p {size: 10}\nb: 1\nc: 1\nd: 1\nlast: *p\n"
LATER = (
    "pages:\n  # Small, because records are large.\n  first: &page {size: 10, max: 5}\nb: 1\nc: 1\nd: 1\nlast: *page\n"
)


def test_lines_that_do_not_fit_together_are_taken_from_the_newer_version():
    result = merge(EARLIER.replace("first: ", "first:  ").replace("b: 1", "b: 2"), LATER, EARLIER)
    assert (result.conflicts, result.text) == ((), LATER.replace("b: 1", "b: 2"))


def test_a_local_comment_is_never_lost():
    result = merge(EARLIER.replace("10}", "10} # ours"), LATER, EARLIER)
    assert "# ours" in result.text and result.conflicts == ()
    assert parse(result.text, "b.yaml").data == parse(LATER, "b.yaml").data


LEAF = st.one_of(st.integers(0, 3), st.sampled_from(["x", "a\nb\n", "a: b", ""]), st.none())
DATA = st.dictionaries(
    st.sampled_from("abcd"),
    st.one_of(LEAF, st.lists(LEAF, max_size=3), st.dictionaries(st.sampled_from("ef"), LEAF)),
    min_size=1,
)


@given(DATA, DATA, DATA)
def test_the_resolved_text_is_a_document_and_each_side_is_in_the_marked_one(base, local, new):
    result = merge(*map(dump_yaml, (local, new, base)))
    data = parse(result.resolved, "b.yaml").data
    assert ("<<<<<<< yours" in result.text) == bool(result.lines) == bool(result.conflicts)
    for key in {*base, *local, *new} - {path[0] for path in result.conflicts if path}:
        if base.get(key, "-") == local.get(key, "-"):
            assert data.get(key, "-") == new.get(key, "-")
        elif base.get(key, "-") == new.get(key, "-"):
            assert data.get(key, "-") == local.get(key, "-")


LINES = st.lists(st.sampled_from("abc"), max_size=6)


@given(LINES, LINES, LINES)
def test_a_merge_with_an_unchanged_side_is_the_other_side(base, local, new):
    assert [x for part, _ in merge_sequences(base, base, new) for x in part] == new
    assert [x for part, _ in merge_sequences(base, local, base) for x in part] == local
    parts = list(merge_sequences(base, local, new))
    mirrored = list(merge_sequences(base, new, local))
    assert [(list(b), list(a)) for a, b in parts if a != b] == [(list(a), list(b)) for a, b in mirrored if a != b]


@pytest.mark.parametrize(
    ("base", "local", "new"),
    [
        ("abcdefgh", "abXcdefgh", "abcdefYh"),
        ("abcdefgh", "cdefgh", "abcdef"),
        ("abcdefgh", "aXcdefgh", "aYcdefgh"),
        ("abcdefgh", "aXcdefgh", "aXcdefgh"),
        ("abcdefgh", "abcdefghZ", "Zabcdefgh"),
        ("abcdefgh", "abgh", "abcdXefgh"),
        ("", "ab", "ba"),
    ],
)
def test_lines_are_merged_as_git_merges_them(base, local, new, tmp_path):
    for name, text in (("base", base), ("local", local), ("new", new)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in text))
    command = ["git", "merge-file", "-p", "--ours", "local", "base", "new"]
    merged = launching.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    parts = list(merge_sequences(list(base), list(local), list(new)))
    assert [line for part, _ in parts for line in part] == merged
    command.remove("--ours")
    conflicts = launching.run(command, cwd=tmp_path, capture_output=True, check=False).returncode
    assert bool(conflicts) == any(one != other for one, other in parts)
