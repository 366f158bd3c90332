"""What holds for every page: its length, and no text that gets old. `make docs-site` checks links and anchors."""

import re
from pathlib import Path

import pytest
import yaml
from examples import DOCS

MOST_WORDS = 1500
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
WRITTEN = {name: text for name, text in PAGES.items() if not text.startswith("<!-- generated")}
STANDARDS = re.compile(
    r"(?:OAuth|OpenAPI|Swagger|Postman collection|HTTP/?|TLS|RFC|Python|Node|XML|JSON Schema),? v?[\d.x]+"
)
DATED = re.compile(r"(?<![\w.])(?:(?!1970)(?:19|20)\d\d|v\d[\d.x]*|\d+\.\d+\.\d+)(?![\w.])")


def keep_prose(text: str) -> str:
    """The text without what is generated, what only tests read, and blocks of code."""
    text = re.sub(r"^<!-- (?:\$|vendor|types|sends) .*-->$", "", text, flags=re.M)
    text = re.sub(r"<!-- (\w+)[^>]*-->\n.*?<!-- / -->", "", text, flags=re.S)
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def find_dates(text: str) -> list[str]:
    """Years and version numbers in the prose. Names of standards may have one, 1970 is where epochs start, and the
    format of a value is shown by an example."""
    prose = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]+`|such as \d{4}-\d\d-\d\d", "", keep_prose(text)))
    return DATED.findall(STANDARDS.sub("", prose))


@pytest.mark.parametrize("page", WRITTEN)
def test_a_page_is_short(page: str) -> None:
    assert len(keep_prose(WRITTEN[page]).split()) <= MOST_WORDS, "split the page, or cut what repeats"


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("catalogue/")])
def test_a_page_has_no_dates_and_no_versions(page: str) -> None:
    """Pages of the catalogue are about versions of the vendors' APIs."""
    assert find_dates(PAGES[page]) == []


def test_dates_and_versions_are_noticed() -> None:
    assert find_dates("since 2026, in 0.1.0 or v2: `2026` and OAuth 2.0\n```yaml\na: 2026\n```\n") == [
        "2026",
        "0.1.0",
        "v2",
    ]
    assert len(keep_prose("one <b>\n<!-- keys a -->\nno\n<!-- / -->\n```text\nno\n```\n").split()) == 2


def test_every_page_has_one_title_and_a_place_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Reads mkdocs.yml without the Python objects that it names."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    navigation = yaml.load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]
    assert sorted(re.findall(r"[\w/-]+\.md", str(navigation))) == sorted(PAGES)
    for page, text in PAGES.items():
        assert len(re.findall(r"^# ", keep_prose(text), re.M)) == 1, page


def test_links_between_pages_stay_in_the_documentation() -> None:
    for page, text in PAGES.items():
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", text):
            target = (DOCS / page).parent.joinpath(link).resolve()
            assert target.is_relative_to(Path(DOCS).resolve()), f"{page}: {link}"
