"""Collected values are replaced wherever they stand, whatever they are written as, and nothing else is touched."""

import base64
import hashlib
import html
import json
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus
from xml.etree import ElementTree

import pytest

from conn_engine.personal import PersonalValues, Pseudonyms, Replacements, find_values

VALUES = [
    ("name", "Ada"),
    ("name", "Ada Lovelace"),
    ("name", "O'Brien"),
    ("name", "李小龍"),
    ("name", "Jo"),
    ("email", "ada@acme.com"),
    ("phone", "+49 170 1234567"),
    ("birth_date", "1985-12-10"),
    ("employment", "Sales"),
]


def replacements(*values: tuple[str, str], names: Any = ()) -> Replacements:
    collected = PersonalValues()
    for kind, text in values or VALUES:
        collected.add(kind, text)
    return Replacements(collected, Pseudonyms(b"k" * 32), names=names)


R = replacements()
NEW = {text: R.replace_text(text) for _, text in VALUES}


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: f"write to {text}, please",
        lambda text: f"https://x.example/people/{quote(text, safe='')}?mail={quote_plus(text)}&x=1",
        lambda text: f"/people?next={quote('/p?mail=' + quote(text, safe=''), safe='')}",
        lambda text: json.dumps({"a": [text, {"b": text}]}),
        lambda text: json.dumps({"inner": json.dumps({"b": text})}),
        lambda text: html.escape(f"<b>{text}</b> & co"),
        lambda text: base64.b64encode(f"<{text}>".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(json.dumps({"after": text}).encode()).decode(),
        lambda text: f'<https://x.example/p?c={quote(text)}>; rel="next"',
        lambda text: f"<script>name = {json.dumps(text)}</script>",
        lambda text: f"said {json.dumps(json.dumps(text))}",
        lambda text: f'{{"a": 1}}\n{{"b": {json.dumps(text)}}}',
    ],
)
@pytest.mark.parametrize("text", ["ada@acme.com", "Ada Lovelace", "O'Brien", "李小龍", "+49 170 1234567"])
def test_a_value_is_replaced_in_whichever_form_it_travels(write: Any, text: str) -> None:
    before = write(text)
    made = R.replace_text(before)
    assert made != before
    assert R.replace_text(made) == made
    if "base64" not in repr(write) and not before.startswith(("ew", "PD", "ey")):
        assert made in (write(NEW[text]), write(NEW[text]).replace("+", "%20"))


def test_a_form_keeps_its_blanks_and_its_pluses() -> None:
    said = json.dumps({"name": "Ada", "text": "Ada 1+1 +49 170 1234567"})
    form = f"a=1+1&payload={quote_plus(said)}&b=%2B+x"
    made = R.replace_text(form)
    assert dict(parse_qsl(made)) == {"a": "1 1", "payload": R.replace_text(said), "b": "+ x"}
    assert "1+1 " in R.replace_text(said)


def test_what_stays_keeps_its_very_spelling() -> None:
    text = '{ "b" : 1.50, "a":"Ada" , "x": "caf\\u00e9", "y": 1e3, "z": -0}'
    assert R.replace_text(text) == text.replace("Ada", NEW["Ada"])


def test_attributes_stay_attributes() -> None:
    text = "<p to='ada@acme.com' n=\"a &amp; O&#39;Brien\">&lt;Ada&gt; &amp; co</p>"
    made = R.replace_text(text)
    root = ElementTree.fromstring(made)
    assert root.attrib == {"to": NEW["ada@acme.com"], "n": f"a & {NEW[VALUES[2][1]]}"}
    assert root.text == f"<{NEW['Ada']}> & co"


@pytest.mark.parametrize(
    "text",
    [
        "Canada",
        "Adam",
        "Adaptation",
        "/v1/adas",
        "Joseph",
        "our Sales team",
        "11985-12-105",
        "xada@acme.com.org",
        "salesman",
    ],
)
def test_a_part_of_a_longer_word_is_no_value(text: str) -> None:
    assert R.replace_text(text) == text


def test_letter_case_stays() -> None:
    assert R.replace_text("ADA ada Ada") == f"{NEW['Ada'].upper()} {NEW['Ada'].lower()} {NEW['Ada']}"
    assert R.replace_text("ADA@ACME.COM").lower() == NEW["ada@acme.com"].lower()


def test_short_values_and_words_of_everybody_are_replaced_where_they_stand_alone() -> None:
    assert R.replace_text("Jo") != "Jo"
    assert R.replace_text("sales") == NEW["Sales"].lower()
    assert R.replace_text("Jo and Sales") == "Jo and Sales"


def test_a_telephone_number_is_found_without_its_blanks_and_as_a_number() -> None:
    digits = "".join(filter(str.isdecimal, NEW["+49 170 1234567"]))
    assert R.replace_text("wa/491701234567") == f"wa/{digits}"
    assert R.replace_data({"n": 491701234567, "m": 491701234568}) == {"n": int(digits), "m": 491701234568}


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_the_digest_of_an_address_is_that_of_the_other_address(name: str) -> None:
    old, new = (hashlib.new(name, text.encode()).hexdigest() for text in ("ada@acme.com", NEW["ada@acme.com"]))
    assert R.replace_text(f"/lists/1/members/{old}") == f"/lists/1/members/{new}"


def test_names_of_fields_that_the_connector_knows_stay() -> None:
    made = replacements(("name", "Mark"), ("email", "ada@acme.com"), names={"mark"})
    assert list(made.replace_data({"mark": "Mark", "ada@acme.com": 1})) == ["mark", NEW["ada@acme.com"]]


def test_two_values_never_share_a_replacement_and_none_is_another_value() -> None:
    class Narrow(Pseudonyms):
        def replace(self, kind: str, text: str, attempt: int = 0) -> str:
            return ["Ada", "Bob", "Name-1", "Name-2"][attempt % 4]

    values = PersonalValues()
    for text in ("Ada", "Bob"):
        values.add("name", text)
    made = Replacements(values, Narrow(b""))
    assert [made.replace_text("Ada"), made.replace_text("Bob")] == ["Name-1", "Name-2"]


def test_left_overs_are_found_in_usual_spellings() -> None:
    values = PersonalValues()
    for kind, text in VALUES:
        values.add(kind, text)
    assert find_values(json.dumps(R.replace_data([text for _, text in VALUES])), values) == []
    for text in (
        "x ada@acme.com",
        quote("ada@acme.com", safe=""),
        base64.b64encode(b"+ada@acme.com.").decode(),
        b"ada@acme.com".hex(),
    ):
        assert find_values(text, values) == ["email"]
    assert find_values("tel:+49 170 1234567;", values) == ["phone"]
