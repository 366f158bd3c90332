"""Answers in every format: rows, XML, text, bytes; packed, and in the character sets of the world."""

import bz2
import gzip
import io
import zipfile
from typing import Any

import msgspec
import pytest

from conn_engine.bodies import MAX_BYTES, ResponseOptions, decode, is_streamed, read_body
from conn_engine.config.models import Operation
from conn_engine.errors import VendorError
from conn_engine.wire import Headers, Response


def answer(body: bytes | str, kind: str = "text/plain", status: int = 200, **headers: str) -> Response:
    told = Headers({"Content-Type": kind, **{key.replace("_", "-"): value for key, value in headers.items()}})
    return Response(status, told, body.encode() if isinstance(body, str) else body)


def options(**values: Any) -> ResponseOptions:
    return ResponseOptions(**values)


def refusal(body: bytes | str, format: str, kind: str = "text/plain", **values: Any) -> VendorError:  # noqa: A002
    with pytest.raises(VendorError) as raised:
        decode(answer(body, kind), format, options(**values))
    assert raised.value.kind == "bad_response"
    return raised.value


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


class TestTables:
    def test_a_table(self) -> None:
        text = 'id,name,note\r\n1,"Smith, J","said ""hi""\nand left"\r\n2,,\r\n\r\n'
        assert decode(answer(text), "csv") == [
            {"id": "1", "name": "Smith, J", "note": 'said "hi"\nand left'},
            {"id": "2", "name": "", "note": ""},
        ]
        assert decode(answer("a\tb\n1\t2\n"), "tsv") == [{"a": "1", "b": "2"}]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends(self, end: str) -> None:
        assert decode(answer(end.join(["a,b", "1,2", "3,4"])), "csv") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]

    @pytest.mark.parametrize(
        ("text", "values", "rows"),
        [
            ("a;b\n1;2", {"delimiter": ";"}, [{"a": "1", "b": "2"}]),
            ("a|b\n'1|1'|2", {"delimiter": "|", "quote": "'"}, [{"a": "1|1", "b": "2"}]),
            ('a,b\n5" pipe,2"', {"quote": ""}, [{"a": '5" pipe', "b": '2"'}]),
            ('a,b\n"x\\"y",2', {"escape": "\\"}, [{"a": 'x"y', "b": "2"}]),
            ("1,2\n3,4", {"columns": ("x", "y")}, [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]),
            ("old,names\n3,4", {"columns": ("x", "y"), "skip_rows": 1}, [{"x": "3", "y": "4"}]),
            ("Report\n\n2026\na,b\n1,2", {"skip_rows": 3}, [{"a": "1", "b": "2"}]),
            ("a,b,c\n1\n1,2", {"ragged": "fill"}, [{"a": "1", "b": None, "c": None}, {"a": "1", "b": "2", "c": None}]),
            ("a,b\n,NULL\n0,x", {"nulls": ("", "NULL")}, [{"a": None, "b": None}, {"a": "0", "b": "x"}]),
            (" a , b \n1,2", {}, [{"a": "1", "b": "2"}]),
        ],
    )
    def test_options(self, text: str, values: dict[str, Any], rows: list[Any]) -> None:
        assert decode(answer(text), "csv", options(**values)) == rows

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("a,b\n1,2\n1", "line 3 has 1 cell for 2 columns", "ragged|skip_rows"),
            ("a,b\n1,2,3", "line 2 has 3 cells for 2 columns", "delimiter"),
            ("a,a\n1,2", 'the column "a" more than once', "columns"),
            ('a,b\n1,"2', "never closed", "quote"),
            ('a,b\n1,"2"x', "line 2", "quote"),
            ('{"error": "no such report"}', "it is JSON", "errors"),
            ("<!DOCTYPE html><title>Log in</title>", "HTML page titled “Log in” instead of CSV", "base_url"),
        ],
    )
    def test_what_does_not_hold_together(self, text: str, message: str, hint: str) -> None:
        error = refusal(text, "csv", "application/json" if text[0] == "{" else "text/csv")
        assert message in error.message
        assert any(word in error.hint for word in hint.split("|"))
        assert "no such report" not in error.message

    def test_nothing(self) -> None:
        for text in ("", "\n", "a,b\n"):
            assert decode(answer(text), "csv") == []
        assert decode(answer("", status=204), "csv") == []
        assert decode(answer("a\n1", status=404), "csv") == "a\n1"

    def test_a_row_without_end(self) -> None:
        assert "longer than 16 MiB" in refusal(b"a,b\n" + b"x" * (17 * 2**20), "csv").message
        assert "longer than 16 MiB" in refusal(b"x" * (17 * 2**20), "jsonl").message

    def test_a_large_cell_is_fine(self) -> None:
        assert decode(answer("a,b\n" + "x" * 400_000 + ",1\n"), "csv")[0]["a"] == "x" * 400_000


class TestLines:
    def test_lines(self) -> None:
        text = '{"a": 1}\r\n\n  \n[1]\n"x"\nnull\n12345678901234567890\n{"b": 2}'
        assert decode(answer(text), "jsonl") == [{"a": 1}, [1], "x", None, "12345678901234567890", {"b": 2}]
        assert decode(answer('{"a": "\u2028\x85"}\n'), "jsonl") == [{"a": "\u2028\x85"}]

    def test_a_last_line_that_is_cut_off(self) -> None:
        assert "the last line (line 2) is cut off" in refusal('{"a": 1}\n{"a": ', "jsonl").message

    def test_a_line_that_is_no_json(self) -> None:
        assert "line 2 is not JSON" in refusal('{"a": 1}\n{"a": \n{"b": 2}\n', "jsonl").message
        error = refusal('{\n  "a": 1\n}\n', "jsonl")
        assert "line 1 is not JSON" in error.message
        assert "response_format: json" in error.hint


class TestEvents:
    def test_events(self) -> None:
        text = (
            ': hello\n\nevent: added\nid: 7\ndata: {"a": 1}\n\nretry: 10\n\ndata:one\r\ndata:  two\r\n\r\n'
            "event: none\n\ndata\rid\r\rdata: [DONE]"
        )
        assert decode(answer(text), "sse") == [
            {"event": "added", "data": '{"a": 1}', "id": "7"},
            {"event": "message", "data": "one\n two", "id": "7"},
            {"event": "message", "data": "", "id": None},
            {"event": "message", "data": "[DONE]", "id": None},
        ]
        assert decode(answer("\ufeffdata: \u00fc\n\n"), "sse")[0]["data"] == "\u00fc"
        assert decode(answer(""), "sse") == decode(answer(": nothing\n\n"), "sse") == []

    def test_what_is_no_stream_of_events(self) -> None:
        assert "HTML page" in refusal("<!doctype html><title>x</title>", "sse").message
        body = answer('{"error": "busy"}', content_type="application/json")
        with pytest.raises(VendorError, match="a stream of events: it is JSON"):
            decode(body, "sse")

    def test_an_event_without_end(self) -> None:
        line = "data: " + "x" * 1_000_000 + "\n"
        assert "more than 16 MiB" in refusal("data: 1\n\n" + line * 18, "sse").message
        assert "longer than 16 MiB" in refusal("data: " + "x" * 17 * 2**20, "sse").message


class TestXml:
    def test_data(self) -> None:
        text = """\n<?xml version="1.0" encoding="utf-8"?>
        <!-- a feed --><feed xmlns:m="urn:m" total="2"><item id="1"><name>A &amp; B</name><m:tag/></item>
        <item id="2"><name lang="en">C<![CDATA[<D>]]></name><tags><tag>x</tag></tags></item> and more</feed>"""
        assert decode(answer(text), "xml") == {
            "feed": {
                "@xmlns:m": "urn:m",
                "@total": "2",
                "item": [
                    {"@id": "1", "name": "A & B", "m:tag": None},
                    {"@id": "2", "name": {"@lang": "en", "#text": "C<D>"}, "tags": {"tag": "x"}},
                ],
                "#text": "and more",
            }
        }

    def test_lists_and_stripped_namespaces(self) -> None:
        text = '<a:r xmlns:a="urn:a" xmlns="urn:b" a:n="1"><a:i>1</a:i></a:r>'
        assert decode(answer(text), "xml", options(lists=("i",), namespaces="strip")) == {"r": {"@n": "1", "i": ["1"]}}

    def test_the_charset_of_its_first_line(self) -> None:
        text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1")
        assert decode(answer(text, "application/xml"), "xml") == {"a": "é"}
        assert decode(answer(text.decode("latin-1"), "application/xml; charset=utf-8"), "xml") == {"a": "é"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('<!DOCTYPE r [<!ENTITY x "y">]><r>&x;</r>', "document type"),
            ('<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "document type"),
            ("<r>&undefined;</r>", "entity"),
            ("<r><s></r>", "mismatched tag"),
            ("<r>", "no element found"),
            ("<r/><r/>", "junk"),
            ("text", "syntax error"),
            ("<a>" * 300 + "</a>" * 300, "nested deeper than 200"),
        ],
    )
    def test_what_is_refused(self, text: str, message: str) -> None:
        assert message in refusal(text, "xml").message

    def test_an_error_answer_is_data_for_the_rules(self) -> None:
        assert decode(answer("<error><code>5</code></error>", status=500), "xml") == {"error": {"code": "5"}}
        assert decode(answer('{"error": 1}', status=500), "xml") == {"error": 1}
        assert decode(answer("<html>oops", status=500), "xml") == "<html>oops"


class TestArchives:
    @pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped(("dir/report.csv", data))])
    @pytest.mark.parametrize("kind", ["application/octet-stream", "text/csv", "application/zip"])
    def test_packed_answers_are_told_by_their_first_bytes(self, pack: Any, kind: str) -> None:
        rows = [{"a": "1", "b": "ü"}]
        assert decode(answer(pack("a,b\n1,ü\n".encode()), kind), "csv") == rows
        assert decode(answer(pack(b'{"a": 1}\n'), kind), "jsonl") == [{"a": 1}]
        assert decode(answer(pack(b'{"a": 1}'), kind), "json") == {"a": 1}
        assert decode(answer(pack(b"<a>1</a>"), kind), "xml") == {"a": "1"}
        assert decode(answer(pack("ü".encode("latin-1")), kind), "text", options(charset="latin-1")) == "ü"

    def test_several_gzip_members_are_one_text(self) -> None:
        assert decode(answer(gzip.compress(b"a,b\n1,") + gzip.compress(b"2\n")), "csv") == [{"a": "1", "b": "2"}]

    def test_which_files_of_a_zip(self) -> None:
        packed = zipped(("b.csv", b"x\n1\n"), ("readme.txt", b"hi"), ("sub/a.csv", b"x\n2\n"), ("sub/", b""))
        error = refusal(packed, "csv")
        assert "has 3 files" in error.message
        assert decode(answer(packed), "csv", options(members="*.csv")) == [{"x": "1"}, {"x": "2"}]
        assert decode(answer(packed), "text", options(members="readme*")) == "hi"
        assert 'matches "*.xml"' in refusal(packed, "csv", members="*.xml").message
        both = zipped(("1.json", b"[1]"), ("2.json", b"[2, 3]"))
        assert decode(answer(both), "json", options(members="all")) == [1, 2, 3]
        assert decode(answer(zipped(("1", b"a"), ("2", b"b"))), "text", options(members="all")) == "ab"
        assert "no file" in refusal(zipped(), "csv").message

    def test_said_and_not_so(self) -> None:
        assert "not a zip archive" in refusal(b"a,b\n", "csv", unpack="zip").message
        assert "not a zip archive" in refusal(gzip.compress(b"a"), "csv", unpack="zip").message
        assert decode(answer(gzip.compress(b"a\n1")), "csv", options(unpack="gzip")) == [{"a": "1"}]
        assert "not valid in" in refusal(gzip.compress(b"a\n1\n"), "csv", unpack="none").message

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (gzip.compress(b"x" * 1000)[:-4], "ends too early"),
            (gzip.compress(b"x" * 1000)[:20] + b"\xff" * 30, "damaged|early"),
            (gzip.compress(gzip.compress(b"a")), "another archive (gzip)"),
            (zipped(("a.zip", zipped(("b", b"c")))), "another archive (zip)"),
            (gzip.compress(zipped(("b", b"c"))), "another archive (zip)"),
            (zipped(("a", b"x" * 1000))[:-30], "damaged"),
            (b"PK\x03\x04nonsense", "damaged"),
            (zipped(("a", b"x" * 100), method=zipfile.ZIP_BZIP2), "method 12"),
            (zipped(("a", b"x" * 100), method=zipfile.ZIP_LZMA), "method 14"),
        ],
        ids=["short", "damaged", "gzip in gzip", "zip in zip", "zip in gzip", "cut", "no zip", "bzip2", "lzma"],
    )
    def test_what_is_refused(self, body: bytes, message: str) -> None:
        told = refusal(body, "text").message
        assert any(word in told for word in message.split("|"))

    def test_an_encrypted_zip(self) -> None:
        packed = bytearray(zipped(("a.txt", b"secret")))
        packed[6] |= 1  # the flag of its local header, and of its entry in the list
        packed[packed.index(b"PK\x01\x02") + 8] |= 1
        assert "encrypted" in refusal(bytes(packed), "text").message

    def test_a_damaged_checksum(self) -> None:
        packed = zipped(("a", b"hello world"), method=zipfile.ZIP_STORED).replace(b"hello", b"hullo")
        assert "damaged" in refusal(packed, "text").message

    def test_a_packed_file_stays_packed_for_those_who_want_the_file(self) -> None:
        packed = gzip.compress(b"a")
        assert read_body(answer(packed), "binary").content.read() == packed  # type: ignore[union-attr]
        unpacked = read_body(answer(packed), "binary", options(unpack="gzip"))
        assert unpacked.content.read() == b"a"  # type: ignore[union-attr]
        assert unpacked.data["size"] == 1


class TestCharsets:
    @pytest.mark.parametrize(
        ("charset", "text"),
        [
            ("latin-1", "café"),
            ("iso-8859-15", "5 €"),
            ("windows-1252", "“quoted” €"),
            ("windows-1251", "Привет"),
            ("utf-16", "Zoë 😀"),
            ("utf-16-le", "Zoë"),
            ("shift_jis", "日本語"),
            ("cp932", "日本語①"),
            ("euc-jp", "日本語"),
            ("gb18030", "中文"),
            ("big5", "中文"),
            ("koi8-r", "Привет"),
        ],
    )
    def test_declared_or_said(self, charset: str, text: str) -> None:
        table, row = f"näme\n{text}\n" if charset in ("utf-16",) else f"name\n{text}\n", text
        body = table.encode(charset)
        assert list(decode(answer(body, f"text/csv; charset={charset}"), "csv")[0].values()) == [row]
        assert list(decode(answer(body, "text/csv"), "csv", options(charset=charset))[0].values()) == [row]
        line = f'{{"a": "{text}"}}\n'.encode(charset)
        assert decode(answer(line), "jsonl", options(charset=charset)) == [{"a": text}]
        assert decode(answer(line), "json", options(charset=charset)) == {"a": text}

    def test_a_mark_wins_and_is_no_part_of_the_text(self) -> None:
        body = "\ufeffa,b\n1,é\n".encode()
        assert decode(answer(body, "text/csv; charset=latin-1"), "csv", options(charset="cp1252")) == [
            {"a": "1", "b": "é"}
        ]
        assert decode(answer("\ufeffhi".encode("utf-16-be")), "text") == "hi"

    def test_what_the_author_says_wins_over_what_is_declared(self) -> None:
        assert decode(answer("é".encode("latin-1"), "text/plain; charset=utf-8"), "text", options(charset="l1")) == "é"

    def test_a_lie(self) -> None:
        for format in ("csv", "jsonl", "xml", "text", "json"):  # noqa: A001
            if format != "json":
                error = refusal("<é>\n".encode("latin-1"), format, "text/plain; charset=utf-8")
                assert "the bytes are not valid in its character set" in error.message
                assert "response_options.charset" in error.hint
            assert "is unknown" in refusal(b"<a>\n", format, "text/plain; charset=rot13").message

    def test_a_character_that_is_cut_off(self) -> None:
        assert "not valid in" in refusal("é".encode()[:1], "text").message

    def test_names_are_checked_when_the_connector_is_read(self) -> None:
        for name in ("rot13", "utf-7", "klingon", "unicode_escape", ""):
            with pytest.raises(ValueError, match="charset"):
                options(charset=name)


class TestBinary:
    def test_what_is_told_of_it(self) -> None:
        got = read_body(
            answer(b"\x89PNG", "image/png", content_disposition='attachment; filename="../../a b.png"'), "binary"
        )
        assert got.data == {
            "content_type": "image/png",
            "filename": "a b.png",
            "size": 4,
            "sha256": "0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543",
            "base64": "iVBORw==",
        }
        assert got.content is not None
        assert got.content.open().read(2) == b"\x89P"
        assert got.content.read() == got.content.read() == b"\x89PNG"

    def test_a_large_one_is_not_inline(self) -> None:
        assert read_body(answer(b"x" * (2**20 + 1)), "binary").data["base64"] is None

    def test_an_empty_one(self) -> None:
        got = read_body(answer(b""), "binary")
        assert (got.data["size"], got.data["base64"]) == (0, "")
        assert read_body(answer(b"", status=204), "binary").data is None

    @pytest.mark.parametrize(
        ("disposition", "name"),
        [
            ("attachment; filename*=UTF-8''na%C3%AFve%20file.txt; filename=\"plain.txt\"", "naïve file.txt"),
            ("attachment; filename=plain.txt", "plain.txt"),
            ('attachment; filename="C:\\\\dir\\\\x.txt"', "x.txt"),
            ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
            ('attachment; filename=".."', ""),
            ('attachment; filename="a\x00b\x1b.txt"', "a_b_.txt"),
            ("inline", ""),
            ('attachment; filename="' + "x" * 500 + '"', "x" * 200),
        ],
    )
    def test_names_have_no_folders(self, disposition: str, name: str) -> None:
        content = read_body(answer(b"x", "text/plain", content_disposition=disposition), "binary").content
        assert content is not None
        assert content.filename == name

    def test_json_errors_are_data_for_the_rules(self) -> None:
        assert read_body(answer('{"error": "gone"}', "application/json", 410), "binary").data == {"error": "gone"}


class TestChunks:
    def test_a_long_answer_comes_in_parts(self) -> None:
        body = b"".join(b'{"n": %d}\n' % n for n in range(2_500))
        got = read_body(answer(body), "jsonl")
        assert len(got.data) == 1_000
        assert got.more is not None
        assert [len(chunk) for chunk in got.more] == [1_000, 500]
        assert len(decode(answer(body), "jsonl")) == 2_500

    def test_a_fault_far_down_is_told_when_it_is_reached(self) -> None:
        body = b"a,b\n" + b"1,2\n" * 1_500 + b"1\n"
        got = read_body(answer(body), "csv")
        assert got.more is not None
        with pytest.raises(VendorError, match="line 1502 has 1 cell"):
            list(got.more)


def test_text_and_json_have_a_bound() -> None:
    body = b"<" + b"x" * MAX_BYTES + b">"
    for format in ("json", "text", "xml"):  # noqa: A001
        assert "larger than 64 MiB" in refusal(body, format).message


def test_options_of_another_format_are_a_mistake() -> None:
    def operation(**values: Any) -> Operation:
        return msgspec.convert({"method": "get", "path": "/x", **values}, Operation)

    assert operation(response_format="csv", response_options={"delimiter": ";"}).response_options is not None
    for format, given in (("json", "delimiter"), ("csv", "namespaces"), ("binary", "charset"), ("xml", "skip_rows")):  # noqa: A001
        value: Any = {"delimiter": ";", "namespaces": "strip", "charset": "latin-1", "skip_rows": 1}[given]
        with pytest.raises(msgspec.ValidationError, match=f"`{given}` is an option of"):
            operation(response_format=format, response_options={given: value})


def test_which_formats_may_be_large() -> None:
    assert [is_streamed(name) for name in ("json", "xml", "jsonl", "csv", "tsv", "text", "binary")] == [False] * 2 + [
        True
    ] * 5


def test_bz2_is_not_told_for_gzip() -> None:
    assert "not valid in" in refusal(bz2.compress(b"a,b\n"), "csv").message


class TestManyLines:
    """Lines are read many at once where they are plain: with the same result as one by one."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": 1}\n{"a": 2}{"a": 3}\n', "line 2"),
            ('{"a": 1},{"a": 2}\n', "line 1"),
            ('{"a": [1\n,{"b": 2}]}\n{"c": 1}{"d": 1}\n', "line 1"),
            ('{"a": {"b": 1}\n{"c": 1}}\n', "line 1"),
            ('{"a": 1}\n{"a": NaN}\n', "line 2"),
            ('{"a": 1}\n' + '{"a":' * 201 + "1" + "}" * 201 + "\n", "line 2 is not JSON: it is nested deeper"),
            ('{"a": 1}\n{"a": ' + "9" * 2_000 + "}\n", "line 2 is not JSON: it has a number"),
            ('{"a": 1}\n' * 9_000 + '{"a": }\n' + '{"a": 1}\n' * 9_000, "line 9001"),
        ],
    )
    def test_what_is_wrong_is_told_by_line(self, text: str, message: str) -> None:
        error = refusal(text, "jsonl")
        assert message in error.message

    def test_values(self) -> None:
        text = '{"a": 12345678901234567, "b": "12345678901234567"}\r\n{"a": 1}\r\n{"é": "}\\n{"}\r\n'
        assert decode(answer(text), "jsonl") == [
            {"a": "12345678901234567", "b": "12345678901234567"},
            {"a": 1},
            {"é": "}\n{"},
        ]
        deepest = '{"a":' * 200 + "1" + "}" * 200
        assert len(decode(answer(f"{deepest}\n{deepest}\n"), "jsonl")) == 2
        many = "".join(f'{{"n": {n}}}\n' for n in range(30_000))
        assert [row["n"] for row in decode(answer(many), "jsonl")] == list(range(30_000))
