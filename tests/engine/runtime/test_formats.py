"""Operations whose bodies are not JSON, from the connector's document to the records."""

import asyncio
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.bodies import Upload
from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, CredentialError, UsageError, VendorError
from conn_engine.recordings.exchanges import to_recorded_request
from conn_engine.recordings.files import load_recording, save_recording
from conn_engine.recordings.record import Recorder
from conn_engine.recordings.replay import Replay
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.connection import AsyncConnection, Connection
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.wire import Headers, Request, Response

DOCUMENT = {"token": "token-of-acme"}


def answer(body: bytes | str, kind: str = "text/csv", status: int = 200, **headers: str) -> Response:
    told = Headers({"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}})
    return Response(status, told, body.encode() if isinstance(body, str) else body)


@pytest.fixture
def shop(make: Callable[..., Workspace]) -> Callable[..., Workspace]:
    """`shop(**operation)`: the workspace with that operation as `files.run`."""

    def build(connector: dict[str, Any] | None = None, unified: Any = None, **operation: Any) -> Workspace:
        data = {
            "base_url": "https://api.example.com/v1",
            "credentials": {"format": "bearer"},
            "authorization": {"format": "bearer"},
            "resources": {"files": {"run": {"method": "get", "path": "/files", **operation}}},
            **(connector or {}),
        }
        return make({"connectors/shop/connector.yaml": data, "connectors/shop/unified/crm.yaml": unified})

    return build


def wiring(workspace: Workspace) -> Wiring:
    from conn_engine.runtime.call import Session

    return Wiring(
        workspace.effective(account="acme"), Session("acme", DOCUMENT), MemoryVault({"acme": DOCUMENT}), Redactor()
    )


def connected(workspace: Workspace, *script: Any) -> tuple[Connection, Faults]:
    faults = Faults([json_answer(step) if isinstance(step, dict | list) else step for step in script])
    return Connection(wiring(workspace), faults), faults


class TestRows:
    def test_a_long_answer_is_delivered_in_pages(self, shop: Callable[..., Workspace]) -> None:
        body = "id,name\n" + "".join(f"{n},n{n}\n" for n in range(2_300))
        connection, faults = connected(shop(response_format="csv"), answer(body))
        pages = list(connection.pages("files.run"))
        assert [(len(page.records), page.partial, page.next_cursor is None) for page in pages] == [
            (1_000, True, False),
            (1_000, True, False),
            (300, False, True),
        ]
        assert pages[2].records[-1] == {"id": "2299", "name": "n2299"}
        assert [page.number for page in pages] == [1, 2, 3]
        assert faults.requests[0].stream
        assert faults.requests[0].headers["accept"] == "text/csv, */*;q=0.5"

    @pytest.mark.parametrize("pages", ["none", "cursor"])
    def test_a_long_answer_resumes_after_any_of_its_parts(self, shop: Callable[..., Workspace], pages: str) -> None:
        cursor = {"next_cursor": "headers.`x-next`", "cursor_param": "after"}
        pagination = {"format": pages, "config": cursor} if pages == "cursor" else {"format": "none"}
        workspace = shop(response_format="jsonl", pagination=pagination, record_filter="record.n != 1500")

        def send(request: Request) -> Response:
            second = "after" in request.url
            rows = b"".join(b'{"n": %d}\n' % (n + 2_500 * second) for n in range(2_500))
            return answer(rows, "application/x-ndjson", **({} if second else {"x_next": "c2"}))

        def run(call: Call) -> list[Any]:
            return list(Connection(wiring(workspace), Faults([send, send])).pages("files.run", call))

        whole = run(Call())
        assert [len(page.records) for page in whole] == [1_000, 999, 500, 1_000, 1_000, 500][: len(whole)]
        assert len(whole) == {"none": 3, "cursor": 6}[pages]
        for number, page in enumerate(whole[:-1], 1):
            rest = run(Call(cursor=page.next_cursor))
            assert [later.records for later in rest] == [later.records for later in whole[number:]]
            assert [later.next_cursor for later in rest] == [later.next_cursor for later in whole[number:]]
            assert rest[-1].completeness == whole[-1].completeness

    @pytest.mark.parametrize("rows", [range(1, 1_501), range(900), range(0)])
    def test_an_answer_that_has_changed_does_not_resume(self, shop: Callable[..., Workspace], rows: range) -> None:
        bodies = [b"".join(b'{"n": %d}\n' % n for n in numbers) for numbers in (range(1_500), rows)]
        connection, _ = connected(
            shop(response_format="jsonl"), *(answer(body, "application/x-ndjson") for body in bodies)
        )
        first, _ = connection.pages("files.run")
        with pytest.raises(UsageError, match="has changed since") as caught:
            list(connection.pages("files.run", Call(cursor=first.next_cursor)))
        assert caught.value.hint == "leave the cursor out to start again"

    def test_one_page_of_a_listing_is_whole(self, shop: Callable[..., Workspace]) -> None:
        body = b"".join(b'{"n": %d}\n' % n for n in range(1_500))
        workspace = shop(
            response_format="jsonl",
            pagination={"format": "cursor", "config": {"next_cursor": "headers.`x-next`", "cursor_param": "after"}},
        )
        connection, _ = connected(workspace, answer(body, "application/x-ndjson", x_next="c2"))
        listed = connection.list("files.run")
        assert listed["result_count"] == 1_500
        assert listed["next_cursor"] is not None
        second, faults = connected(workspace, answer(b'{"n": 1}\n'))
        assert second.list("files.run", Call(cursor=listed["next_cursor"]))["result"] == [{"n": 1}]
        assert faults.requests[0].url.endswith("?after=c2")

    def test_offsets_count_every_part(self, shop: Callable[..., Workspace]) -> None:
        def page(start: int, count: int) -> Response:
            return answer("id\n" + "".join(f"{n}\n" for n in range(start, start + count)))

        workspace = shop(response_format="csv", pagination={"format": "offset", "config": {"size": 1_500}})
        connection, faults = connected(workspace, page(0, 1_500), page(1_500, 1_500), page(3_000, 10))
        records = list(connection.records("files.run"))
        assert [int(record["id"]) for record in records] == list(range(3_010))
        assert [request.url.partition("?")[2] for request in faults.requests] == [
            "offset=0&limit=1500",
            "offset=1500&limit=1500",
            "offset=3000&limit=1500",
        ]

    def test_filters_mappings_and_paths_see_each_part(self, shop: Callable[..., Workspace]) -> None:
        body = b"".join(b'{"data": {"n": %d}}\n' % n for n in range(1_200))
        unified = {
            "resources": {
                "contacts": {
                    "list": {"resource": "files", "method": "run", "response_mapping": {"id": "$string(response.n)"}}
                }
            }
        }
        workspace = shop(
            response_format="jsonl", response_path="data", record_filter="record.n % 400 = 0", unified=unified
        )
        connection, _ = connected(workspace, answer(body))
        assert list(connection.records("crm.contacts.list")) == [{"id": "0"}, {"id": "400"}, {"id": "800"}]

    def test_a_caller_who_has_enough_stops_the_reading(self, shop: Callable[..., Workspace]) -> None:
        body = "id\n" + "1\n" * 1_500 + '"'
        connection, _ = connected(shop(response_format="csv"), answer(body))
        pages = connection.pages("files.run")
        assert len(next(pages).records) == 1_000
        pages.close()
        connection, _ = connected(shop(response_format="csv"), answer(body))
        with pytest.raises(VendorError, match="never closed"):
            list(connection.pages("files.run"))

    def test_an_error_with_status_200_is_for_the_rules(self, shop: Callable[..., Workspace]) -> None:
        rule = {"when": "fault = 'body' and $contains(text, 'not_ready')", "then": {"retry": {"backoff_seconds": 0}}}
        workspace = shop(response_format="csv", errors=[rule])
        script = (answer('{"status": "not_ready"}', "application/json"), answer("id\n1\n"))
        connection, faults = connected(workspace, *script)
        assert list(connection.records("files.run")) == [{"id": "1"}]
        assert len(faults.requests) == 2
        connection, _ = connected(shop(response_format="csv"), script[0])
        with pytest.raises(VendorError, match="cannot be read as CSV: it is JSON"):
            list(connection.records("files.run"))

    def test_options_of_one_operation(self, shop: Callable[..., Workspace]) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../readme.txt", "nothing")
            archive.writestr("report.csv", "Report of May\n1;é;\n".encode("latin-1"))
        options = {"members": "*.csv", "charset": "latin-1", "delimiter": ";", "skip_rows": 1, "nulls": [""]}
        workspace = shop(response_format="csv", response_options={**options, "columns": ["id", "name", "note"]})
        connection, _ = connected(workspace, answer(packed.getvalue(), "application/octet-stream"))
        assert list(connection.records("files.run")) == [{"id": "1", "name": "é", "note": None}]

    def test_an_account_may_say_another_delimiter(self, make: Callable[..., Workspace]) -> None:
        operation = {"method": "get", "path": "/f", "response_format": "csv", "response_options": {"skip_rows": 1}}
        connector = {"base_url": "https://api.example.com", "resources": {"files": {"run": operation}}}
        override = {"resources": {"files": {"run": {"response_options": {"delimiter": "|"}}}}}
        workspace = make(
            {
                "connectors/shop/connector.yaml": connector,
                "connectors/shop/unified/crm.yaml": None,
                "accounts/acme.yaml": {"connector": "shop", "override": override},
            }
        )
        connection, _ = connected(workspace, answer("x\na|b\n1|2\n"))
        assert list(connection.records("files.run")) == [{"a": "1", "b": "2"}]


class TestBytes:
    def test_the_record_and_the_bytes(self, shop: Callable[..., Workspace]) -> None:
        told = answer(b"%PDF", "application/pdf", content_disposition='attachment; filename="a.pdf"')
        connection, _ = connected(shop(response_format="binary"), told)
        pages = connection.pages("files.run")
        page = next(pages)
        assert page.whole
        assert page.records[0] | {"sha256": ""} == {
            "content_type": "application/pdf",
            "filename": "a.pdf",
            "size": 4,
            "sha256": "",
            "base64": "JVBERg==",
        }
        assert page.content.read() == b"%PDF"

    @pytest.mark.parametrize("format", ["binary", "text", "json", "csv"])
    def test_any_answer_can_be_downloaded(self, shop: Callable[..., Workspace], format: str, tmp_path: Path) -> None:  # noqa: A002
        workspace = shop(response_format=format, response_path="nowhere" if format == "json" else None)
        connection, _ = connected(workspace, answer(b'{"a": 1}', "application/json"))
        with connection.download("files.run") as content:
            assert (content.size, content.content_type) == (8, "application/json")
            content.save(tmp_path / "a.json")
        assert (tmp_path / "a.json").read_bytes() == b'{"a": 1}'
        assert sorted(path.name for path in tmp_path.glob("*a.json*")) == ["a.json"]

    def test_a_file_that_is_there_is_kept(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"old")
        for overwrite in (False, True):
            connection, _ = connected(shop(response_format="binary"), answer(b"new"))
            with connection.download("files.run") as content:
                if not overwrite:
                    with pytest.raises(UsageError, match="already exists"):
                        content.save(path)
                    assert path.read_bytes() == b"old"
                else:
                    content.save(path, overwrite=True)
        assert path.read_bytes() == b"new"

    def test_a_fault_in_the_middle_leaves_no_file(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        broken = gzip.compress(b"x" * 100_000)[:-8]
        workspace = shop(response_format="binary", response_options={"unpack": "gzip"})
        connection, _ = connected(workspace, answer(broken))
        with pytest.raises(VendorError, match="ends too early"), connection.download("files.run") as content:
            content.save(tmp_path / "a.bin")
        assert list(tmp_path.glob("*a.bin*")) == []

    def test_an_error_is_an_error(self, shop: Callable[..., Workspace]) -> None:
        connection, _ = connected(shop(response_format="binary"), json_answer({"message": "gone"}, 410))
        with pytest.raises(VendorError, match="gone"), connection.download("files.run"):
            pass

    def test_nothing_is_an_empty_file(self, shop: Callable[..., Workspace]) -> None:
        connection, _ = connected(shop(response_format="binary"), Response(204))
        with connection.download("files.run") as content:
            assert content.read() == b""

    def test_a_unified_operation(self, shop: Callable[..., Workspace]) -> None:
        mapping = {"id": "response.sha256", "name": "response.filename"}
        unified = {"resources": {"files": {"get": {"resource": "files", "method": "run", "response_mapping": mapping}}}}
        connection, _ = connected(shop(response_format="binary", unified=unified), answer(b"x"))
        page = next(connection.pages("crm.files.get"))
        assert page.content.read() == b"x"
        assert page.records[0]["id"].startswith("2d711642b726b044")


class TestUploads:
    def test_multipart(self, shop: Callable[..., Workspace]) -> None:
        body = {"folder": "{{params.folder}}", "document": {"file": "document", "filename": "{{params.name}}.txt"}}
        workspace = shop(method="post", body_format="multipart", body=body)
        connection, faults = connected(workspace, {"id": 1})
        call = Call(params={"folder": "in{{box", "name": "cv"}, files={"document": Upload(b"hello", "x", "text/plain")})
        assert list(connection.records("files.run", call)) == [{"id": 1}]
        request = faults.requests[0]
        assert request.headers["content-type"].startswith("multipart/form-data; boundary=conn-")
        assert b'name="folder"\r\n\r\nin{{box\r\n' in (request.body or b"")
        assert b'name="document"; filename="cv.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n' in (
            request.body or b""
        )

    def test_a_callers_body_names_files_and_never_paths(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(method="post", body_format="multipart"), {"id": 1})
        with pytest.raises(UsageError, match="no file was passed"):
            list(connection.pages("files.run", Call(body={"f": {"file": "/etc/hostname"}})))
        assert faults.requests == []

    def test_files_for_an_operation_that_sends_none(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(), {})
        with pytest.raises(UsageError, match="does not send files"):
            list(connection.pages("files.run", Call(files={"f": Upload(b"x")})))
        assert faults.requests == []

    def test_raw(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(method="put", body_format="raw"), {})
        list(connection.pages("files.run", Call(files={"f": Upload(b"\x00\x01", "x.bin", "image/png")})))
        assert (faults.requests[0].body, faults.requests[0].headers["content-type"]) == (b"\x00\x01", "image/png")

    def test_a_content_type_that_the_author_says(self, shop: Callable[..., Workspace]) -> None:
        soap = {
            "soap:Envelope": {"@xmlns:soap": "http://schemas.xmlsoap.org/soap/envelope/", "soap:Body": {"q": "{{id}}"}}
        }
        headers = {"Content-Type": "application/soap+xml"}
        workspace = shop(method="post", body_format="xml", response_format="xml", headers=headers, body=soap)
        connection, faults = connected(workspace, answer("<r><a>1</a></r>", "text/xml"))
        assert list(connection.records("files.run", Call(id="<1>"))) == [{"r": {"a": "1"}}]
        assert faults.requests[0].headers["content-type"] == "application/soap+xml"
        assert b"<q>&lt;1&gt;</q>" in (faults.requests[0].body or b"")
        multipart = shop(
            method="post", body_format="multipart", headers={"Content-Type": "multipart/form-data"}, body={"a": 1}
        )
        connection, faults = connected(multipart, {})
        list(connection.pages("files.run"))
        assert "; boundary=conn-" in faults.requests[0].headers["content-type"]

    def test_xml_without_any_element_of_a_list_has_no_records(self, shop: Callable[..., Workspace]) -> None:
        options = {"lists": ["row"]}
        for path, text in (("r.row", "<r/>"), ("r.row", "<r><count>0</count></r>"), ("a.r.row", "<a><r/></a>")):
            told = shop(response_format="xml", response_options=options, response_path=path)
            assert list(connected(told, answer(text, "text/xml"))[0].records("files.run")) == []
        for path, text in (("r.row", "<x/>"), ("r.rows", "<r/>"), ("a.r.row", "<a><s/></a>")):
            told = shop(response_format="xml", response_options=options, response_path=path)
            with pytest.raises(ConfigurationError, match="matches nothing"):
                list(connected(told, answer(text, "text/xml"))[0].records("files.run"))

    def test_a_get_with_a_configured_body_sends_it(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(body={"q": 1}), {})
        list(connection.pages("files.run"))
        assert faults.requests[0].body == b'{"q":1}'
        connection, faults = connected(shop(), {})
        list(connection.pages("files.run", Call(body={"q": 1})))
        assert faults.requests[0].body is None

    def test_a_large_upload_is_signed_in_memory_or_not_at_all(
        self, shop: Callable[..., Workspace], tmp_path: Path
    ) -> None:
        path = tmp_path / "f.bin"
        path.write_bytes(b"x" * (2 * 2**20))
        signature = {
            "format": "hmac",
            "config": {"key": "{{token}}", "content": "request.body", "headers": {"x-sig": "{{signature}}"}},
        }
        signed = shop({"signature": signature}, method="put", body_format="raw")
        connection, faults = connected(signed, {})
        list(connection.pages("files.run", Call(files={"f": Upload.from_path(path)})))
        assert len(faults.requests[0].body or b"") == 2 * 2**20
        with path.open("r+b") as file:
            file.truncate(65 * 2**20)
        with pytest.raises(ConfigurationError, match="at most 64 MiB"):
            list(connection.pages("files.run", Call(files={"f": Upload.from_path(path)})))


GRAPHQL = {
    "method": "post",
    "path": "/graphql",
    "body_format": "graphql",
    "body": {
        "query": "query($first: Int, $after: String) { issues(first: $first, after: $after) { "
        "nodes { id } pageInfo { endCursor } } }",
        "variables": {"first": 2},
    },
    "response_path": "data.issues.nodes",
    "pagination": {
        "format": "cursor",
        "config": {"cursor_field": "data.issues.pageInfo.endCursor", "cursor_body": "/variables/after"},
    },
}


def issues(*ids: int, after: str | None = None) -> dict[str, Any]:
    return {"data": {"issues": {"nodes": [{"id": n} for n in ids], "pageInfo": {"endCursor": after}}}}


class TestGraphql:
    def test_pages_by_a_variable(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(**GRAPHQL), issues(1, 2, after="c"), issues(3))
        assert [record["id"] for record in connection.records("files.run")] == [1, 2, 3]
        sent = [json.loads(request.body or b"") for request in faults.requests]
        assert [one["variables"] for one in sent] == [{"first": 2}, {"first": 2, "after": "c"}]
        assert not faults.requests[0].writes
        assert faults.requests[0].idempotent

    def test_a_mutation_writes(self, shop: Callable[..., Workspace]) -> None:
        for text in ("mutation { a }", "# a mutation\nquery Q { b } mutation M { a }", "{{query.text}}"):
            connection, faults = connected(
                shop(**{**GRAPHQL, "body": {"query": text}, "response_path": None}), {"data": {}}
            )
            list(connection.pages("files.run", Call(query={"text": "query { a }"})))
            assert faults.requests[0].writes

    @pytest.mark.parametrize(
        ("errors", "kind"),
        [
            ([{"message": "no field x"}], "invalid_request"),
            ([{"message": "no", "extensions": {"code": "FORBIDDEN"}}], "forbidden"),
            ([{"message": "none", "type": "NOT_FOUND"}], "not_found"),
            ([{"message": "slow down", "extensions": {"code": "THROTTLED"}}], "rate_limited"),
            ([{"message": "a"}, {"message": "slow down", "type": "RATE_LIMITED"}], "rate_limited"),
            ([{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}], "vendor_unavailable"),
            ("just text", "invalid_request"),
        ],
    )
    def test_errors_with_status_200(self, shop: Callable[..., Workspace], errors: Any, kind: str) -> None:
        connection, _ = connected(shop(**GRAPHQL), {"data": None, "errors": errors})
        with pytest.raises(VendorError) as raised:
            list(connection.pages("files.run"))
        assert raised.value.kind == kind
        if isinstance(errors, list):
            assert errors[0]["message"] in raised.value.message

    def test_a_refused_credential(self, shop: Callable[..., Workspace]) -> None:
        refused = {"errors": [{"message": "log in", "extensions": {"code": "UNAUTHENTICATED"}}]}
        connection, _ = connected(shop(**GRAPHQL), refused)
        with pytest.raises(CredentialError, match="log in"):
            list(connection.pages("files.run"))

    def test_partial_data_is_fine_where_a_rule_says_so(self, shop: Callable[..., Workspace]) -> None:
        rule = {"when": "$exists(body.data.issues.nodes)", "then": "ok"}
        connection, _ = connected(shop(**GRAPHQL, errors=[rule]), {**issues(1), "errors": [{"message": "x"}]})
        assert list(connection.records("files.run")) == [{"id": 1}]
        connection, _ = connected(shop(**GRAPHQL), {**issues(1), "errors": []})
        assert list(connection.records("files.run")) == [{"id": 1}]


class TestRecordings:
    def replayed(self, workspace: Workspace, call: Call, told: Response, path: Path) -> tuple[list[Any], str]:
        """The records of a call that was recorded, saved and replayed under another credential."""
        live = wiring(workspace)
        recorder = Recorder(Faults([told]))
        name = live.effective.resolve("files.run")
        pages = list(drive(perform(Run(live.effective, live.session), name, call), recorder, live.vault))
        made = recorder.to_recording(connector="shop", operation="files.run", recorded_at="2026-01-02T03:04:05Z")
        save_recording(path, made, Redactor([DOCUMENT["token"]]))
        other = {"token": "another-token"}
        again = wiring(workspace)
        again.session.document = other
        replay = Replay(load_recording(path), redactor=Redactor(["another-token"]))
        flow = perform(Run(again.effective, again.session), name, call)
        records = [record for page in drive(flow, replay, again.vault) for record in page.records]
        assert records == [record for page in pages for record in page.records]
        return records, path.read_text()

    def test_an_upload_with_the_credential_in_a_field(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        workspace = shop(
            {"authorization": {"format": "body", "config": {"field": "key", "value": "{{token}}"}}},
            method="post",
            body_format="multipart",
            body={"a": "1", "f": {"file": "f"}},
        )
        call = Call(files={"f": Upload(b"\xff\x00", "x.bin")})
        _, text = self.replayed(workspace, call, json_answer({"id": 1}), tmp_path / "r.json")
        parts = json.loads(text)["exchanges"][0]["request"]["parts"]
        assert [part["name"] for part in parts] == ["a", "f", "key"]
        assert parts[1] == {
            "name": "f",
            "filename": "x.bin",
            "content_type": "application/octet-stream",
            "base64": "/wA=",
        }
        assert DOCUMENT["token"] not in text

    def test_another_file_is_another_request(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        workspace = shop(method="post", body_format="multipart")
        call = Call(files={"f": Upload(b"one", "x.txt", "text/plain")})
        self.replayed(workspace, call, json_answer({"id": 1}), tmp_path / "r.json")
        connection = Connection(wiring(workspace), Replay(load_recording(tmp_path / "r.json")))
        other = Call(files={"f": Upload(b"two", "x.txt", "text/plain")})
        with pytest.raises(Exception, match="no response is recorded") as raised:
            list(connection.pages("files.run", other))
        assert '/0/content: recorded "one", sent "two"' in getattr(raised.value, "hint", "")

    def test_a_large_upload_is_known_by_its_digest(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        path = tmp_path / "f.bin"
        path.write_bytes(b"x" * (2 * 2**20))
        workspace = shop(method="post", body_format="multipart")
        call = Call(files={"f": Upload.from_path(path)})
        _, text = self.replayed(workspace, call, json_answer({"id": 1}), tmp_path / "r.json")
        assert len(json.loads(text)["exchanges"][0]["request"]["sha256"]) == 64

    @pytest.mark.parametrize("charset", [None, "latin-1"])
    def test_a_table_in_another_character_set(
        self, shop: Callable[..., Workspace], tmp_path: Path, charset: str | None
    ) -> None:
        kind = "text/csv" if charset else "text/csv; charset=iso-8859-1"
        for told in (
            answer("name\né\n".encode("latin-1"), kind),
            answer("name\né\n".encode("latin-1"), "text/csv; charset=iso-8859-1"),
        ):
            workspace = shop(response_format="csv", response_options={"charset": charset} if charset else None)
            records, _ = self.replayed(workspace, Call(), told, tmp_path / "r.json")
            assert records == [{"name": "é"}]

    def test_bytes_and_archives(self, shop: Callable[..., Workspace], tmp_path: Path) -> None:
        packed = gzip.compress(b"id\n1\n", mtime=0)
        records, text = self.replayed(
            shop(response_format="csv"), Call(), answer(packed, "application/gzip"), tmp_path / "r.json"
        )
        assert records == [{"id": "1"}]
        assert "base64" in text
        self.replayed(shop(response_format="binary"), Call(), answer(b"\x89PNG", "image/png"), tmp_path / "s.json")

    def test_what_is_too_large_to_keep(self, shop: Callable[..., Workspace]) -> None:
        from conn_engine.transport.spool import Spool

        spool = Spool()
        for _ in range(17):
            spool.write(b"x" * 2**20)
        told = Response(200, Headers({"content-type": "text/plain"}), spool=spool)
        live = wiring(shop(response_format="binary"))
        connection = Connection(live, Recorder(Faults([told])))
        with pytest.raises(ConfigurationError, match="too large to record"):
            list(connection.pages("files.run"))

    def test_headers_hold_no_boundary(self, shop: Callable[..., Workspace]) -> None:
        connection, faults = connected(shop(method="post", body_format="multipart", body={"a": 1}), {})
        list(connection.pages("files.run"))
        assert to_recorded_request(faults.requests[0]).headers["content-type"] == "multipart/form-data"


def test_an_event_loop(shop: Callable[..., Workspace], tmp_path: Path) -> None:
    body = "id\n" + "".join(f"{n}\n" for n in range(1_500))
    workspace = shop(response_format="csv")

    async def run() -> tuple[int, int, bytes]:
        connection = AsyncConnection(wiring(workspace), Faults([answer(body)] * 3))
        listed = await connection.list("files.run")
        records = [record async for record in connection.records("files.run")]
        async with connection.download("files.run") as content:
            content.save(tmp_path / "a.csv")
        return listed["result_count"], len(records), (tmp_path / "a.csv").read_bytes()

    assert asyncio.run(run()) == (1_500, 1_500, body.encode())
