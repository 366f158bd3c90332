"""Keys by the names that other tools have for them are suggested wherever an unknown key is reported."""

import pytest

from conn_engine.config.foreign_words import FOREIGN_WORDS, suggest_key
from conn_engine.config.validate import validate
from conn_engine.diagnostics import Diagnostic
from conn_engine.documents import parse
from conn_engine.schemas.reference import list_words

PEOPLE = "method: get, path: /people"
SHOP = "base_url: https://api.example.com\n"


def check(text: str, kind: str = "connector") -> list[Diagnostic]:
    return validate(parse(text, f"{kind}.yaml"), kind)


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, params: {{a: b}}}}}}}}", "params", "query"),
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, data_selector: a}}}}}}", "data_selector", "response_path"),
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, field_path: [a]}}}}}}", "field_path", "response_path"),
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, fieldPath: a}}}}}}", "fieldPath", "response_path"),
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, json: {{a: b}}}}}}}}", "json", "body"),
        (f"{SHOP}resources: {{people: {{list: {{{PEOPLE}, data: {{a: b}}}}}}}}", "data", "body"),
        (f"{SHOP}resources: {{people: {{list: {{method: get, url: /people}}}}}}", "url", "path"),
        (f"{SHOP}resources: {{people: {{list: {{method: get, endpoint: /people}}}}}}", "endpoint", "path"),
        (f"{SHOP}resources: {{people: {{auth: {{format: none}}, list: {{{PEOPLE}}}}}}}", "auth", "authorization"),
        (f"{SHOP}auth: {{format: bearer}}", "auth", "authorization"),
        (f"{SHOP}pagination: {{type: page}}", "type", "format"),
        (f"{SHOP}requests_per_second: 5", "requests_per_second", "rate_limit"),
        ("url: https://api.example.com", "url", "base_url"),
    ],
)
def test_a_word_of_another_tool_is_suggested(text: str, key: str, meant: str) -> None:
    (hint,) = [f.hint for f in check(text) if f.code == "CFG101" and f.path.endswith(key)]
    assert hint == f'did you mean "{meant}"?'


def test_a_key_is_suggested_only_where_it_exists() -> None:
    (finding,) = [f for f in check("connector: shop\nparams: {a: b}\n", "account") if f.code == "CFG101"]
    assert "query" not in finding.hint
    assert suggest_key("params", ["path", "body"]) == ""
    assert suggest_key("endpoint", ["base_url", "name"]) == 'did you mean "base_url"?'


def test_a_misspelled_key_is_suggested_as_before() -> None:
    assert suggest_key("quary", ["query", "body"]) == 'did you mean "query"?'


def test_each_suggestion_is_a_key_of_a_document() -> None:
    assert set(FOREIGN_WORDS) <= set(list_words())
    assert all(f'"{key}"' in suggest_key(word, [key]) for key, words in FOREIGN_WORDS.items() for word in words)
