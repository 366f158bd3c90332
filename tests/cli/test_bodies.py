"""`conn run --output FILE` and `--file FIELD=PATH` against a server on loopback."""

import csv
import json

import pytest
from transcript import conn

TOKEN = "tok-aVerySecretOne-42"
CONNECTOR = """\
base_url: {url}
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
resources:
  files:
    report: {{ method: get, path: /report, response_format: csv }}
    download: {{ method: get, path: "/files/{{{{id}}}}", response_format: binary }}
    log: {{ method: get, path: /log, response_format: text }}
    list: {{ method: get, path: /files, pagination: {{ format: cursor, config: {{ cursor_field: next, cursor_param: c }} }}, response_path: items }}
    upload:
      method: post
      path: /files
      body_format: multipart
      body: {{ folder: "{{{{params.folder}}}}", document: {{ file: document }} }}
"""  # noqa: E501


def answered(got):
    path, _, query = got.target.partition("?")
    if got.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, {}, {"message": "who are you"}
    if path == "/report":
        return 200, {"content-type": "text/csv"}, "id,name\n" + "".join(f"{n},n{n}\n" for n in range(2_500))
    if path == "/files" and got.method == "POST":
        return 201, {}, {"id": 7}
    if path == "/files":
        return (200, {}, {"items": [{"id": 1}], "next": "2"}) if "c=" not in query else (500, {}, {"message": "oops"})
    if path == "/log":
        return 200, {"content-type": "text/plain"}, f"line 1 {TOKEN}\nline 2\n"
    if path == "/files/big":
        return 200, {"content-type": "application/octet-stream"}, "x" * 2_000_000
    if path == "/files/gone":
        return 410, {}, {"message": "gone for good"}
    return (
        200,
        {"content-type": "application/pdf", "content-disposition": 'attachment; filename="../../cv.pdf"'},
        "%PDF",
    )


@pytest.fixture
def desk(tmp_path, monkeypatch, vendor):
    monkeypatch.chdir(tmp_path)
    vendor.answer = answered
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "accounts").mkdir()
    (tmp_path / "connectors/shop/connector.yaml").write_text(CONNECTOR.format(url=vendor.url))
    (tmp_path / "accounts/me.yaml").write_text("connector: shop\n")
    (tmp_path / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return tmp_path.resolve()


def run(desk, *arguments):
    done = conn(desk, "run", *arguments, "-a", "me", CONN_ME_TOKEN=TOKEN)
    assert TOKEN not in done.out + done.err
    return done


def leftovers(desk):
    return sorted(path.name for path in desk.iterdir() if path.name.endswith(".tmp"))


def test_a_binary_answer_is_saved_as_it_came(desk):
    done = run(desk, "files.download", "-p", "id=1", "-o", "out.pdf")
    assert (done.code, done.out) == (0, "")
    assert "saved 4 bytes (application/pdf) as out.pdf" in done.err
    assert (desk / "out.pdf").read_bytes() == b"%PDF"
    assert not (desk.parent.parent / "cv.pdf").exists()
    assert leftovers(desk) == []


def test_text_is_saved_as_it_came_but_for_a_credential_in_it(desk):
    assert run(desk, "files.log", "-o", "./a.log").code == 0
    assert (desk / "a.log").read_text() == "line 1 [redacted]\nline 2\n"


def test_without_a_file_a_binary_answer_is_told(desk):
    row = json.loads(run(desk, "files.download", "-p", "id=1").out)
    assert (row["filename"], row["size"], row["base64"]) == ("cv.pdf", 4, "JVBERg==")
    done = run(desk, "files.download", "-p", "id=big")
    assert json.loads(done.out)["base64"] is None
    assert "(2,000,000 bytes) is not shown; --output FILE saves it" in done.err


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.json", "people.txt"])
def test_records_are_saved_in_the_format_of_the_name(desk, name):
    assert run(desk, "files.report", "-o", name).code == 0
    text = (desk / name).read_text()
    rows = {
        "people.csv": lambda: list(csv.DictReader(text.splitlines())),
        "people.json": lambda: json.loads(text),
    }.get(name, lambda: [json.loads(line) for line in text.splitlines()])()
    assert len(rows) == 2_500
    assert rows[2_499] == {"id": "2499", "name": "n2499"}


def test_a_limit_holds_for_files_too(desk):
    run(desk, "files.report", "-o", "a.jsonl", "--limit", "1500")
    assert len((desk / "a.jsonl").read_text().splitlines()) == 1_500


def test_a_file_that_is_there_is_only_replaced_when_asked(desk, vendor):
    (desk / "a.pdf").write_bytes(b"old")
    done = run(desk, "files.download", "-p", "id=1", "-o", "a.pdf")
    assert done.code == 2
    assert "a.pdf already exists" in done.err and "--force" in done.err
    assert vendor.arrived == []
    assert run(desk, "files.download", "-p", "id=1", "-o", "a.pdf", "--force").code == 0
    assert (desk / "a.pdf").read_bytes() == b"%PDF"


def test_an_error_leaves_no_file_and_keeps_an_old_one(desk):
    (desk / "a.jsonl").write_text("old\n")
    for arguments in (("files.download", "-p", "id=gone", "-o", "b.pdf"), ("files.list", "-o", "a.jsonl", "--force")):
        assert run(desk, *arguments).code == 4
    assert not (desk / "b.pdf").exists()
    assert (desk / "a.jsonl").read_text() == "old\n"
    assert leftovers(desk) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("xlsx", "is unknown"),
        ("nowhere/a.csv", "there is no folder"),
        ("accounts/", "is a folder"),
    ],
)
def test_names_that_are_no_file(desk, vendor, output, message):
    done = run(desk, "files.report", "-o", output)
    assert done.code == 2
    assert message in done.err
    assert vendor.arrived == []


def test_an_upload(desk, vendor):
    (desk / "cv.pdf").write_bytes(b"%PDF-1.7 \xff")
    plan = run(desk, "files.upload", "-p", "folder=in", "--file", "document=cv.pdf")
    assert plan.code == 2
    assert vendor.arrived == []
    assert "multipart/form-data" in plan.out and "--data-binary @body.bin" in plan.out
    done = run(desk, "files.upload", "-p", "folder=in", "--file", "document=cv.pdf", "--send")
    assert json.loads(done.out) == {"id": 7}
    assert (
        b'name="document"; filename="cv.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7 \xff'
        in vendor.arrived[0].body
    )
    named = "document=cv.pdf;type=text/x;filename=b=c.txt"
    run(desk, "files.upload", "-p", "folder=in", "--file", named, "--send")
    assert b'filename="b=c.txt"\r\nContent-Type: text/x\r\n' in vendor.arrived[1].body


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--file", "document"], "is not FIELD=PATH"),
        (["--file", "document=nothing.pdf"], "no such file"),
        (["--file", "document=accounts"], "is not a file"),
        (["--file", "document=conn.yaml", "--file", "document=conn.yaml"], '"document" twice'),
        ([], 'sends a file "document", but no file was passed'),
    ],
)
def test_files_that_are_not_given_rightly(desk, vendor, given, message):
    done = run(desk, "files.upload", "-p", "folder=in", *given, "--send")
    assert done.code == 2
    assert message in done.err
    assert vendor.arrived == []


def test_an_upload_is_recorded_and_replayed(desk):
    (desk / "cv.txt").write_text("hello")
    words = ("record", "files.upload", "-a", "me", "-p", "folder=in", "--file", "document=cv.txt", "--send")
    recorded = conn(desk, *words, CONN_ME_TOKEN=TOKEN)
    assert recorded.code == 0, recorded.err
    (desk / "cv.txt").unlink()
    assert conn(desk, "test", "files.upload", "--account", "me", "--update").code == 0
    tested = conn(desk, "test", "files.upload", "--account", "me")
    assert tested.code == 0, tested.out
