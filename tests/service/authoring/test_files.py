"""Files that an agent reads and writes: nothing outside the workspace, nothing hidden, no secret."""

from pathlib import Path

import pytest

from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_service.authoring.files import MOST_BYTES, read_file, write_file

TOKEN = "ghp_" + "a1B2" * 9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "desk"
    (root / "accounts").mkdir(parents=True)
    (root / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "outside.yaml").write_text("a: 1\n")
    (root / ".conn").mkdir()
    (root / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "inner.yaml").symlink_to(root / "conn.yaml")
    (root / "folder").symlink_to(tmp_path)
    return root


@pytest.mark.parametrize(
    "name",
    [
        "../outside.yaml", "accounts/../../outside.yaml", "/etc/hosts.yaml", "accounts//a.yaml", "accounts/./a.yaml",
        ".conn/a.yaml", ".git/config.yaml", ".GIT/hooks.yaml", "accounts/.hidden.yaml", ".github/workflows/ci.yaml",
        "link.yaml", "inner.yaml", "folder/outside.yaml", "folder/new.yaml", "C:/a.yaml", "C:a.yaml",
        "..\\outside.yaml", "accounts\\a.yaml", "con.yaml",
        "accounts/a.yaml:stream.md", "a.yaml ", "a./b.yaml",
        "a\n.yaml", "a\u202elmay.yaml", "a\0.yaml", "a" * 300 + ".yaml", "", "accounts",
        "accounts/a.py", "accounts/a", "a.sh", "conn.lock",
        "\U000e0061.yaml", "~/a.yaml/..",
    ],
)  # fmt: skip
def test_a_path_that_an_agent_may_not_write_is_refused(name: str, root: Path) -> None:
    before = {path: path.is_file() and path.read_text() for path in root.parent.rglob("*")}
    with pytest.raises(UsageError) as caught:
        write_file(root, name, "a: 1\n")
    assert caught.value.hint
    assert {path: path.is_file() and path.read_text() for path in root.parent.rglob("*")} == before


@pytest.mark.parametrize("name", ["../outside.yaml", ".conn", "link.yaml", "folder", "folder/outside.yaml", "a.key"])
def test_a_path_that_an_agent_may_not_read_is_refused(name: str, root: Path) -> None:
    with pytest.raises(UsageError):
        read_file(root, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("accounts/a.yaml", f"connector: shop\noverride: {{ headers: {{ x-api-key: {TOKEN} }} }}\n"),
        ("accounts/a.yaml", "connector: shop\noverride: { headers: { x-api-key: hunter2-hunter2 } }\n"),
        ("accounts/a.yaml", "connector: shop\ncontext: { api_key: hunter2-hunter2 }\n"),
        ("accounts/a.yaml", f"connector: shop\n# {TOKEN}\n"),
        ("accounts/a.yaml", "connector: shop\noverride: { base_url: 'https://me:hunter2-pass@a.example' }\n"),
        ("README.md", f"curl -H 'authorization: Bearer {TOKEN}'\n"),
        ("README.md", "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n"),
        ("connectors/shop/recordings/a.json", f'{{"body": {{"t": "{TOKEN}"}}}}'),
    ],
)
def test_a_text_with_a_secret_is_refused(name: str, text: str, root: Path) -> None:
    with pytest.raises(UsageError, match="contains a secret") as caught:
        write_file(root, name, text)
    assert TOKEN not in str(caught.value) and "hunter2" not in str(caught.value)
    assert not (root / name).exists()


@pytest.mark.parametrize(
    "text", ["a: \x1b[31m", "a: \u202eb", "a: \ufeffb", "a: \U000e0041", "a: \0", "a: \ud800", "a: " + "x" * MOST_BYTES]
)
def test_a_text_that_is_binary_hidden_or_too_long_is_refused(text: str, root: Path) -> None:
    with pytest.raises((UsageError, ConfigurationError)):
        write_file(root, "accounts/a.yaml", text)
    assert not (root / "accounts/a.yaml").exists()


def test_invalid_yaml_leaves_the_file_as_it_was(root: Path) -> None:
    write_file(root, "accounts/a.yaml", "connector: shop\n")
    with pytest.raises(ConfigurationError) as caught:
        write_file(root, "accounts/a.yaml", "connector: [\n")
    assert caught.value.findings[0].span is not None
    assert (root / "accounts/a.yaml").read_text() == "connector: shop\n"


def test_a_written_file_has_its_findings_and_no_other_file_is_left(root: Path) -> None:
    result = write_file(root, "accounts/a.yaml", "connector: shop\nnonsense: 1\n")
    assert "CFG101" in {finding["code"] for finding in result["findings"]}
    assert [path.name for path in (root / "accounts").iterdir()] == ["a.yaml"]


@pytest.mark.parametrize("name", ["conn.yaml", "AGENTS.md", "accounts/Agents.md", "CLAUDE.md", "inner/conn.yaml"])
def test_what_only_the_user_changes_is_refused_with_the_reason(name: str, root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"was not written: only the user changes it, because it \w+") as caught:
        write_file(root, name, "version: 1\n")
    assert "propose" in caught.value.hint
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_file_can_be_written_in_a_workspace_that_cannot_be_loaded(root: Path) -> None:
    (root / "conn.yaml").write_text("version: 9\n")
    write_file(root, "accounts/a.yaml", "connector: shop\n")
    assert (root / "accounts/a.yaml").read_text() == "connector: shop\n"


def test_what_is_read_has_no_secret_and_a_bounded_length(root: Path) -> None:
    lines = "".join(f"# line {number}\n" for number in range(2_000))
    (root / "accounts/a.yaml").write_text(
        f"connector: shop\noverride: {{ headers: {{ x-api-key: hunter2-hunter2, y: {TOKEN} }} }}\n{lines}"
    )
    text = read_file(root, "accounts/a.yaml")["text"]
    assert "hunter2" not in text and TOKEN not in text and text.count("[redacted]") == 2
    part = read_file(root, "accounts/a.yaml", 1_999)
    assert (part["from"], part["to"], part["lines"]) == (1_999, 2_002, 2_002)
    assert read_file(root, "accounts/a.yaml", -5)["from"] == 1


def test_a_folder_shows_its_documents_and_nothing_hidden(root: Path) -> None:
    assert read_file(root, ".")["entries"] == ["accounts/", "conn.yaml", "folder/", "inner.yaml", "link.yaml"]
    with pytest.raises(ConnError):
        read_file(root, "accounts/none.yaml")
