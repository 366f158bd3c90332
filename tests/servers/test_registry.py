"""The Docker registry: `Link` headers that are relative, and each repository as a parent of its tags."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from library import Library
from processes.registry import NAMES, Registry
from processes.witness import Witness, witness
from processes.workspace import workspace

from conn_engine import VendorError


@pytest.fixture
def front(registry: Registry) -> Iterator[Witness]:
    """A witness before the registry: what the engine sent."""
    with witness(registry.url) as door:
        yield door


@pytest.fixture
def images(tmp_path: Path, front: Witness) -> Library:
    return Library.over(workspace(tmp_path, "images", port=front.port))


def test_a_relative_link_is_followed_as_it_is(images: Library, front: Witness) -> None:
    assert images.records("local", "repositories.list") == list(NAMES)
    assert len(front.seen) == 3
    for before, after in zip(front.seen, front.seen[1:], strict=False):
        link = before.answer_headers["link"]
        assert link.startswith("</v2/_catalog?")
        assert link[1:].split(">")[0] == after.target


def test_each_record_is_a_parent(images: Library) -> None:
    assert images.records("local", "tags.list") == [{"repository": name, "tag": "latest"} for name in NAMES]


def test_a_missing_parent_is_told_in_the_vendor_s_words(images: Library) -> None:
    with pytest.raises(VendorError, match="repository name not known") as missing:
        images.records("local", "tags.list", params={"repository": "team/none"})
    assert missing.value.kind == "not_found"
