"""Answers that mean harm: archives, entities, character sets, rows without end; and connectors that want our files."""

import gzip
import io
import os
import resource
import struct
import sys
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import launching
import pytest
from measuring import cpu_limit

from conn_engine.bodies import ResponseOptions, Upload, decode, encode_upload, read_body
from conn_engine.errors import UsageError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.transport.content import ContentFault, decompress
from conn_engine.transport.spool import Spool
from conn_engine.wire import Headers, Response

MIB = 2**20
SECRET = "token-of-acme-4711"


def answer(body: bytes, kind: str = "application/octet-stream", **more: Any) -> Response:
    return Response(200, Headers({"content-type": kind}), body, **more)


def refused(body: bytes, format: str, **options: Any) -> str:  # noqa: A002
    with pytest.raises(VendorError) as raised:
        decode(answer(body), format, ResponseOptions(**options))
    return raised.value.message


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


@cache
def bomb(filling: bytes) -> bytes:
    """100 MiB of it, packed; made once for all formats."""
    return gzip.compress(filling * (100 * MIB // len(filling)), 9)


class TestBombs:
    """Small archives of much: refused soon, and in little memory."""

    @pytest.fixture(autouse=True)
    def _bounds(self) -> Any:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with cpu_limit(60):
            yield
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * 1024  # KiB; half of it is the test's

    @pytest.mark.slow
    @pytest.mark.parametrize("format", ["csv", "jsonl", "text", "xml", "json"])
    @pytest.mark.parametrize("filling", [b"\0", b"a" * 199 + b"\n", b"<a>", b'{"a": "%s"}\n' % (b"a" * 190)])
    def test_gzip(self, format: str, filling: bytes) -> None:  # noqa: A002
        packed = bomb(filling)
        assert len(packed) < MIB
        with pytest.raises(VendorError):  # whichever bound it meets first; a listing stops at the ratio
            got = read_body(answer(packed), format)
            assert got.more is not None
            for _ in got.more:
                pass

    def test_a_zip_of_many_that_share_their_bytes(self) -> None:
        """Every entry of the list points at the same compressed bytes (a "zip quine" without nesting)."""
        data = b"\0" * (MIB * 8)
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        raw = packed.compress(data) + packed.flush()
        head = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, zlib.crc32(data), len(raw), len(data), 1, 0)
        local = head + b"a" + raw
        entry = struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02",
            20,
            20,
            0,
            8,
            0,
            0,
            zlib.crc32(data),
            len(raw),
            len(data),
            1,
            0,
            0,
            0,
            0,
            0,
            0,
        )
        entries = (entry + b"a") * 200
        end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 200, 200, len(entries), len(local), 0)
        told = refused(local + entries + end, "text", members="all")
        assert "250 times" in told or "times its size" in told or "larger" in told or "damaged" in told

    def test_a_zip_of_one_large_file(self) -> None:
        assert "250 times" in refused(zipped(("a", (b"a" * 999 + b"\n") * (100 * 1049))), "csv")

    def test_too_many_files(self) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for number in range(10_050):
                archive.writestr(str(number), b"")
        assert "more than 10000 files" in refused(made.getvalue(), "text", members="all")

    def test_a_list_of_files_that_is_too_long(self) -> None:
        """The list of a zip's files is read in one go by the library: it is bounded before."""
        entries = b"PK\x01\x02" + b"\0" * (30 * MIB)
        end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entries), 0, 0)
        assert "too long" in refused(b"PK\x03\x04" + entries + end, "text")

    def test_layers(self) -> None:
        body = b"\0" * (10 * MIB)
        for _ in range(3):
            body = gzip.compress(body)
        assert "another archive" in refused(body, "text")
        with pytest.raises(ContentFault, match="4 times"):
            decompress(body, "gzip, gzip, gzip, gzip", 10**9)


class TestArchiveNames:
    @pytest.mark.parametrize(
        "name", ["../../evil.csv", "/etc/cron.d/evil.csv", "C:\\evil.csv", "..\\evil.csv", "a\x00b.csv", "~/evil.csv"]
    )
    def test_no_name_is_ever_a_place(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert decode(answer(zipped((name, b"a\n1\n"))), "csv") == [{"a": "1"}]
        content = read_body(answer(zipped((name, b"x"))), "binary", ResponseOptions(unpack="zip")).content
        assert content is not None
        content.save("out.bin")
        assert [path.name for path in tmp_path.rglob("*")] == ["out.bin"]

    def test_a_link_in_an_archive_is_a_text(self) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            info = zipfile.ZipInfo("link")
            info.external_attr = (0o120777 << 16) & 0xFFFFFFFF
            archive.writestr(info, "/etc/passwd")
        assert decode(answer(made.getvalue()), "text") == "/etc/passwd"


class TestXml:
    @pytest.mark.parametrize(
        "text",
        [
            '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
            '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
            '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]><a/>',
            "<!doctype html><a/>",
        ],
    )
    @pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le"])
    def test_no_document_type_in_any_spelling(self, text: str, charset: str) -> None:
        with pytest.raises(VendorError) as raised:
            decode(answer(text.encode(charset), f"application/xml; charset={charset}"), "xml")
        assert (
            "document type" in raised.value.message or "HTML" in raised.value.message or "XML" in raised.value.message
        )

    @pytest.mark.slow
    def test_more_elements_than_anybody_needs(self) -> None:
        assert "2000000 elements" in refused(b"<r>" + b"<a/>" * 2_100_000 + b"</r>", "xml")

    def test_an_attribute_flood(self) -> None:
        many = " ".join(f'a{number}="x"' for number in range(50_000))
        assert len(decode(answer(f"<r {many}/>".encode()), "xml")["r"]) == 50_000


class TestCharsets:
    @pytest.mark.parametrize("name", ["utf-7", "idna", "punycode", "zlib_codec", "rot_13", "unicode_escape", "mbcs"])
    def test_no_codec_that_transforms(self, name: str) -> None:
        with pytest.raises(VendorError, match="is unknown"):
            decode(answer(b"+ADw-script+AD4-", f"text/plain; charset={name}"), "text")

    def test_a_credential_in_another_character_set_or_archive_is_found(self) -> None:
        """What the raw bytes hide must not come out in the data."""
        clean = Redactor([SECRET])
        line = f'a\n"{SECRET}"\n'
        for body, kind in (
            (line.encode("utf-16"), "text/csv"),
            (line.encode("utf-16-be"), "text/csv; charset=utf-16be"),
            (line.encode("utf-32-le"), "text/csv; charset=utf-32le"),
            (gzip.compress(line.encode()), "application/gzip"),
            (zipped(("a", line.encode())), "application/zip"),
            (gzip.compress(line.encode("utf-16")), "application/gzip"),
        ):
            assert decode(answer(body, kind, echoes=clean), "csv") == [{"a": "[redacted]"}]
            assert SECRET not in str(decode(answer(body, kind, echoes=clean), "text"))
        packed = gzip.compress(f'{{"a": "{SECRET}"}}'.encode())
        assert decode(answer(packed, echoes=clean), "json") == {"a": "[redacted]"}
        assert decode(answer(packed, echoes=clean), "jsonl") == [{"a": "[redacted]"}]
        wide = f'{{"a": "{SECRET}"}}'.encode("utf-16")
        assert decode(answer(wide, echoes=clean), "json") == {"a": "[redacted]"}
        unpacked = read_body(answer(packed, echoes=clean), "binary", ResponseOptions(unpack="gzip")).content
        assert unpacked is not None
        assert SECRET.encode() not in unpacked.read()


class TestRows:
    @pytest.mark.parametrize(
        ("format", "body"),
        [
            ("jsonl", b"x" * (40 * MIB)),
            ("csv", b"a,b\n" + b"x" * (40 * MIB)),
            ("csv", b'a,b\n"' + b"x\n" * (20 * MIB)),
            ("csv", b"," * (5 * MIB) + b"\n"),
            ("jsonl", b"[" * 100_000 + b"\n"),
        ],
    )
    def test_rows_without_end(self, format: str, body: bytes) -> None:  # noqa: A002
        with cpu_limit(20):
            refused(body, format)

    def test_a_spreadsheets_formula_stays_a_text(self) -> None:
        assert decode(answer(b"a\n=cmd|' /C calc'!A0\n"), "csv") == [{"a": "=cmd|' /C calc'!A0"}]

    @pytest.mark.slow
    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux reports a process's peak")
    def test_much_data_in_little_memory(self, tmp_path: Path) -> None:
        """A process of its own reads 200 MB of rows from a spool within 150 MB."""
        program = (
            "from conn_engine.bodies import read_body\n"
            "from conn_engine.transport.spool import Spool\n"
            "from conn_engine.wire import Headers, Response\n"
            "spool = Spool()\n"
            "spool.write(b'id,name,note\\n')\n"
            "row = b'1,person,a longer text that fills the row up to something like a hundred bytes, or so\\n'\n"
            "for _ in range(200): spool.write(row.replace(b', or', b' or') * 10_000)\n"
            "got = read_body(Response(200, Headers({}), spool=spool), 'csv')\n"
            "count = len(got.data) + sum(map(len, got.more))\n"
            "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
            "print(count, int(peak.split()[1]) // 1024)\n"
        )
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "engine"), "TMPDIR": str(tmp_path)}
        done = launching.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environ, check=True, timeout=120
        )
        count, peak = map(int, done.stdout.split())
        assert count == 2_000_000
        assert peak < 150
        assert list(tmp_path.iterdir()) == []


class TestOurFiles:
    def test_a_connector_names_no_files_of_ours(self, tmp_path: Path) -> None:
        place = tmp_path / "key.pem"
        place.write_text("-----BEGIN")
        for name in (str(place), f"file://{place}", "@" + str(place), "../key.pem", "key.pem"):
            for part in ({"file": name}, {"file": name, "filename": "x"}):
                with pytest.raises(UsageError):
                    encode_upload("multipart", {"a": part})
                with pytest.raises(UsageError):
                    encode_upload("raw", part)

    def test_only_what_the_caller_gave_under_that_very_name(self) -> None:
        files = {"document": Upload(b"x")}
        for name in ("Document", "document ", "", "./document"):
            with pytest.raises(UsageError, match="only these were passed: document"):
                encode_upload("multipart", {"a": {"file": name}}, None, None, files)

    def test_a_spool_has_no_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        spool = Spool()
        spool.write(b"x" * MIB)
        assert list(tmp_path.iterdir()) == []
        spool.close()
