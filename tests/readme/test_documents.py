"""The documents agree with the code: links, blocks of YAML and JSON, the files and code they name."""

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import launching
import pytest
from evaluating import usual

from conn_engine.listing.pagination import pages
from conn_engine.settings import Answer, Draft
from conn_engine.wire import Request, Response

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "connectors/README.md",
    "engine/DECISIONS.md",
    "engine/README.md",
    "example/README.md",
)


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for link, anchor in re.findall(r"\]\(([^)#\s]+)#?([^)]*)\)", text_of(document)):
        if not link.startswith(("http://", "https://")):
            path = (ROOT / document).parent / link
            assert path.exists(), f"{document}: {link}"
            if anchor:
                headings = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
                assert anchor in {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}, anchor


def test_the_readme_is_short_and_starts_with_its_picture():
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 200
    assert any(line.startswith("![") for line in lines[:10])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_no_machine(document):
    assert not re.search(r"/(?:home|root|Users|work|tmp)/\w", text_of(document))


def test_the_first_page_links_every_tutorial_and_task():
    pages = {f"{path.parent.name}/{path.name}" for path in (ROOT / "docs").glob("*/*.md")}
    linked = set(re.findall(r"\]\(([^)#]+)\)", text_of("docs/index.md")))
    assert {page for page in pages if page.startswith(("tutorials/", "how-to/"))} <= linked


def test_blocks_of_yaml_and_json_pass_lint(shell):
    files = ["README.md", "connectors/README.md", "example/README.md", "engine/README.md"]
    result = launching.run(
        ["conn", "lint", *files], cwd=ROOT, env=shell, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (0, "no findings\n"), result.stdout + result.stderr


def test_engine_documents_name_files_that_exist():
    """Names in backticks with a slash or a known ending, looked up below the root, the engine and the command."""
    places = [ROOT / place for place in ("", "engine", "engine/conn_engine", "cli", "cli/conn_cli")]
    for document in ("engine/README.md", "engine/DECISIONS.md"):
        for name in re.findall(r"`([\w./-]+(?:\.py|\.yaml|\.md|\.json|/))`", text_of(document)):
            assert any((place / name).exists() for place in places), f"{document}: {name}"


def test_the_page_draws_the_layers_that_are_checked():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    held = [sorted(re.findall(r"conn_cli|conn_service|conn_import|(?<=conn_engine\.)\w+", layer)) for layer in layers]
    drawing = re.search(r"## Layers.*?```text\n(.*?)```", text_of("engine/README.md"), re.DOTALL)[1]
    assert [sorted(re.findall(r"\w+", line.split("  ")[0])) for line in drawing.splitlines()] == held


def test_the_parts_of_the_engine_have_every_package_once_and_their_sizes():
    engine, text = ROOT / "engine", text_of("engine/README.md")
    rows = re.findall(
        r"(?m)^\| ([^|]+) \| ([^|]+) \| ([\d,]+) \|$", text.partition("## Three parts")[2].partition("##")[0]
    )
    assert [part for part, _, _ in rows] == ["what runs connectors", "the author's tools", "importers"]
    paths = [path for folder in ("conn_engine", "conn_service") for path in (engine / folder).iterdir()]
    paths = [
        path
        for path in [*paths, engine / "conn_import", ROOT / "cli/conn_cli"]
        if list(path.rglob("*.py")) or path.suffix == ".py"
    ]
    names = {
        "/".join(path.with_suffix("").relative_to(engine).parts).removeprefix("conn_engine/")
        if path.is_relative_to(engine)
        else path.name: path
        for path in paths
        if path.name != "__init__.py"
    }
    assert sorted(re.findall(r"`([\w/]+)`", " ".join(packages for _, packages, _ in rows))) == sorted(names)
    for part, packages, size in rows:
        files = [
            file
            for name in re.findall(r"`([\w/]+)`", packages)
            for file in (names[name].rglob("*.py") if names[name].is_dir() else [names[name]])
        ]
        lines = sum(file.read_bytes().count(b"\n") for file in files)
        assert lines == pytest.approx(int(size.replace(",", "")), rel=0.15), f"{part}: {lines:,} lines"


def test_running_a_connector_loads_only_the_first_part(shell):
    code = (
        "import sys; from conn_engine import connect, load_workspace;"
        "print(*{name.split('.')[1] for name in sys.modules if name.startswith('conn_engine.')})"
    )
    loaded = launching.run([sys.executable, "-c", code], env=shell, capture_output=True, text=True, check=True).stdout
    first_row = re.search(r"\| what runs connectors \| ([^|]+) \|", text_of("engine/README.md"))[1]
    assert len(loaded.split()) > 10 and set(loaded.split()) <= set(re.findall(r"`([\w/]+)`", first_row))


def test_each_change_of_the_table_names_where_and_how_it_is_tested():
    table = text_of("engine/README.md").partition("## Where do I change what")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (.+) \| (.+) \| (.+) \|$", table)[1:]
    assert len(rows) == 10
    for change, edit, tests in rows:
        assert re.search(r"`[\w./-]+(?:\.py|/)`", edit), change
        for path in re.findall(r"`([^`]+)`", tests):
            assert path.startswith("tests/") and (ROOT / path).exists(), path


def test_the_decisions_have_context_choice_and_price():
    entries = re.split(r"(?m)^## ", text_of("engine/DECISIONS.md"))[1:]
    assert len(entries) >= 20
    for entry in entries:
        for word in ("**Context.**", "**Choice.**", "**Price.**"):
            assert word in entry, entry.splitlines()[0]


def test_each_promise_of_the_security_page_has_a_rule_limits_and_tests():
    sections = re.split(r"(?m)^## ", text_of("SECURITY.md"))[1:]
    promises = sections[2:]
    assert [section.splitlines()[0] for section in sections[:2]] == ["Report a vulnerability", "Who may write what"]
    assert len(promises) >= 9
    for promise in promises:
        title = promise.splitlines()[0]
        parts = re.findall(r"(?m)^\*\*(The rule|Limits|Tests)\.\*\* ", promise)
        assert parts == ["The rule", "Limits", "Tests"], title
        assert re.search(r"`tests/[^`]+`", promise.partition("**Tests.**")[2]), title


def test_the_security_page_names_files_that_exist():
    text = text_of("SECURITY.md")
    assert re.findall(r"(?<![\w/])test_\w+\.py", text) == []  # a test is named by its complete path
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", text):
        if name.partition("/")[0] in ("tests", "engine", "cli", "docs"):
            assert (ROOT / name).exists(), name


def test_the_changelog_has_each_heading_and_entry_once():
    releases = re.split(r"(?m)^## ", text_of("CHANGELOG.md"))[1:]
    assert len(releases) >= 2
    for release in releases:
        headings = re.findall(r"(?m)^### (.+)$", release)
        order = ["Added", "Changed", "Fixed", "Removed", "Security"]
        assert headings == [heading for heading in order if heading in headings], release.splitlines()[0]
        entries = re.split(r"\n(?=- )", re.sub(r"(?m)^###.*$", "", release))[1:]
        assert len(entries) == len({entry.strip() for entry in entries})


STRATEGY = re.compile(r"```python\n(.*?class LastId.*?)```", re.DOTALL)


def test_the_strategy_of_the_architecture_page_pages():
    names = {"__name__": "conn_engine.listing.pagination.last_id"}
    exec(compile(STRATEGY.search(text_of("engine/README.md"))[1], "engine/README.md", "exec"), names)  # our own text
    strategy = names["LastId"](after_param="since", last_id_field="$[-1].id")
    vendor = {None: [1, 2], 2: [3, 4], 4: []}
    seen, asked = [], []

    def fetch(place):
        draft = Draft("GET", "https://api.example.com/things", scope=usual())
        place(draft)
        after = dict(draft.query).get("since")
        asked.append(after)
        yield from ()
        records = [{"id": number} for number in vendor[after]]
        return Answer(Request("GET", f"{draft.url}?since={after}"), Response(200), records, records, scope=usual())

    def emit(answer, number, following, previous):
        seen.extend(record["id"] for record in answer.records)
        yield from ()

    assert list(pages(strategy, fetch, emit)) == []
    assert (seen, asked) == ([1, 2, 3, 4], [None, 2, 4])
    vendor[4] = [3, 4]  # a vendor that ignores the parameter
    seen.clear()
    assert list(pages(strategy, fetch, emit)) == []
    assert seen == [1, 2, 3, 4]


def test_a_strategy_that_does_not_derive_from_ending_is_refused():
    text = STRATEGY.search(text_of("engine/README.md"))[1].replace("(Ending,", "(Settings,")
    text = text.replace("import Answer, Draft", "import Answer, Draft, Settings")
    names = {"__name__": "conn_engine.listing.pagination"}
    exec(compile(text, "engine/README.md", "exec"), names)  # our own text
    face = text_of("engine/conn_engine/listing/pagination/__init__.py").replace(
        "| NoPagination", "| NoPagination | LastId"
    )
    with pytest.raises(TypeError, match=r"LastId derives from Settings: derive it from Ending .* `max_pages`"):
        exec(compile(face, "__init__.py", "exec"), names)


@pytest.mark.slow
def test_a_strategy_is_two_edits(tmp_path, shell):
    """On a copy of the project, all else follows: schemas, lint, the run, drift, mutation and the reference."""
    for folder in ("cli", "engine", "schemas", "connectors", "example"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    pagination = tmp_path / "engine" / "conn_engine" / "listing" / "pagination"
    (pagination / "last_id.py").write_text(STRATEGY.search(text_of("engine/README.md"))[1], encoding="utf-8")
    face = pagination / "__init__.py"
    text = face.read_text(encoding="utf-8")
    for line in re.search(r"\*\*Two\*\*.*?```text\n(.*?)```", text_of("engine/README.md"), re.DOTALL)[1].splitlines():
        old = (
            line.replace(" | LastId", "")
            if line.startswith("Pagination")
            else "from conn_engine.listing.pagination.link_header"
        )
        new = line if line.startswith("Pagination") else f"{line}\n{old}"
        assert old in text
        text = text.replace(old, new)
    face.write_text(text, encoding="utf-8")
    shell["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "cli"), str(tmp_path / "engine")])

    def run(*command):
        return launching.run(command, cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=120, check=False)

    assert "written: connector.schema.json" in run(sys.executable, "-m", "conn_engine.schemas").stdout
    assert run("conn", "init", "shop").returncode == 0
    assert run("conn", "-C", "shop", "new", "my-crm").returncode == 0
    connector = tmp_path / "shop" / "connectors" / "my-crm" / "connector.yaml"
    skeleton = connector.read_text(encoding="utf-8")
    cursor = re.search(r"(?m)^pagination:\n(?: .*\n)+", skeleton)[0]

    def page_by(settings):
        connector.write_text(skeleton.replace(cursor, f"pagination: {{ format: last_id, config: {{ {settings} }} }}\n"))

    for settings, code, says in (
        ("last_id_field: paging.next, after_param: cursor", 0, "no findings"),
        ("last_id_field: paging.next, afer_param: cursor", 1, 'did you mean "after_param"?'),
        ('last_id_field: "paging[", after_param: cursor', 1, "EXP101"),
        ("last_id_field: paging.next, stop: bodyy.end", 1, "EXP103"),
    ):
        page_by(settings)
        result = run("conn", "-C", "shop", "lint")
        assert (result.returncode, says in result.stdout) == (code, True), result.stdout + result.stderr
    page_by("last_id_field: paging.next, after_param: since")
    missed = run("conn", "-C", "shop", "test", "contacts.list")
    assert missed.returncode == 1, missed.stdout + missed.stderr
    assert "query since: not recorded" in missed.stdout

    page_by("last_id_field: paging.next, after_param: cursor")
    tested = run("conn", "-C", "shop", "test", "contacts.list")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    mutated = run("conn", "-C", "shop", "mutate", "my-crm", "--kind", "pagination").stdout
    assert mutated.startswith("my-crm: 3 of 3 mistakes caught"), mutated  # none at all, each of the two settings
    newer = tmp_path / "newer.json"
    recording = connector.parent / "recordings" / "crm.contacts.list.json"
    newer.write_text(recording.read_text("utf-8").replace('"paging"', '"pages"'), "utf-8")
    drifted = run("conn", "-C", "shop", "drift", "-c", "my-crm", "--recordings", str(newer))
    assert drifted.returncode == 1, drifted.stdout + drifted.stderr
    assert "contacts.list pagination last_id_field" in drifted.stdout
    assert "the id of the page's last record" in run("conn", "explain", "pagination.last_id").stdout


def test_the_code_names_pages_that_exist():
    for folder in ("cli", "engine"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for page in re.findall(r"docs/[\w/-]+\.(?:md|yaml)", path.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{path.relative_to(ROOT)}: {page}"
