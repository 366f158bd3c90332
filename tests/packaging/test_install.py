"""The README's other ways to install: each line as it is there, in a copy of the project, as a new user."""

import os
import re
import shutil
import sys
from pathlib import Path

import launching
import pytest

ROOT = Path(__file__).parents[2]
(LINES,) = re.findall(
    r"^```sh\n(pipx install .*?)```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
PIPX, UVX, DOCKER = LINES.splitlines()
KEPT = ("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what Git has of the project."""
    copy = tmp_path_factory.mktemp("project")
    names = launching.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A folder with pipx, and uv's two commands."""
    folder = tmp_path_factory.mktemp("tools")
    launching.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    launching.run([folder / "bin" / "pip", "install", "-q", "pipx", "uv"], check=True, timeout=600)
    return folder / "bin"


def run(line, project, tools, home):
    environ = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    environ |= {
        "PATH": f"{home}/.local/bin:{tools}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "CONN_NO_KEYRING": "1",
    }
    done = launching.run(
        ["bash", "-ec", line], cwd=project, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pipx_installs_a_command_that_works(project, tools, tmp_path):
    output = run(
        f"{PIPX} && cd {tmp_path} && conn init tour --example && cd tour && conn lint", project, tools, tmp_path
    )
    assert "conn" in output and output.endswith("no findings\n")


def test_uvx_runs_the_command_without_installing_it(project, tools, tmp_path):
    assert re.fullmatch(r"conn \d+\.\d+\.\d+\n", run(UVX, project, tools, tmp_path))
    assert not (tmp_path / ".local" / "bin" / "conn").exists()


def test_the_third_line_is_that_of_the_container():
    assert DOCKER.startswith("docker build -t conn . && alias conn='docker run ")  # run by the nightly tests
