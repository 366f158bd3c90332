"""Names and links that lead out of the workspace, writes that are cut off, and texts that a reader would obey."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import launching
import pytest
from attack import KEY, World

LITERAL = "literal-Wx5Tz8Qk2Lp"
EVIL = "x \x1b[2J\x1b]0;t\x07 \x9b31m \u202e ]]> <b> \"'& %0A\n::set-output name=a::b\r\n##[group]y \x00\ufffe"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.mark.parametrize(
    "name", ["../x", "/tmp/x", "a/../../x", "a\0b", "..", ".", "con", "NUL", "lpt1", "a b", "-x", "\u0430"]
)
def test_names_of_new_connectors(world: World, name: str) -> None:
    world.lay_out()
    before = sorted(world.folder.rglob("*"))
    assert world.conn("new", "--", name).code == 2
    assert sorted(world.folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["../../pwned", "/tmp/pwned", "a/b", "a\0b", "..", "A", ""])
@pytest.mark.parametrize("command", ["record", "har"])
def test_names_of_scenarios(world: World, name: str, command: str) -> None:
    world.lay_out()
    entry = {
        "request": {"method": "GET", "url": f"{world.vendor.url}/v1/things", "headers": [], "queryString": []},
        "response": {"status": 200, "headers": [], "content": {"mimeType": "application/json", "text": "{}"}},
    }
    world.write("a.har", json.dumps({"log": {"version": "1.2", "entries": [entry]}}))
    arguments = {
        "record": ["record", "things.list", "-a", "acme"],
        "har": ["har", "import", "a.har", "-c", "demo", "--operation", "things.list"],
    }
    before = sorted(world.folder.rglob("*"))
    done = world.conn(*arguments[command], "--scenario", name)
    assert done.code == 2, done.all
    assert sorted(world.folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["../acme", "/etc/passwd", "a\0b", "..", "accounts/acme"])
def test_names_of_accounts_and_environments(world: World, name: str) -> None:
    world.lay_out()
    world.write("secret.yaml", "connector: demo\n")
    for arguments in (
        ["run", "things.list", "-a", name],
        ["run", "things.list", "-a", "acme", "-e", name],
        ["show", "-c", name],
        ["auth", "logout", name],
    ):
        assert world.conn(*arguments).code == 2
    world.lay_out(environment=name)
    assert world.conn("run", "things.list", "-a", "acme").code == 3


@pytest.mark.parametrize("linked", ["recordings", "expected", "recordings/acme", "expected/acme"])
def test_linked_folders_are_not_written_through(world: World, outside: Path, linked: str) -> None:
    world.lay_out()
    own = ["--own"] if "acme" in linked else []
    if linked.startswith("expected"):
        assert world.conn("record", "things.list", "-a", "acme", *own).code == 0
    place = world.folder / "connectors/demo" / linked
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        place.rmdir()
    place.symlink_to(outside)
    command = (
        ["test", "things.list", "-a", "acme", "--update"]
        if "expected" in linked
        else ["record", "things.list", "-a", "acme", *own]
    )
    done = world.conn(*command)
    assert done.code == 3, done.all
    assert "leads out of the workspace" in done.err
    assert list(outside.iterdir()) == []


def test_linked_files_are_neither_read_nor_overwritten(world: World, outside: Path) -> None:
    world.lay_out()
    world.conn("record", "things.list", "-a", "acme")
    target = outside / "precious.json"
    target.write_text("precious")
    golden = world.folder / "connectors/demo/expected/crm.things.list.json"
    golden.parent.mkdir()
    golden.symlink_to(target)
    assert world.conn("test", "things.list", "--update").code == 3
    recording = world.folder / "connectors/demo/recordings/crm.things.list.json"
    recording.unlink()
    recording.symlink_to(target)
    done = world.conn("test", "things.list")
    assert done.code == 3
    assert "precious" not in done.all.replace("precious.json", "")
    assert world.conn("record", "things.list", "-a", "acme", "--force").code == 3
    assert target.read_text() == "precious"


def test_a_linked_connector_is_not_replaced(world: World, outside: Path) -> None:
    world.lay_out()
    (world.folder / "connectors/other").symlink_to(outside)
    assert world.conn("new", "other", "--force").code == 2
    assert list(outside.iterdir()) == []


def test_reports_do_not_follow_links_out(world: World, outside: Path) -> None:
    world.lay_out()
    target = outside / "precious"
    target.write_text("precious")
    (world.folder / "out.sarif").symlink_to(target)
    (world.folder / "base.json").symlink_to(target)
    assert world.conn("lint", "--format", "sarif=out.sarif").code == 3
    assert world.conn("lint", "--baseline", "base.json", "--update-baseline").code != 0
    assert target.read_text() == "precious"


WRITER = """
import sys, pathlib
from conn_engine.documents import write_whole
path = pathlib.Path(sys.argv[1])
n = 0
print("ready", flush=True)
while True:
    n += 1
    write_whole(path, str(n % 10) * 3_000_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for delay in (0.02, 0.05, 0.11):
        with launching.start([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not path.exists():
                time.sleep(0.005)
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        text = path.read_text()
        assert len(text) == 3_000_000
        assert len(set(text)) == 1


RECORDED = "connectors/demo/recordings/crm.things.list.json"


@pytest.mark.parametrize("linked", ["recordings", "demo", "connectors"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_swapped_for_a_link_while_recording_is_not_left(
    world: World, outside: Path, linked: str, force: list[str]
) -> None:
    """Looked at before the request, and swapped before its answer is written."""
    world.lay_out()
    place = next(path for path in (world.folder / RECORDED).parents if path.name == linked)
    place.mkdir(exist_ok=True)

    def swap(got: Any) -> tuple[int, dict[str, str], Any]:
        place.rename(world.folder / "aside")
        place.symlink_to(outside)
        return 200, {}, {"results": []}

    world.vendor.answer = swap
    done = world.conn("record", "things.list", "-a", "acme", *force)
    assert done.code == 3, done.all
    assert "link points outside" in done.err
    assert list(outside.rglob("*")) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_recording_made_meanwhile_is_replaced_only_by_force(world: World, *, force: bool) -> None:
    world.lay_out()

    def other(got: Any) -> tuple[int, dict[str, str], Any]:
        world.write(RECORDED, "the other run's")
        return 200, {}, {"results": []}

    world.vendor.answer = other
    done = world.conn("record", "things.list", "-a", "acme", *(["--force"] if force else []))
    assert done.code == (0 if force else 2), done.all
    assert ((world.folder / RECORDED).read_text() == "the other run's") is not force
    assert force or "--force" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device"])
@pytest.mark.parametrize("folder", ["recordings", "deliveries"])
def test_a_recording_that_is_no_regular_file_is_refused_at_once(world: World, kind: str, folder: str) -> None:
    world.lay_out()
    path = world.write(f"connectors/demo/{folder}/things.list.json", "")
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
        except PermissionError:
            path.symlink_to("/dev/tty")
    else:
        path.symlink_to("/dev/zero")
    for command in (["test"], ["lint"]):
        done = world.conn(*command)
        assert done.code in (1, 3), done.all
        assert "not a regular file" in done.all or "leads out of the workspace" in done.all, done.all


def test_recording_at_once_gives_one_of_the_recordings(world: World) -> None:
    world.lay_out()
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": str(n)} for n in range(2000)]})
    workers = [
        threading.Thread(target=world.conn, args=("record", "things.list", "-a", "acme", "--force")) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    folder = world.folder / "connectors/demo/recordings"
    assert [path.name for path in folder.iterdir()] == ["crm.things.list.json"]
    assert (
        len(json.loads((folder / "crm.things.list.json").read_text())["exchanges"][0]["response"]["body"]["results"])
        == 2000
    )


@pytest.mark.parametrize("where", ["message", "content-type", "record", "header name"])
def test_a_terminal_gets_nothing_to_obey(world: World, where: str) -> None:
    world.lay_out({"headers": {"X-\x1b[8m": "1"}} if where == "header name" else {})
    world.vendor.answer = lambda got: {
        "message": (400, {}, {"message": EVIL}),
        "content-type": (200, {"content-type": "application/json\x1b[8m\x1b[2J"}, {"results": []}),
        "record": (200, {}, {"results": [{"id": EVIL, EVIL: 1}]}),
        "header name": (200, {}, {"results": []}),
    }[where]
    world.write(
        "connectors/demo/unified/crm.yaml", {"resources": {"things": {"list": {"response_mapping": "response"}}}}
    )
    for output in ("jsonl", "json", "csv", "table"):
        done = world.conn("run", "things.list", "-a", "acme", "--trace", "-o", output)
        assert not set("\x1b\x07\x9b\x00") & set(done.all), (output, done.all)
        assert "\n::set-output" not in done.err
        assert "internal error" not in done.err


def test_reports_of_hostile_texts(world: World) -> None:
    world.lay_out()
    override = {"unified": {"crm": {"things": {"list": {"response_mapping": {"x": f"nothing.{EVIL!r}"}, EVIL: 1}}}}}
    world.write(
        "accounts/acme.yaml", json.dumps({"connector": "demo", "label": EVIL, "override": override, EVIL: EVIL})
    )
    for name in ("text", "json", "sarif", "junit", "github"):
        done = world.conn("lint", "--format", name)
        assert done.code == 1, (name, done.all)
        assert not set("\x1b\x07\x9b\x00") & set(done.out if name in ("text", "junit", "github") else ""), name
        if name in ("json", "sarif"):
            json.loads(done.out)
        if name == "junit":
            ElementTree.fromstring(done.out)
        if name == "github":
            assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in done.out.splitlines())
            assert not any(line.startswith(("::set-output", "##[")) for line in done.out.splitlines())


def test_a_spreadsheet_gets_no_formula(world: World) -> None:
    world.lay_out()
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "=HYPERLINK(1)"}, {"id": "@x"}, {"id": "-1"}]})
    done = world.conn("run", "things.list", "-a", "acme", "-o", "csv")
    assert done.out.splitlines() == ["id", "'=HYPERLINK(1)", "'@x", "-1"]


COMMANDS = [
    ["show", "-c", "demo"],
    ["show", "-a", "acme"],
    ["show", "-c", "demo", "--format", "json"],
    ["show", "-c", "demo", "--format", "yaml"],
    ["why", "-", "headers.X-Api-Key", "-c", "demo"],
    ["why", "-", "headers.X-Api-Key", "-c", "demo", "--format", "json"],
    ["account", "list"],
    ["lint"],
    *(["lint", "--format", name] for name in ("json", "sarif", "junit", "github")),
    ["run", "things.list", "-a", "acme", "--trace"],
    ["run", "things.list", "-a", "acme", "--dry-run"],
    ["--debug", "run", "things.list", "-a", "acme", "--trace"],
    ["record", "things.list", "-a", "acme", "--force"],
    ["test", "things.list"],
    ["test", "things.list", "--update"],
    ["test", "things.list", "--format", "json"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_secret_that_stands_in_a_document_is_not_shown(world: World, command: list[str]) -> None:
    literal = {"headers": {"X-Api-Key": LITERAL}, "query": {"api_key": LITERAL}}
    world.lay_out(connector=world.connector(**literal))
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "1"}], "message": f"key {LITERAL}"})
    world.conn("record", "things.list", "-a", "acme")
    done = world.conn(*command)
    assert "internal error" not in done.err
    for text in (done.out, done.err):
        assert LITERAL not in text
        assert KEY not in text
    for path in (world.folder / "connectors/demo").rglob("*.json"):
        assert LITERAL not in path.read_text()
