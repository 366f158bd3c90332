"""Every block of every page is run or read by a test: a block of another kind needs one, and its name here."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from examples import DOCS
from transcript import conn

from conn_engine.documents import find_markdown_blocks

TESTS = DOCS.parent / "tests"
EXAMPLE = DOCS.parent / "example"
PLAYED = {"yaml", "http", "console"}
"""Played by `examples` and `page_session`, or in a shell."""
GENERATED = ("reference/commands.md", "reference/functions.md", "reference/lint-codes.md")
OTHERS = {
    "explanation/brevity.md": "docs/test_brevity.py",
    "how-to/agents.md": "docs/test_every_block.py",
    "how-to/connect-a-customer.md": "service/connect/test_page.py",
    "how-to/deliver-events.md": "docs/test_how_to.py",
    "how-to/deploy-the-service.md": "packaging/test_deploy.py",
    "how-to/editors.md": "docs/test_every_block.py",
    "how-to/manage-accounts-over-http.md": "service/http/test_page.py",
    "how-to/map-fields-as-a-team.md": "service/portal/test_oidc.py",
    "how-to/give-an-agent-tools.md": "docs/test_every_block.py",
    "how-to/generate-a-client.md": "service/http/test_openapi.py",
    "how-to/operate-the-service.md": "service/http/test_observing.py",
    "how-to/pass-requests-on.md": "service/http/test_proxy.py",
    "how-to/receive-events.md": "servers/test_receivers.py",
    "how-to/roll-a-change-out.md": "service/http/test_rollouts.py",
    "how-to/use-a-connector-from-git.md": "cli/test_git_connectors.py",
    "reference/studio.md": "service/studio/test_commands.py",
    "how-to/replay-deliveries.md": "service/inbox/test_commands.py",
    "how-to/run-syncs-on-several-machines.md": "packaging/test_deploy.py",
    "how-to/serve-the-unified-api.md": "service/http/test_page.py",
    "reference/endpoints.md": "service/syncs/test_claims.py",
    "reference/jsonata.md": "docs/test_jsonata.py",
    "reference/library.md": "readme/test_library.py",
    "reference/recordings.md": "docs/test_examples.py",
    "reference/unified.md": "docs/test_every_block.py",
    "reference/webhook-receiving.md": "docs/test_examples.py",
    "reference/webhooks.md": "docs/test_examples.py",
    "reference/workspace.md": "docs/test_every_block.py",
    "tutorials/first-sync.md": "service/syncs/test_example.py",
    "tutorials/map-in-the-page.md": "browser/test_studio_saving.py",
}
"""Page to the file with the test of its other blocks."""
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}


def find_others(text: str) -> set[str]:
    """The languages of blocks that no player knows. A block with a title is a file, which a player writes."""
    written = re.sub(r"^```\w+ title=", "```yaml title=", text, flags=re.M)
    return {language for language in re.findall(r"^```(\w+)", written, re.M) if language not in PLAYED}


def read_block(page: str, language: str) -> str:
    return next(block.text for block in find_markdown_blocks(PAGES[page]) if block.language == language)


def test_no_block_is_left_out() -> None:
    found = {page for page, text in PAGES.items() if page not in GENERATED and find_others(text)}
    assert found == set(OTHERS)
    for page, test in OTHERS.items():
        assert Path(page).name in (TESTS / test).read_text(encoding="utf-8"), test


def test_another_kind_of_block_is_noticed() -> None:
    assert find_others('```yaml\n```\n```json title="a.json"\n```\n```lua\n```\n') == {"lua"}


@pytest.mark.parametrize(
    ("page", "name"), [("how-to/agents.md", "conn"), ("how-to/give-an-agent-tools.md", "umbrella")]
)
def test_the_settings_of_an_agent_start_the_server(page: str, name: str, tmp_path: Path) -> None:
    server = json.loads(read_block(page, "json"))["mcpServers"][name]
    assert server["command"] == "conn"
    arguments = [str(tmp_path) if value == "/path/to/workspace" else value for value in server["args"]]
    assert conn(tmp_path, *arguments, "--help").code == 0


@pytest.mark.parametrize("language", ["json", "lua", "toml"])
def test_the_settings_of_an_editor_start_the_server(language: str, tmp_path: Path) -> None:
    text = read_block("how-to/editors.md", language)
    if language == "json":
        command = json.loads(text)["conn.command"]
    elif language == "toml":
        server = tomllib.loads(text)["language-server"]["conn"]
        command = [server["command"], *server["args"]]
    else:
        command = re.findall(r'"([^"]+)"', re.search(r"cmd = {(.*?)}", text)[1])  # type: ignore[index]
    assert Path(command[0]).name == "conn"
    assert conn(tmp_path, *command[1:], "--help").code == 0


def test_the_marks_of_a_model_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\nmodels: [models]\n")
    path = tmp_path / "models/team/person.schema.json"
    path.parent.mkdir(parents=True)
    path.write_text(read_block("reference/unified.md", "json"))
    assert conn(tmp_path, "schema", "team.person").code == 0
    assert conn(tmp_path, "lint").code == 0


def test_the_folders_of_a_workspace_are_those_of_the_example() -> None:
    tree = read_block("reference/workspace.md", "text")
    tracked = {path.relative_to(EXAMPLE).parts[0] for path in EXAMPLE.rglob("*.yaml") if path.parent != EXAMPLE}
    assert tracked <= {line.partition("/")[0] for line in tree.splitlines()}
