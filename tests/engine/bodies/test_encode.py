"""Request bodies in every format, to the byte where another reader would notice."""

import base64
import email.parser
import email.policy
import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.bodies import BodyOptions, Payload, QueryFormat, Upload, encode, encode_query, encode_upload
from conn_engine.errors import ConfigurationError, UsageError

FILE = Upload(b"%PDF-1.7 \xff\x00", "cv.pdf", "application/pdf")


def parts_by_another_reader(body: bytes, content_type: str) -> list[tuple[dict[str, str], bytes]]:
    """The parts as the standard library's mail parser reads them."""
    text = b"MIME-Version: 1.0\r\nContent-Type: " + content_type.encode() + b"\r\n\r\n" + body
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append(({name.lower(): str(value) for name, value in part.items()}, content))
    return found


def multipart(data: Any, files: dict[str, Upload] | None = None, **options: Any) -> tuple[bytes, str]:
    body, kind = encode_upload("multipart", data, None, BodyOptions(**options), files or {})
    assert isinstance(body, bytes)
    return body, kind


class TestMultipart:
    def test_fields_and_files(self) -> None:
        body, kind = multipart(
            {
                "name": 'Zoë "Z"',
                "tags": ["a", "b"],
                "address": {"city": "Bern"},
                "vip": True,
                "none": None,
                "document": {"file": "document"},
                "meta": {"json": {"a": 1}},
                "raw": {"base64": base64.b64encode(b"\x00\x01").decode(), "filename": "x.bin"},
                "note": {"text": "hi", "content_type": "text/markdown", "headers": {"X-Part": "1"}},
            },
            {"document": FILE},
        )
        assert kind.startswith("multipart/form-data; boundary=conn-")
        parts = parts_by_another_reader(body, kind)
        told = [(headers["content-disposition"], headers.get("content-type"), content) for headers, content in parts]
        assert told == [
            ('form-data; name="name"', None, 'Zoë "Z"'.encode()),
            ('form-data; name="tags"', None, b"a"),
            ('form-data; name="tags"', None, b"b"),
            ('form-data; name="address[city]"', None, b"Bern"),
            ('form-data; name="vip"', None, b"true"),
            ('form-data; name="document"; filename="cv.pdf"', "application/pdf", FILE.data),
            ('form-data; name="meta"', "application/json", b'{"a":1}'),
            ('form-data; name="raw"; filename="x.bin"', "application/octet-stream", b"\x00\x01"),
            ('form-data; name="note"', "text/markdown", b"hi"),
        ]
        assert parts[-1][0]["x-part"] == "1"

    def test_names_cannot_end_their_header(self) -> None:
        body, kind = multipart({'a"; filename="evil': "1", "b\r\nX-Evil: 1": "2"}, {})
        heads = [headers for headers, _ in parts_by_another_reader(body, kind)]
        assert [sorted(head) for head in heads] == [["content-disposition"]] * 2
        assert b'name="a%22; filename=%22evil"' in body
        with pytest.raises(ConfigurationError, match="line break"):
            multipart({"a": {"text": "x", "content_type": "a\r\nX-Evil: 1"}})
        with pytest.raises(ConfigurationError, match="line break"):
            multipart({"a": {"text": "x", "headers": {"X": "1\n2"}}})

    def test_related_tells_what_its_first_part_is(self) -> None:
        body, kind = multipart([{"json": {"name": "x"}}, {"file": "f"}], {"f": FILE}, multipart="related")
        assert kind.endswith('; type="application/json"')
        told = [(headers["content-type"], content) for headers, content in parts_by_another_reader(body, kind)]
        assert told == [("application/json", b'{"name":"x"}'), ("application/pdf", FILE.data)]
        assert b"form-data" not in body

    def test_the_same_parts_make_the_same_bytes_and_others_do_not(self) -> None:
        one, again = (multipart({"a": 1, "f": {"file": "f"}}, {"f": FILE}) for _ in range(2))
        assert one == again
        other = multipart(
            {"a": 1, "f": {"file": "f"}}, {"f": Upload(b"%PDF-1.7 \xff\x01", "cv.pdf", "application/pdf")}
        )
        assert other[1] != one[1]

    def test_a_content_that_holds_its_boundary_is_not_to_be_had(self) -> None:
        first = multipart({"f": {"text": "x"}})[1].split("boundary=")[1]
        body, kind = multipart({"f": {"text": f"x\r\n--{first}--\r\n"}})
        assert first not in kind
        assert parts_by_another_reader(body, kind)[0][1] == f"x\r\n--{first}--\r\n".encode()

    def test_a_file_that_no_part_names_is_a_field(self) -> None:
        body, kind = multipart({"a": "1"}, {"upload": FILE})
        assert [content for _, content in parts_by_another_reader(body, kind)] == [b"1", FILE.data]
        assert b'name="upload"' in body
        assert multipart(None, {"upload": FILE})[0].count(b"Content-Disposition") == 1

    def test_several_files_of_one_name(self) -> None:
        data = {"files": [{"file": "a"}, {"text": "b", "filename": "b.txt"}]}
        body, _ = encode_upload("multipart", data, QueryFormat(arrays="brackets"), None, {"a": FILE})
        assert isinstance(body, bytes)
        assert body.count(b'name="files[]"') == 2

    def test_data_that_looks_nearly_like_a_part_is_data(self) -> None:
        body, _ = multipart({"a": {"text": "x", "other": 1}, "b": {"file": "f", "text": "g"}})
        assert b'name="a[text]"' in body
        assert b'name="b[file]"' in body  # both kinds at once: no part and no file is requested

    def test_a_path_in_a_document_is_only_a_name(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("do not send")
        for path in (str(secret), "/etc/passwd", "../secret.txt", f"file://{secret}"):
            with pytest.raises(UsageError, match="no file was passed"):
                multipart({"a": {"file": path}})

    def test_what_it_cannot_be(self) -> None:
        for data in ("text", [1], 5):
            with pytest.raises(ConfigurationError):
                multipart(data)
        with pytest.raises(ConfigurationError, match="no parts"):
            multipart({})
        with pytest.raises(ConfigurationError, match="not valid base64"):
            multipart({"a": {"base64": "%%%"}})
        with pytest.raises(UsageError, match="only these were passed: cv"):
            multipart({"a": {"file": "letter"}}, {"cv": FILE})

    def test_a_large_file_is_not_read_into_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(b"x" * 3_000_000)
        body, kind = encode_upload("multipart", {"f": {"file": "f"}}, None, None, {"f": Upload.from_path(path)})
        assert isinstance(body, Payload)
        with body.open() as reader:
            whole = reader.read()
        assert len(whole) == body.size
        assert parts_by_another_reader(whole, kind)[0][1] == path.read_bytes()


class TestRaw:
    @pytest.mark.parametrize(
        ("data", "body", "kind"),
        [
            ("héllo", "héllo".encode(), "text/plain; charset=utf-8"),
            ({"text": "<a/>", "content_type": "application/xml"}, b"<a/>", "application/xml"),
            ({"base64": "AAE="}, b"\x00\x01", "application/octet-stream"),
            ({"json": [1], "content_type": "application/vnd.api+json"}, b"[1]", "application/vnd.api+json"),
            ({"file": "f"}, FILE.data, "application/pdf"),
            ({"file": "f", "content_type": "image/png"}, FILE.data, "image/png"),
        ],
    )
    def test_what_it_is(self, data: Any, body: bytes, kind: str) -> None:
        assert encode_upload("raw", data, None, None, {"f": FILE}) == (body, kind)

    def test_the_one_file_of_a_call(self) -> None:
        assert encode_upload("raw", None, None, None, {"f": FILE}) == (FILE.data, "application/pdf")

    @pytest.mark.parametrize("data", [{"a": 1}, [1], 5, {"text": "a", "base64": "b"}])
    def test_data_has_other_formats(self, data: Any) -> None:
        with pytest.raises(ConfigurationError, match="raw body"):
            encode("raw", data)


class TestGraphql:
    def test_the_body(self) -> None:
        body, kind = encode("graphql", {"query": "{ a }", "variables": {"x": 1}, "operationName": None})
        assert kind == "application/json"
        assert json.loads(body) == {"query": "{ a }", "variables": {"x": 1}}

    @pytest.mark.parametrize("data", ["{ a }", {"variables": {}}, {"query": " "}, {"query": "{a}", "first": 1}, None])
    def test_what_it_cannot_be(self, data: Any) -> None:
        with pytest.raises(ConfigurationError, match="GraphQL"):
            encode("graphql", data)

    def test_variables_are_an_object(self) -> None:
        with pytest.raises(ConfigurationError, match="variables"):
            encode("graphql", {"query": "{ a }", "variables": [1]})


class TestXml:
    def test_attributes_text_lists_and_namespaces(self) -> None:
        data = {
            "soap:Envelope": {
                "@xmlns:soap": "http://schemas.xmlsoap.org/soap/envelope/",
                "soap:Body": {
                    "m:Get": {"@xmlns:m": "urn:m", "m:Id": [1, 2], "m:Note": {"@lang": "en", "#text": "a<b"}}
                },
            }
        }
        body, kind = encode("xml", data)
        assert kind == "application/xml"
        assert body.decode() == (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><m:Get xmlns:m="urn:m">'
            '<m:Id>1</m:Id><m:Id>2</m:Id><m:Note lang="en">a&lt;b</m:Note></m:Get></soap:Body></soap:Envelope>'
        )

    def test_empty_values_and_no_declaration(self) -> None:
        options = BodyOptions(declaration=False)
        data = {"a": {"b": None, "c": "", "d": True, "e": 1.5, "@x": None}}
        assert encode("xml", data, None, options)[0] == b"<a><b/><c/><d>true</d><e>1.5</e></a>"

    @pytest.mark.parametrize(
        "data",
        [{"a": 1, "b": 2}, [1], "<a/>", {}, {"a": [1, 2]}, {"a b": 1}, {"a": {"@b": {}}}, {"a": "\x00"}, {"<x>": 1}],
    )
    def test_what_it_cannot_be(self, data: Any) -> None:
        with pytest.raises(ConfigurationError):
            encode("xml", data)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='"yaml" is not a body format') as raised:
        encode("yaml", {})
    assert "multipart" in raised.value.hint


class TestQueries:
    """Where vendors differ in how a query is spelled."""

    def test_brackets_of_rest_li(self) -> None:
        form = QueryFormat(raw="():,%")
        urn = "List(urn%3Ali%3AsponsoredAccount%3A512,urn%3Ali%3AsponsoredAccount%3A7)"
        pairs = [("q", "analytics"), ("dateRange", "(start:(year:2026,month:1,day:1))"), ("accounts", urn)]
        assert encode_query(pairs, form) == f"q=analytics&dateRange=(start:(year:2026,month:1,day:1))&accounts={urn}"

    def test_only_whole_escapes_stay(self) -> None:
        form = QueryFormat(raw="%")
        assert encode_query([("a", "100%"), ("b", "5%zz"), ("c", "%2F/%e9"), ("d", "a&b=c#d+e%26")], form) == (
            "a=100%25&b=5%25zz&c=%2F%2F%e9&d=a%26b%3Dc%23d%2Be%26"
        )
        assert encode_query([("a", "%2F")]) == "a=%252F"

    def test_a_filter_language_in_one_parameter(self) -> None:
        form = QueryFormat(raw="():,$'")
        text = "and(created_on:gte:2026-01-01,or(status:eq:'open',status:eq:'new'))"
        assert encode_query([("filter", text), ("$orderby", "name")], form) == f"filter={text}&$orderby=name"

    def test_brackets_and_indices(self) -> None:
        pairs = [("filter", {"status": ["open", "new"], "updated": {"gt": 5}}), ("ids", [1, 2])]
        assert encode_query(pairs, QueryFormat(arrays="brackets", raw="[]")) == (
            "filter[status][]=open&filter[status][]=new&filter[updated][gt]=5&ids[]=1&ids[]=2"
        )
        assert encode_query(pairs, QueryFormat(arrays="indices", raw="[]")) == (
            "filter[status][0]=open&filter[status][1]=new&filter[updated][gt]=5&ids[0]=1&ids[1]=2"
        )
        assert encode_query(pairs, QueryFormat(arrays="comma", objects="dots")) == (
            "filter.status=open,new&filter.updated.gt=5&ids=1,2"
        )
