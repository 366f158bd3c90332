"""A vendor's document at an address: fetched within limits, known by its digest, and the judge of recorded requests."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from transcript import conn

DOCUMENT = (Path(__file__).resolve().parents[1] / "imports" / "documents" / "shop.yaml").read_bytes()
DIGEST = f"sha256:{sha256(DOCUMENT).hexdigest()}"


@pytest.fixture
def root(tmp_path, monkeypatch, vendor):
    monkeypatch.chdir(tmp_path)
    rows = {
        "/api/shop": (200, {"content-type": "application/yaml"}, DOCUMENT.decode()),
        "/moved": (302, {"location": "/api/shop"}, ""),
        "/away": (302, {"location": "http://10.0.0.1/shop.yaml"}, ""),
    }
    vendor.answer = lambda arrived: rows.get(arrived.path.partition("?")[0], (404, {}, ""))
    (tmp_path / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return tmp_path


def test_a_fetched_document_is_named_with_its_digest_and_without_its_query(root, vendor) -> None:
    done = conn(root, "new", "shop", "--from", f"{vendor.url}/moved?token=abc")
    assert done.code == 0, done.err
    assert f"fetched {vendor.url}/moved ({DIGEST})" in done.out
    contract = yaml.safe_load((root / "connectors/shop/contract.yaml").read_text())
    assert contract == {"document": f"{vendor.url}/moved", "digest": DIGEST}


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("http://shop.example/openapi.yaml", 2, "http://shop.example is not fetched, because it is not https"),
        ("https://10.0.0.1/openapi.yaml", 3, "an internal address"),
        ("https://user:pass@shop.example/a.yaml", 3, "is not an absolute http or https URL"),
        ("{url}/gone", 2, "responds to the fetch of the document with 404"),
        ("{url}/away", 4, "10.0.0.1"),
    ],
)
def test_an_address_that_cannot_be_fetched_leaves_nothing(root, vendor, address, code, message) -> None:
    done = conn(root, "new", "shop", "--from", address.format(url=vendor.url))
    assert (done.code, message in done.err) == (code, True), done.err
    assert not (root / "connectors").exists()


def test_requests_that_change_after_they_were_judged_do_not_count(root) -> None:
    (root / "shop.yaml").write_bytes(DOCUMENT)
    assert conn(root, "new", "shop", "--from", "shop.yaml", "--model", "crm", "--with-samples").code == 0

    stored = (root / ".conn/scores.json").read_bytes()  # the mistakes were tried

    def read_part() -> dict[str, object]:
        (row,) = json.loads(conn(root, "score", "shop", "--format", "json").out)["connectors"]
        return next(part for part in row["parts"] if part["name"] == "contract")

    assert read_part()["points"] == 10
    assert (root / ".conn/scores.json").read_bytes() == stored
    recorded = root / "connectors/shop/recordings/crm.contacts.list.json"
    recorded.write_text(recorded.read_text().replace('"cursor": "page-2"', '"cursor": "page-9"'))
    part = read_part()
    assert part["points"] < 10
    assert part["detail"] == "5 of 6 recorded operations are as shop.yaml allows"
    done = conn(root, "score", "shop", "--document", "shop.yaml")
    assert f"judged the requests of shop by shop.yaml ({DIGEST})" in done.err
    assert read_part()["points"] == 10


def test_a_document_judges_one_connector(root) -> None:
    done = conn(root, "score", "--all", "--document", "shop.yaml")
    assert done.code == 2
    assert "--document judges one connector" in done.err
