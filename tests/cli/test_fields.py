"""`conn fields --live` against a server on loopback; the rest is in the scenario `fields`."""

import json
from pathlib import Path

import pytest
from transcript import Run, conn
from vendor import Arrived, Vendor

TOKEN = "tok-aVerySecretOne-42"
DESCRIBE = """
    describe:
      method: get
      path: /fields
      response_path: data
      pagination: none
      record_mapping: { name: record.key, label: record.title, type: record.kind }
"""


@pytest.fixture
def live(desk: Path, vendor: Vendor) -> Path:
    vendor.answer = answer
    file = desk / "connectors/demo/connector.yaml"
    text = file.read_text().replace("https://api.demo.example/v1", vendor.url)
    file.write_text(text.rstrip("\n") + DESCRIBE)
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return desk


def answer(got: Arrived) -> tuple[int, dict[str, str], object]:
    if got.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, {}, {"message": "no"}
    return 200, {}, {"data": [{"key": "shoe_size", "title": "Shoe size", "kind": f"number {TOKEN}"}, {"key": "email"}]}


def run(desk: Path, *arguments: str, token: str = TOKEN) -> Run:
    return conn(desk, "fields", "me", *arguments, CONN_ME_TOKEN=token)


def test_the_vendor_describes_the_fields(live: Path, vendor: Vendor) -> None:
    done = run(live, "contacts", "--live", "--format", "json")
    assert done.code == 0
    report = json.loads(done.out)
    assert (report["live"], report["described_by"]) == (True, "contacts.describe")
    rows = {row["name"]: row for row in report["fields"]}
    assert (rows["shoe_size"]["label"], rows["shoe_size"]["recorded"]) == ("Shoe size", False)
    assert rows["email"]["recorded"]
    assert TOKEN not in done.out
    assert [got.target for got in vendor.arrived] == ["/fields"]


def test_recordings_need_neither_a_credential_nor_a_request(live: Path, vendor: Vendor) -> None:
    done = run(live, "contacts", token="")
    assert (done.code, vendor.arrived) == (0, [])
    assert "shoe_size" not in done.out


def test_errors_of_the_vendor_are_errors_of_the_command(live: Path) -> None:
    done = run(live, "contacts", "--live", token="wrong")
    assert (done.code, done.out) == (5, "")
    file = live / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("/fields", "/fields/{{id}}"))
    done = run(live, "contacts", "--live")
    assert (done.code, done.out) == (2, "")
    assert 'no operation that describes the fields of "contacts"' in done.err
