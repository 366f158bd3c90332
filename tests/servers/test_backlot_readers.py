"""backlot's other APIs: a wrong token that is answered as nobody with a header, or with a 200 that is an error; a next
URL with `$` in it; cursors in a POST body and in the query."""

from pathlib import Path

import pytest
from library import Library
from processes.backlot import Backlot
from processes.witness import Witness
from processes.workspace import workspace

from conn_engine import CredentialError

PEOPLE = {"Ava", "Bob", "Cleo", "Dana"}


@pytest.fixture
def readers(tmp_path: Path, backlot: Backlot, watched: Witness) -> Library:
    token = backlot.tokens["ava@acme.com"]
    library = Library.over(workspace(tmp_path, "readers", port=watched.port))
    library.knows("jira", username="ava@acme.com", password=token)
    return library.knows("graph", token=token).knows("linear", api_key=token).knows("slack", token=token)


def test_a_200_as_nobody_with_a_header_is_a_credential_fault(readers: Library, watched: Witness) -> None:
    readers.records("jira", "projects.list")
    readers.knows("jira", username="ava@acme.com", password="wrong-token-1")
    with pytest.raises(CredentialError) as refused:
        readers.records("jira", "projects.list")
    assert [seen.status for seen in watched.seen] == [200, 200]
    assert watched.seen[1].answer_headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    assert "wrong-token-1" not in str(refused.value)


def test_a_200_that_says_not_ok_is_a_credential_fault(readers: Library, watched: Witness) -> None:
    readers.knows("slack", token="wrong-token-2")
    with pytest.raises(CredentialError):
        readers.records("slack", "members.list")
    assert [seen.status for seen in watched.seen] == [200]


def test_a_next_url_is_used_as_it_is_given(readers: Library, watched: Witness) -> None:
    people = readers.records("graph", "people.list")
    assert {person["displayName"] for person in people} == PEOPLE
    assert len(watched.seen) == 2
    assert "%24skiptoken=" in watched.seen[1].target or "$skiptoken=" in watched.seen[1].target
    assert all("authorization" in seen.headers for seen in watched.seen)


@pytest.mark.parametrize(("account", "operation"), [("linear", "people.list"), ("slack", "members.list")])
def test_a_cursor_in_a_posted_body_and_in_the_query(
    readers: Library, watched: Witness, account: str, operation: str
) -> None:
    people = readers.records(account, operation)
    assert {person["name"].capitalize() for person in people} >= PEOPLE
    assert len(watched.seen) == -(-len(people) // 2)


def test_a_key_that_is_refused_in_graphql_is_a_credential_fault(readers: Library, watched: Witness) -> None:
    readers.knows("linear", api_key="wrong-key-3")
    with pytest.raises(CredentialError, match="Authentication required"):
        readers.records("linear", "people.list")
    assert [seen.status for seen in watched.seen] == [401]
