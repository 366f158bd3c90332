"""Files read with a bound and written whole, what is dumped, and paths as text."""

import os
import stat
import sys

import pytest

from conn_engine.documents import dump_json, dump_yaml, format_path, parse, parse_path, read_document, write_whole
from conn_engine.documents.folders import open_folder
from conn_engine.errors import ConfigurationError, UsageError

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links are POSIX's")


def refused(action) -> object:
    with pytest.raises(ConfigurationError) as caught:
        action()
    return caught.value.findings[0]


def test_a_file_is_read_under_its_display_name(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffa: é\r\n".encode())
    document = read_document(path, "here/a.yaml")
    assert (document.data, document.file, document.text) == ({"a": "é"}, "here/a.yaml", "a: é\r\n")


@pytest.mark.parametrize(
    ("content", "code", "place", "words"),
    [
        (b"a: \xff\n", "DOC001", (1, 4), "UTF-8"),
        ("b: é\na: x".encode() + b"\xe9", "DOC001", (2, 5), "UTF-8"),
        ("a: 1".encode("utf-16"), "DOC001", (1, 1), "UTF-8"),
        (b" " * (8 * 1024 * 1024 + 1), "DOC005", (1, 1), "larger than 8 MiB"),
    ],
)
def test_unreadable_content_is_refused(tmp_path, content, code, place, words):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    finding = refused(lambda: read_document(path, "a.yaml"))
    assert (finding.code, (finding.span.line, finding.span.column)) == (code, place)
    assert words in finding.message


def test_missing_files_folders_and_devices_are_refused(tmp_path):
    assert "does not exist" in refused(lambda: read_document(tmp_path / "no.yaml")).message
    assert "folder" in refused(lambda: read_document(tmp_path)).message
    assert "not a regular file" in refused(lambda: read_document(type(tmp_path)("/dev/zero"))).message
    assert refused(lambda: read_document(tmp_path / "x\0y")).code == "DOC001"


@posix_only
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in refused(lambda: read_document(tmp_path / "pipe.yaml")).message


def test_a_file_is_written_with_its_folders(tmp_path):
    write_whole(tmp_path / "a" / "b" / "c.txt", "é\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "é\n".encode()


@posix_only
def test_modes_are_kept_and_given(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o660)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    write_whole(path, "new", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_whole(tmp_path / "secret", b"x", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@posix_only
def test_a_link_is_followed_inside_its_folder_only(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "real").write_text("old")
    (outside / "real").write_text("old")
    (inside / "near").symlink_to("real")
    (inside / "far").symlink_to(outside / "real")
    (inside / "loop").symlink_to("loop")
    (inside / "sub").symlink_to(outside)
    write_whole(inside / "near", "new")
    assert (inside / "near").is_symlink()
    assert (inside / "real").read_text() == "new"
    assert refused(lambda: write_whole(inside / "far", "new")).code == "DOC010"
    assert refused(lambda: write_whole(inside / "loop", "new")).code == "DOC010"
    assert refused(lambda: write_whole(inside / "sub" / "real", "new", within=inside)).code == "DOC010"
    assert (outside / "real").read_text() == "old"
    assert sorted(path.name for path in outside.iterdir()) == ["real"]


def test_no_link_on_the_way_is_followed_without_links(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (inside / "real").write_text("old")
    (inside / "near").symlink_to("real")
    (inside / "broken").symlink_to(outside / "made")
    (inside / "sub").symlink_to(outside)
    for path in ("near", "broken", "sub/made", "sub/deeper/made", "deep/../sub/made"):
        found = refused(lambda path=path: write_whole(inside / path, "new", within=inside, links=False))
        assert (found.code, "symbolic link" in found.message, bool(found.hint)) == ("DOC010", True, True)
    assert refused(lambda: write_whole(inside / "near", "new", links=False)).code == "DOC010"
    assert (inside / "real").read_text() == "old"
    assert list(outside.iterdir()) == []
    (tmp_path / "alias").symlink_to(inside)  # the user's own way to the folder is not looked at
    write_whole(tmp_path / "alias" / "deep" / "made", "new", within=tmp_path / "alias", links=False)
    assert (inside / "deep" / "made").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = refused(lambda: write_whole(tmp_path / "pipe", "new"))
    assert (found.code, "not a regular file" in found.message) == ("DOC010", True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    (tmp_path / "folder").mkdir()
    assert "folder" in refused(lambda: write_whole(tmp_path / "folder", "x")).message
    assert refused(lambda: write_whole(path / "below", "x")).code == "DOC010"
    assert path.read_text() == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "x"]


def test_yaml_is_dumped_readably():
    data = {
        "name": "é 😀",
        "text": "one\ntwo\n",
        "switch": "NO",
        "time": "12:30:45",
        "octal": "0o17",
        "exponent": "1e3",
        "empty": {},
        "list": [1, None, True, {"a": "{{id}}"}],
        "same": [[1], [1]],
    }
    text = dump_yaml(data)
    assert parse(text, "x.yaml").data == data
    assert "text: |\n  one\n  two\n" in text
    assert "switch: 'NO'" in text
    assert "octal: '0o17'" in text
    assert text == dump_yaml(data)
    with pytest.raises(TypeError):
        dump_yaml({"a": object()})


def test_json_is_dumped_stably():
    assert dump_json({"b": "é", "a": [1.5, None]}) == '{\n  "b": "é",\n  "a": [\n    1.5,\n    null\n  ]\n}\n'
    assert dump_json("\ud83d") == '"\ufffd"\n'
    assert parse(dump_yaml({"a": "\ud83dx"}), "x.yaml").data == {"a": "\ufffdx"}
    with pytest.raises(ValueError, match="JSON compliant"):
        dump_json(float("nan"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("resources", "contacts", "list", "query", "limit"), "resources.contacts.list.query.limit"),
        (("errors", 0, "when"), "errors[0].when"),
        (("headers", "a.b", "c d", ""), 'headers."a.b"."c d".""'),
        ((1, 2, "3"), "[1][2].3"),
        (("x[0]", 'q"q'), '"x[0]"."q\\"q"'),
    ],
)
def test_dotted_paths(path, text):
    assert format_path(path) == text
    assert parse_path(text) == path


@pytest.mark.parametrize("text", [".a", "a.", "a..b", "a[x]", "a]", 'a."b', "a b", "a[0]b", 'a."\\q"'])
def test_texts_that_are_no_paths(text):
    with pytest.raises(UsageError, match="is not a path"):
        parse_path(text)


@posix_only
def test_a_link_in_the_place_of_a_folder_meanwhile_leads_nowhere(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "a").mkdir(parents=True)
    outside.mkdir()
    with open_folder(inside / "a", inside) as folder:
        (inside / "a").rename(inside / "b")
        (inside / "a").symlink_to(outside)
        os.close(folder.create("new", 0o600))
        folder.replace("newer", by="new")
    assert [path.name for path in (inside / "b").iterdir()] == ["newer"]
    with pytest.raises(OSError, match=r"(?i)not a directory|too many"), open_folder(inside / "a", inside):
        pass
    with pytest.raises(OSError, match=r"(?i)not a directory|too many"), open_folder(inside / "a/deep/er", inside):
        pass
    assert list(outside.iterdir()) == []


def test_what_is_there_is_not_replaced_unless_it_may_be(tmp_path):
    write_whole(tmp_path / "x", "old")
    with pytest.raises(UsageError, match="already exists"):
        write_whole(tmp_path / "x", "new", overwrite=False)
    write_whole(tmp_path / "y", "new", overwrite=False, within=tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x": "old", "y": "new"}
    with open_folder(tmp_path) as folder:  # it came between the look and the writing
        assert not folder.claim("x", by="y")
    assert (tmp_path / "x").read_text() == "old"
