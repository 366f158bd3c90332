"""The Dockerfile, built on a stand-in for its base image, and the README's alias of the container."""

import os
import re
import shutil
from pathlib import Path

import launching
import pytest
from processes import cache

pytestmark = pytest.mark.nightly  # a base image and two stages: a minute or two

ROOT = Path(__file__).resolve().parents[2]
WHY = "apt-get install buildah podman runc mmdebstrap, and run as root."
ALIAS = re.search(r"alias conn='(docker run .*)'$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PLANTED = ("connectors/hubspot/.env.planted", "connectors/hubspot/token.local.yaml", ".env")


def call(*words, **more):
    done = launching.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}, **more,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The options of a store of images of its own. It is large, so it is removed at once."""
    folder = tmp_path_factory.mktemp("store")
    yield "--storage-driver", "vfs", "--root", folder / "root", "--runroot", folder / "run"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(store, tmp_path_factory):
    """Build the image from a copy of the project with planted secrets."""
    buildah, podman, bootstrap = (cache.tool(name, WHY) for name in ("buildah", "podman", "mmdebstrap"))
    with cache.installed("debian-base-trixie") as (folder, complete):
        if not complete:
            packages = "--include=python3,python3-venv,ca-certificates"
            call(bootstrap, "--quiet", "--variant=minbase", packages, "trixie", folder / "base.tar")
    call(podman, *store, "import", "--quiet", folder / "base.tar", "localhost/base:trixie")
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(
        ROOT, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv", ".git", "tests", ".*_cache")
    )
    for name in PLANTED:
        (project / name).write_text("token: planted-secret-value\n", encoding="utf-8")
    limits = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=20000:20000")
    here = ("--network", "host", "--isolation", "chroot", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro")
    base = ("--pull=never", "--build-arg", "BASE=localhost/base:trixie")
    call(buildah, *store, "build", *here, *limits, *base, "-t", "conn", project)
    return "localhost/conn"


@pytest.fixture
def run(store, image):
    """Run a program of the image, without a network."""

    def execute(*words, entry="conn"):
        cache.tool("runc", WHY)
        start = ("podman", "--runtime", "runc", *store, "run", "--rm", "--pull=never", "--network", "none")
        return call(*start, "--entrypoint", entry, image, *words)

    return execute


def test_the_command_is_the_entry_point(store, image):
    start = ("podman", "--runtime", "runc", *store, "run", "--rm", "--pull=never", "--network", "none")
    assert re.fullmatch(r"conn \d+\.\d+\.\d+\n", call(*start, image, "--version"))


def test_it_does_not_run_as_root(run):
    assert run("-u", entry="id") == "10001\n"


def test_no_secret_of_the_folder_is_in_the_image(run):
    script = "grep -rl planted-secret-value /opt /home /work /usr/local || echo none; ls -A /work"
    assert run("-c", script, entry="sh") == "none\n"


def test_it_is_small(run):
    assert int(run("-sm", "/opt/conn", entry="du").split()[0]) < 150
    assert run("-c", "ls /opt/conn/bin/pip /src 2>/dev/null || echo none", entry="sh") == "none\n"


def test_the_alias_of_the_readme_works_in_the_folder_of_a_user(store, image, tmp_path):
    os.chown(tmp_path, 1234, 1234)
    options = " ".join(map(str, store))
    docker = f'docker() {{ shift; podman --runtime runc {options} run --pull=never --network none "$@"; }}'
    alias = ALIAS.replace("$(id -u):$(id -g)", "1234:1234")
    commands = "conn init tour --example && cd tour && conn test contacts.list"
    assert "operation" in call("bash", "-ec", f'{docker}; conn() {{ {alias} "$@"; }}; cd {tmp_path} && {commands}')
    assert (tmp_path / "tour" / "conn.yaml").stat().st_uid == 1234
