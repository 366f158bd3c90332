"""The pictures of the README show what its text claims, and load nothing. `make drift` draws them again."""

import html
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))


def lines_of(picture):
    """`(style, text)` of each piece of text."""
    pieces = re.findall(r'<text class="conn-(r\d+)"[^>]*>(.*?)</text>', picture.read_text(encoding="utf-8"))
    texts = [(style, html.unescape(text).replace("\xa0", " ")) for style, text in pieces]
    return [(style, text) for style, text in texts if text.strip()]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_needs_nothing_from_elsewhere(picture):
    text = picture.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' )<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|@font-face|<script|<image|\bhref=", text)
    assert picture.name in (ROOT / "README.md").read_text(encoding="utf-8")


def test_one_change_shows_an_override_the_impact_and_the_red_line():
    pieces = lines_of(ROOT / "docs" / "pictures" / "one-change.svg")
    text = "\n".join(text for _, text in pieces)
    assert re.search(r"conn override umbrella[\s\S]+custom_fields\.vip added in \d+ of[\s\S]+conn impact", text)
    breaking = [style for style, text in pieces if text.endswith("<- breaking")]
    others = {style for style, text in pieces if not text.endswith("<- breaking")}
    assert len(breaking) >= 2 and len(set(breaking)) == 1 and set(breaking).isdisjoint(others)
    colors = re.search(rf"\.conn-{breaking[0]} {{ fill: #(\w\w)(\w\w)(\w\w)", (PICTURES[0]).read_text(encoding="utf-8"))
    red, green, blue = (int(part, 16) for part in colors.groups())
    assert red > 2 * max(green, blue)
