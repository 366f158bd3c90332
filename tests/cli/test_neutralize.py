"""What is taken out of every text on its way out; formats that can write a character differently lose nothing."""

import json
import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conn_cli.neutralize import HIDDEN, Styled, join_styled, neutralize

OBEYED = re.compile(f"[{HIDDEN}]")
PARTS = ["::error::x", "##vso[task.x]", "##[group]", "##teamcity[x]", "\x1b[31m", "\x1b]0;t\x07", "\x9b2J"]
PARTS += ["\r", "\u202e", "\n", "\t", " ", "\u2028", "\x85", "#", ":", "[", "\\", '"', "é", "\ud800", "\ufeff", "a"]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=12).map("".join))


def commands(text: str) -> list[str]:
    """The lines that a CI system takes for commands, as their runners look for them."""
    lines = re.split(r"\r\n|[\n\r]", text)
    github = [line for line in lines if re.match(r"::[a-zA-Z]", line.lstrip())]
    return github + [line for line in lines if re.search(r"##(vso|teamcity)?\[", line, re.IGNORECASE)]


@settings(max_examples=300)
@given(texts)
@example("a\r\n  ::set-output name=a::b\r::x::y\n##[error]\n##VSO[x]")
@example("\n\u00a0::error::x")
def test_text_for_people_is_obeyed_by_nothing(text):
    shown = neutralize(text)
    assert not OBEYED.search(shown)
    assert commands(shown) == []
    assert neutralize(shown) == shown


@settings(max_examples=300)
@given(texts)
@example("\\##[x")
def test_json_stays_the_same_data(text):
    for data in (text, {text: [text, 1]}):
        for indent in (None, 2):
            shown = neutralize(json.dumps(data, ensure_ascii=False, indent=indent), "json")
            assert not OBEYED.search(shown)
            assert commands(shown) == []
            assert json.loads(shown) == data


@settings(max_examples=200)
@given(texts.map(lambda text: re.sub("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)))
def test_xml_stays_the_same_document(text):
    shown = neutralize(f"<a b={quoteattr(text)}>{escape(text)}</a>", "xml")
    assert not OBEYED.search(shown)
    assert commands(shown) == []
    element = ElementTree.fromstring(shown)
    assert (element.text or "", element.get("b")) == (text, text)


def test_our_own_commands_are_let_through_and_no_others():
    ours = "::error file=a,line=1::bad%0A::warning::x\n::notice title=t::fine\n"
    assert neutralize(ours, "github") == ours
    hostile = "::set-output name=a::b\n ::error ::x\n::error\n::add-mask::x\n##[group]\n::error ::\x1b[2J ##vso[x]\n"
    shown = neutralize(hostile, "github")
    assert commands(shown) == ["::error ::\ufffd[2J # #vso[x]"]


def test_only_our_own_colors_are_let_through():
    red = Styled("\x1b[1;31mbad\x1b[0m \x1b[2J")
    assert neutralize(red) == "\x1b[1;31mbad\x1b[0m \ufffd[2J"
    joined = join_styled([Styled("\x1b[1mbold\x1b[0m "), "\x1b[8mhidden\n", "::error::x"])
    assert neutralize(joined) == joined == "\x1b[1mbold\x1b[0m \ufffd[8mhidden\n: :error::x"
    assert neutralize("\x1b[31mtheirs\x1b[0m") == "\ufffd[31mtheirs\ufffd[0m"


@pytest.mark.parametrize(
    "text", ["", "a::b", "std::string", "1::2", "a # b", "### Title", "::1", "C#[x]", "é 日本 😀\n\ttab"]
)
def test_what_is_harmless_is_left_alone(text):
    assert neutralize(text) is text or neutralize(text) == text
