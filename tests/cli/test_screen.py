"""What commands print by default fits a screen, starts with what matters, and ends with the next step."""

import ast
import json
import os
import re
import shutil
import sys
from pathlib import Path

import launching
import pytest
from transcript import Run, conn

from conn_cli.report.text import COLORS

CLI = Path(__file__).parents[2] / "cli"
MAPPING, HTTP = "connectors/demo/unified/crm.yaml", "connectors/demo/connector.yaml"
LEGIBLE = {"bold", "red", "green", "magenta", "default"}
"""Legible on white and on black, in the usual palettes of terminals."""


def screen(folder: Path, *arguments: str) -> tuple[Run, list[str]]:
    """Run a command for a terminal of 80 columns; return its lines too, which are as wide as that."""
    done = conn(folder, *arguments, COLUMNS="80")
    lines = (done.out + done.err).splitlines()
    assert [line for line in lines if len(line) > 80 and len(line.split()) > 1] == []
    return done, lines


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_function_is_explained_without_its_dollar(desk):
    assert conn(desk, "explain", "uppercase").out == conn(desk, "explain", "$uppercase").out != ""


@pytest.mark.parametrize("word", ["MAP201", "response_path", "pagination.cursor", "$pick", "$base", "^(", "names"])
def test_explanations_wrap(desk, word):
    done, lines = screen(desk, "explain", word)
    assert done.code == 0
    assert lines


def test_an_operation_that_passes_is_one_line(desk):
    done, lines = screen(desk, "test", "contacts.list")
    assert done.code == 0
    assert [line.split()[0] for line in lines] == ["ok", "1", "next:", *["conn"] * (len(lines) - 3)]
    verbose, _ = screen(desk, "test", "contacts.list", "-v")
    assert "GET /contacts" in verbose.out and "mapped fields seen" in verbose.out


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (MAPPING, "response.email", "$uppercase(response.email)"),
        (MAPPING, "response.", "response.absent."),
        (MAPPING, "response.", f"$substringBefore(response.{'nested.' * 40}x, response.y) & $string(1) & response."),
        (MAPPING, "$string(response.id)", "response.id"),
        (MAPPING, "$string(response.id)", "$toMillis(response.email)"),
        (MAPPING, "query.limit }", "query.limit + 1 }"),
        (HTTP, "response_path: data", "response_path: dta"),
        (HTTP, "path: /contacts", "path: /contact"),
    ],
)
def test_a_failed_operation_fits_a_screen(desk, file, old, new):
    change(desk, file, old, new)
    done, lines = screen(desk, "test", "contacts.list")
    assert done.code == 1
    assert lines[0].startswith("FAIL     crm.contacts.list") and len(lines) <= 25
    assert " error " in lines[1] or " warning " in lines[1]
    assert any(line.startswith("next: ") for line in lines[-3:])
    rest = [line for line in lines if line.startswith("  … and ") and "finding" in line]
    assert not rest or "conn test crm.contacts.list --account me -v" in "".join(lines).replace("  ", "")


def test_failures_are_first_and_the_counts_say_what_they_count(desk):
    for name in ("you", "them"):
        (desk / f"accounts/{name}.yaml").write_text("connector: demo\n")
    (desk / "accounts/them.yaml").write_text(
        "connector: demo\noverride: {crm: {contacts: {get: {response_mapping: {id: response.gone}}}}}\n"
    )
    done, lines = screen(desk, "test")
    assert done.code == 1
    assert lines[0] == "FAIL     crm.contacts.get  demo  1 of 3 accounts  2 of 6 cases failed: default"
    assert lines[1].strip() == "and not_found"
    rows = [line.split()[1] for line in lines if line.startswith("ok ")]
    assert rows == ["crm.contacts.list", "crm.contacts.create", "crm.contacts.update", "crm.contacts.delete"]
    counts = "1 operation failed, 4 operations passed (2 of 21 cases failed, 3 accounts)"
    assert counts in lines
    assert lines[lines.index(counts) + 1].startswith("next: ")


@pytest.mark.slow
def test_many_operations_and_accounts_are_a_line_for_each_connector(desk):
    for number in range(20):
        (desk / f"accounts/customer{number}.yaml").write_text("connector: demo\n")
    for name in ("second", "third", "fourth"):
        assert conn(desk, "new", name).code == 0
    done, lines = screen(desk, "test")
    assert done.code == 0 and len(lines) < 10
    assert lines[0].split()[:5] == ["ok", "5", "operations", "demo", "21"]
    assert lines[4] == "20 operations passed (168 cases, 21 accounts)"


def test_quiet_shows_no_operation_that_passes(desk):
    done, lines = screen(desk, "test", "-q")
    assert (done.code, len(lines)) == (0, 1)


def test_what_explains_a_failure_is_first(desk):
    change(desk, MAPPING, "$string(response.id)", "response.gone")
    _, lines = screen(desk, "test", "contacts.list")
    assert lines[1].startswith(f"{MAPPING}:8:11  warning MAP201  id is empty in 3 of 3")


def test_ci_is_a_line_for_each_failure_and_for_each_check(desk):
    change(desk, MAPPING, "response.last_name", "response.lastname")
    done, lines = screen(desk, "ci", "--all")
    assert done.code == 1 and len(lines) <= 25 + 4
    assert "warning MAP201  last_name is empty in" in " ".join(lines[:2])
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    assert failed == [f"crm.contacts.{method}" for method in ("create", "get", "list", "update")] + ["test"]
    assert any(line.startswith("next: see the first failure with its values:") for line in lines[-2:])
    change(desk, MAPPING, "response.lastname", "response.last_name")
    assert [line.split()[0] for line in screen(desk, "ci", "--all")[1]] == ["ok", "ok", "ok", "skipped", "next:"]


@pytest.mark.parametrize("columns", [80, 60])
def test_ci_is_a_screen_and_at_most_a_line_for_each_failure(desk, columns):
    for number in range(12):
        (desk / f"accounts/customer-with-a-long-name-{number}.yaml").write_text("connector: demo\n")
    before = desk.with_name(f"{desk.name}-before")
    shutil.copytree(desk, before, ignore=shutil.ignore_patterns(".state"))
    for field in ("first_name", "last_name", "email"):
        change(desk, MAPPING, f"response.{field}", f"response.the_{field}_that_no_response_has")
    done = conn(desk, "ci", "--base-dir", str(before), COLUMNS=str(columns))
    lines = done.out.splitlines()
    failed = [line for line in lines if line.startswith("FAIL     ")]
    breaking = [line for line in lines if line.endswith(" breaking")]
    assert (done.code, len(failed), len(breaking)) == (1, 4, 12)
    assert len(lines) <= 25 + len(failed) + len(breaking)
    assert max(map(len, lines[:-1])) <= columns
    assert "next: see the first failure with its values:" in lines[-3:]
    assert len({line.index(" 13 ") for line in breaking}) == 1
    piped = conn(desk, "ci", "--base-dir", str(before)).out
    assert "customer-with-a-long-name-7" in piped and "the_email_that_no_response_has" in piped


def test_coverage_fits_a_screen_and_starts_with_the_least_in_a_terminal(desk):
    for number in range(4):
        assert conn(desk, "new", f"another{number}").code == 0
    change(desk, MAPPING, "response.last_name", "response.lastname")
    _, lines = screen(desk, "coverage")
    assert len(lines) <= 22
    assert re.match(r"demo +8\d% of the mapped fields seen, 5 operations$", lines[4])
    least = lines[lines.index("least seen:") + 1 :]
    assert [line.split()[0] for line in least[:5]] == ["80%"] * 4 + ["100%"]
    assert lines[-1].startswith("next: ")
    assert len(conn(desk, "coverage").out.splitlines()) > 25


def test_the_state_of_many_credentials_fits_a_screen(crowd):
    _, lines = screen(crowd, "auth", "status")
    assert len(lines) <= 20
    assert lines[0].startswith("customer0000") and "conn auth login customer0000" in " ".join(lines[:4])
    assert "200 accounts, 200 without a usable credential" in lines
    assert len([line for line in screen(crowd, "auth", "status", "--all")[1] if line.startswith("customer")]) == 199


@pytest.mark.parametrize("command", [["explain"], ["schema"], ["lint"], ["doctor"], ["show"], ["fmt", "--check"]])
def test_what_a_command_prints_by_default_fits_a_screen(desk, command):
    _, lines = screen(desk, *command)
    assert 0 < len(lines) <= 25


def test_the_vendors_of_webhooks_are_named_by_verification(tmp_path):
    _, lines = screen(tmp_path, "webhook", "scheme")
    assert len(lines) < 50 < len(conn(tmp_path, "webhook", "scheme").out.splitlines())
    names = re.findall(r"\w+", " ".join(lines))
    assert {"stripe", "zoom", "discord", "strava"} <= set(names)


# --- colors


def test_only_legible_colors_are_used():
    assert {word for style in COLORS.values() for word in style.split()} <= LEGIBLE
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value.split()
                colors = {"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "dim"}
                if words and len(words) <= 3 and set(words) & colors and set(words) <= colors | {"bold", "italic"}:
                    assert set(words) <= LEGIBLE, f"{path.name}: {node.value}"


def in_a_terminal(folder: Path, *arguments: str, columns: int = 80) -> str:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{CLI}:{CLI.parent / 'engine'}",
        "CONN_NO_KEYRING": "1",
        "CONN_STATE_DIR": str(folder / ".state"),
        "TERM": "xterm-256color",
        "HOME": str(folder),
    }
    child = launching.show(
        sys.executable,
        ["-m", "conn_cli.start", *arguments],
        cwd=str(folder),
        env=environ,
        dimensions=(25, columns),
        timeout=60,
        encoding="utf-8",
    )
    shown = child.read()
    child.close()
    assert child.exitstatus in {0, 1}, shown
    return str(shown)


def test_a_real_terminal_shows_a_failure_on_one_screen_in_legible_colors(desk):
    change(desk, MAPPING, "response.last_name", "response.lastname")
    shown = in_a_terminal(desk, "test", "contacts.list")
    styles = {code for found in re.findall(r"\x1b\[([0-9;]*)m", shown) for code in found.split(";")}
    assert {"1", "31"} <= styles <= {"", "0", "1", "31", "32", "35", "39"}
    drawn = re.split(r"\x1b\[2K", shown)[-1]  # after the progress, which disappears
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).replace("\r", "").rstrip("\n").split("\n")
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 80
    assert lines[-2].startswith("next: ") or lines[-1].startswith("next: ")


def test_the_fields_of_a_record_are_a_table(tmp_path):
    _, lines = screen(tmp_path, "schema", "ticketing.ticket")
    rows = {line.split()[0]: line for line in lines if line and not line.startswith(" ")}
    assert re.fullmatch(r"id +string, required +The .*", rows["id"])
    schema = json.loads(conn(tmp_path, "schema", "ticketing.ticket", "--format", "json").out)["schema"]
    assert set(schema["properties"]) <= set(rows)
    assert len(screen(tmp_path, "schema")[1]) <= 25


@pytest.fixture
def crowd(desk):
    """A workspace with 200 accounts; one of them, in an environment with overrides, has an override of its own."""
    (desk / "environments").mkdir(exist_ok=True)
    (desk / "environments/staging.yaml").write_text(
        "connectors: {demo: {crm.contacts.response_mapping: {first_name: response.a, last_name: response.b}}}\n"
    )
    for number in range(199):
        (desk / f"accounts/customer{number:04}.yaml").write_text("connector: demo\nenvironment: staging\n")
    (desk / "accounts/customer0001.yaml").write_text(
        "connector: demo\nenvironment: staging\noverride: {crm.contacts.response_mapping.email: response.mail}\n"
    )
    return desk


def test_the_accounts_fit_a_screen_and_count_their_own_overrides(crowd):
    _, lines = screen(crowd, "account", "list")
    assert len(lines) == 22
    assert lines[0] == "customer0000  demo           staging        0 overrides"
    assert lines[1] == "customer0001  demo           staging        1 override"
    assert lines[-2:] == [
        "… and 180 more accounts; 200 of demo",
        "next: see the others: conn account list --all, or --connector NAME",
    ]
    assert len(screen(crowd, "account", "list", "--all")[1]) == 200
    piped = conn(crowd, "account", "list").out.splitlines()
    assert len(piped) == 200 and piped[:20] == lines[:20]
    refused = conn(crowd, "account", "list", "--connector", "dmo")
    assert (refused.code, 'did you mean "demo"?' in refused.err) == (2, True)


def test_the_workspace_and_a_configuration_fit_a_screen(crowd):
    _, lines = screen(crowd, "show")
    assert len(lines) <= 20
    assert "demo   accounts: customer0000, customer0001, customer0002 and 197 more" in lines
    for number in range(5):
        assert conn(crowd, "new", f"another{number}").code == 0
    _, lines = screen(crowd, "show")
    assert len(lines) <= 20 and lines[-1] == "next: see every operation and account: conn show --all"
    assert re.search(r"^demo +200 accounts +5 operations of crm.contacts$", "\n".join(lines), re.MULTILINE)
    _, lines = screen(crowd, "show", "--account", "customer0001")
    assert len(lines) <= 25
    assert lines[0].endswith("stomer0001.yaml:3")  # cut to fit
    every = screen(crowd, "show", "--account", "customer0001", "--all")[1]
    assert len(every) == len(conn(crowd, "show", "--account", "customer0001").out.splitlines()) + 1
