"""moto checks every signature: JSON in a POST with an object as cursor, XML with tokens, errors in XML."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from library import Library
from processes.moto import ITEMS, KEYS, Moto
from processes.witness import Witness, witness
from processes.workspace import workspace

from conn_engine import Call, CredentialError, VendorError


@pytest.fixture
def front(moto: Moto) -> Iterator[Witness]:
    """A witness before moto: what the engine sent."""
    with witness(moto.url) as door:
        yield door


@pytest.fixture
def cloud(tmp_path: Path, moto: Moto, front: Witness) -> Library:
    library = Library.over(workspace(tmp_path, "cloud", port=front.port))
    for name, user in moto.users.items():
        library.knows(name, access_key_id=user["key"], secret_access_key=user["secret"])
    return library


def test_an_object_is_the_cursor_in_a_posted_body(cloud: Library, front: Witness) -> None:
    records = cloud.records("full", "items.list")
    assert sorted(record["at"] for record in records) == list(range(ITEMS))
    assert {"id": "c7", "at": 7, "email": "u7@example.com"} in records
    assert [seen.status for seen in front.seen] == [200, 200, 200]
    assert b"ExclusiveStartKey" not in front.seen[0].body
    assert all(b'"ExclusiveStartKey":{"' in seen.body.replace(b" ", b"") for seen in front.seen[1:])
    assert len({seen.headers["authorization"] for seen in front.seen}) == 3, "each request is signed afresh"


def test_a_listing_is_taken_up_at_an_object(cloud: Library, front: Witness) -> None:
    with cloud.connect("full") as connected:
        first = next(pages := connected.pages("items.list"))
        pages.close()
        rest = [
            record for page in connected.pages("items.list", Call(cursor=first.next_cursor)) for record in page.records
        ]
    assert len(first.records) == 25
    assert sorted(record["at"] for record in [*first.records, *rest]) == list(range(ITEMS))


def test_xml_is_paged_by_a_token_in_the_query(cloud: Library, front: Witness) -> None:
    records = cloud.records("reader", "files.list")
    assert [record["key"] for record in records] == [f"contacts/{n:03} & more+é.json" for n in range(KEYS)]
    assert records[24]["size"] == len('{"id":24}') + 1
    assert [seen.status for seen in front.seen] == [200, 200, 200]
    assert all("continuation-token=" in seen.target for seen in front.seen[1:])


def test_xml_is_paged_by_a_token_in_a_form(cloud: Library, front: Witness) -> None:
    assert sorted(record["name"] for record in cloud.records("full", "roles.list")) == [f"role{n}" for n in range(5)]
    assert [b"Marker=" in seen.body for seen in front.seen] == [False, True, True]


def test_a_path_that_must_be_encoded_is_signed_as_it_is_sent(cloud: Library) -> None:
    assert cloud.records("full", "files.get", id="007 & more+é.json") == [{"id": 7}]
    name = "new +&=ü %2F.txt"
    cloud.records("full", "files.create", id=name, params={"text": "Grüße"})
    assert f"contacts/{name}" in [record["key"] for record in cloud.records("full", "files.list")]


def test_a_write_is_judged_by_the_vendor_s_condition(cloud: Library) -> None:
    params = {"name": "made-here", "email": "ada@example.com"}
    cloud.records("full", "items.create", params=params)
    assert {"id": "made-here", "at": 0, "email": "ada@example.com"} in cloud.records("full", "items.list")
    with pytest.raises(VendorError) as refused:
        cloud.records("full", "items.create", params=params)
    assert refused.value.kind == "conflict"


@pytest.mark.parametrize("operation", ["items.list", "files.list"])
def test_a_wrong_secret_is_a_403_and_a_credential_fault(
    cloud: Library, moto: Moto, front: Witness, operation: str
) -> None:
    cloud.knows("full", access_key_id=moto.users["full"]["key"], secret_access_key="not-the-secret-of-anyone")
    with pytest.raises(CredentialError) as refused:
        cloud.records("full", operation)
    assert [seen.status for seen in front.seen] == [403]
    assert "signature" in str(refused.value).lower()
    assert "not-the-secret" not in str(refused.value)


def test_an_unknown_key_is_told_in_the_words_of_the_xml(cloud: Library) -> None:
    cloud.knows("full", access_key_id="AKIANOBODY", secret_access_key="x" * 40)
    with pytest.raises(CredentialError, match="does not exist in our records"):
        cloud.records("full", "files.list")


def test_who_may_only_read_may_not_write(cloud: Library) -> None:
    assert len(cloud.records("reader", "items.list")) >= ITEMS
    with pytest.raises(VendorError) as refused:
        cloud.records("reader", "items.create", params={"name": "x", "email": "x@example.com"})
    assert refused.value.kind == "forbidden"
    assert "not authorized" in str(refused.value)


def test_xml_to_a_call_for_json_is_a_clear_error(cloud: Library) -> None:
    with pytest.raises(VendorError) as wrong:
        cloud.records("full", "mistaken.list")
    assert wrong.value.kind == "bad_response"
    assert "xml" in str(wrong.value).lower()


def test_keys_of_a_role_are_lent_by_a_signed_log_in(cloud: Library, front: Witness, moto: Moto) -> None:
    user = moto.users["full"]
    cloud.knows("borrower", access_key_id=user["key"], secret_access_key=user["secret"])
    found = {record["id"]["S"] for record in cloud.records("borrower", "items.list")}
    assert {f"c{number}" for number in range(ITEMS)} <= found
    login, *scans = front.seen
    assert (b"Action=AssumeRole" in login.body, f"Credential={user['key']}/" in login.headers["authorization"]) == (
        True,
        True,
    )
    assert len(scans) == 3 and all(seen.headers["x-amz-security-token"] for seen in scans)
    assert not any(user["key"] in seen.headers["authorization"] for seen in scans)
    session = cloud.stored("borrower")["session"]
    assert 3000 < session["expires_at"] - session["obtained_at"] <= 3600
    assert len(cloud.records("borrower", "items.list")) == len(found)
    assert len(front.seen) == 7, "the keys are used again"


def test_a_signed_log_in_with_a_wrong_secret_is_a_credential_fault(cloud: Library, moto: Moto) -> None:
    cloud.knows("borrower", access_key_id=moto.users["full"]["key"], secret_access_key="wrong")
    with pytest.raises(CredentialError) as refused:
        cloud.records("borrower", "items.list")
    assert "wrong" not in str(refused.value)
