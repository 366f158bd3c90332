"""WordPress: an application password as Basic, pages by number with the count in a header, by `Link`, by offset, and
until one is refused; several writes in one request; HTML where JSON is expected."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from library import Library
from processes.witness import Witness, witness
from processes.wordpress import POSTS, WordPress
from processes.workspace import workspace

from conn_engine import Call, CredentialError, VendorError


@pytest.fixture
def front(wordpress: WordPress) -> Iterator[Witness]:
    """A witness before WordPress: what the engine sent."""
    with witness(wordpress.url) as door:
        yield door


def accounts(root: Path, wordpress: WordPress) -> Library:
    library = Library.over(root)
    for name, password in wordpress.passwords.items():
        library.knows(name, username=name, password=password)
    return library


@pytest.fixture
def blog(tmp_path: Path, wordpress: WordPress, front: Witness) -> Library:
    return accounts(workspace(tmp_path, "blog", port=front.port), wordpress)


@pytest.fixture
def straight(tmp_path: Path, wordpress: WordPress) -> Library:
    """Without a witness: WordPress links, and sends browsers, to the address that it knows itself by."""
    return accounts(workspace(tmp_path, "blog", port=wordpress.port), wordpress)


def titles(records: list[dict[str, str]]) -> list[str]:
    """The posts that were there from the start, in their order."""
    return [record["title"] for record in records if record["title"].startswith("Post ")]


SEEDED = [f"Post {number}" for number in range(POSTS)]


def test_the_number_of_pages_is_in_a_header(blog: Library, front: Witness, wordpress: WordPress) -> None:
    assert titles(blog.records("admin", "posts.list")) == SEEDED
    assert [seen.status for seen in front.seen] == [200, 200, 200]
    assert front.seen[0].answer_headers["x-wp-totalpages"] == "3"
    said = base64.b64encode(f"admin:{wordpress.passwords['admin']}".encode()).decode()
    assert {seen.headers["authorization"] for seen in front.seen} == {f"Basic {said}"}


def test_pages_by_the_link_header(straight: Library) -> None:
    pages = straight.pages("admin", "posts.list_linked")
    assert titles([record for page in pages for record in page.records]) == SEEDED
    assert len(pages) == 3


def test_pages_by_offset_until_one_is_empty(blog: Library, front: Witness) -> None:
    assert titles(blog.records("admin", "posts.list_by_offset")) == SEEDED
    assert [seen.status for seen in front.seen] == [200, 200, 200, 200]
    assert front.seen[3].answer == b"[]"


def test_past_the_end_is_a_400_and_no_error(blog: Library, front: Witness) -> None:
    assert titles(blog.records("admin", "posts.list_until_refused", query={"per_page": 100})) == SEEDED
    assert [seen.status for seen in front.seen] == [200, 200, 200, 400]


def test_past_the_end_is_a_404_of_a_feed_and_no_error(straight: Library) -> None:
    records = straight.records("admin", "feed.list")
    assert sorted(titles(records), key=lambda title: int(title.split()[1])) == SEEDED
    assert len(records) == len({record["title"] for record in records})


def test_a_page_size_above_the_vendor_s_is_cut_before_it_is_refused(blog: Library, front: Witness) -> None:
    pages = blog.pages("admin", "posts.list", Call(query={"per_page": 500}))
    assert titles([record for page in pages for record in page.records]) == SEEDED
    assert {seen.status for seen in front.seen} == {200}
    assert any("100" in note for note in pages[0].notes)


def test_only_what_is_new_since_the_last_run(blog: Library, front: Witness) -> None:
    first = blog.pages("admin", "posts.list_new")
    assert titles([record for page in first for record in page.records]) == SEEDED
    before = len(front.seen)
    blog.records("admin", "posts.create", params={"title": "New since"})
    again = blog.pages("admin", "posts.list_new", Call(state=first[-1].state))
    found = [record["title"] for page in again for record in page.records]
    assert "New since" in found
    assert not [title for title in titles([{"title": text} for text in found]) if title != SEEDED[-1]]
    assert all("after=2" in seen.target for seen in front.seen[before + 1 :])


def test_a_batch_is_a_207_and_each_has_a_result(blog: Library, front: Witness, wordpress: WordPress) -> None:
    results = blog.records("admin", "batches.create", body={"requests": requests("mixed")})
    assert [seen.status for seen in front.seen] == [207]
    assert [(result["done"], result["status"], result.get("fault")) for result in results] == [
        (True, 201, None),
        (False, 404, "rest_post_invalid_id"),
        (True, 201, None),
    ]
    assert wordpress.titles("mixed") == {"mixed one", "mixed two"}


def test_a_batch_that_must_be_whole_is_an_error_that_counts(blog: Library) -> None:
    with pytest.raises(VendorError, match="1 of 3 failed: Invalid post ID"):
        blog.records("admin", "batches.create_all", body={"requests": requests("whole")})


def requests(word: str) -> list[dict[str, object]]:
    """Three writes; the second is of a post that is not there."""
    path = "/wp/v2/posts"
    return [
        {"path": path, "body": {"title": f"{word} one", "status": "publish"}},
        {"path": f"{path}/999999", "body": {"title": f"{word} none"}},
        {"path": path, "body": {"title": f"{word} two", "status": "publish"}},
    ]


def test_a_wrong_password_reads_on_as_nobody_but_is_found_out(blog: Library) -> None:
    """A public listing is answered 200 all the same: what proves a credential is the call that `verify` names."""
    blog.knows("admin", username="admin", password="wrong wrong wrong")
    with blog.connect("admin") as connected:
        assert len(next(connected.pages("posts.list")).records) == 100
        with pytest.raises(CredentialError) as refused:
            connected.verify()
    assert "401" in str(refused.value)
    assert "wrong wrong" not in str(refused.value)


def test_an_application_password_proves_itself(blog: Library) -> None:
    for account in ("admin", "reader"):
        with blog.connect(account) as connected:
            connected.verify()


def test_who_may_not_write_is_told_in_the_vendor_s_words(blog: Library) -> None:
    with pytest.raises(VendorError, match="not allowed to create posts") as refused:
        blog.records("reader", "posts.create", params={"title": "x"})
    assert refused.value.kind == "forbidden"


@pytest.mark.parametrize(("page", "status", "kind"), [("login", 200, "bad_response"), ("none", 404, "not_found")])
def test_html_to_a_call_for_json_is_a_clear_error(straight: Library, page: str, status: int, kind: str) -> None:
    with pytest.raises(VendorError) as wrong:
        straight.records("admin", f"pages.{page}")
    assert (wrong.value.kind, wrong.value.status) == (kind, status)
    assert wrong.value.response is not None
    assert str(wrong.value.response.headers.get("content-type")).startswith("text/html")
    assert str(status) in str(wrong.value) or "html" in str(wrong.value).lower()
