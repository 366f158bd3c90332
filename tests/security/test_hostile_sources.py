"""A Git repository of an attacker, and addresses of one: nothing of it runs, and git gets no option of theirs."""

import launching
import pytest
from submission import commit, create_repository, run_git

from conn_engine.errors import ConnError, UsageError
from conn_engine.updates.git_sources import fetch_files, parse_git_source


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "author"
    (folder / "unified").mkdir(parents=True)
    (folder / "connector.yaml").write_text("base_url: https://api.shop.example\nresources: {}\n")
    (folder / "README.md").write_text("# Shop\n")
    return create_repository(tmp_path / "repository", folder)


@pytest.mark.parametrize(
    "address",
    [
        "git+ext::sh -c touch% ran",
        "git+ext::sh@main#shop",
        "git+http://git.example.com/x",
        "git+https://-oProxyCommand=touch/x",
        "git+ssh://-oProxyCommand=touch%20ran/x",
        "git+https://user:token@git.example.com/x",
        "git+https://token@git.example.com/x",
        "git+file://host/x",
        "git+file:///tmp/../etc",
        "git+https://git.example.com/x@--upload-pack=touch",
        "git+https://git.example.com/x@-u",
        "git+https://git.example.com/x@a..b",
        "git+https://git.example.com/x@a:b",
        "git+https://git.example.com/x@main#../../etc",
        "git+https://git.example.com/x@main#/etc",
        "git+https://git.example.com/x@main#:(exclude)a",
        "git+https://git.example.com/x@main#-a",
        "git+https://git.example.com/x\n@main",
        "git+--upload-pack=touch",
        "git+",
        "https://git.example.com/x",
    ],
)
def test_addresses_that_git_could_understand_differently_are_refused(address):
    with pytest.raises(UsageError) as caught:
        parse_git_source(address)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("git+https://git.example.com/team/x@v1.2#shop", ("https://git.example.com/team/x", "v1.2", "shop")),
        ("git+ssh://git@git.example.com:22/x", ("ssh://git@git.example.com:22/x", "", "")),
        ("git+file:///srv/x@feature/a#b/openapi.yaml", ("file:///srv/x", "feature/a", "b/openapi.yaml")),
    ],
)
def test_an_address_has_a_url_a_revision_and_a_path(address, parts):
    source = parse_git_source(address)
    assert (source.url, source.revision, source.path) == parts


def test_only_regular_files_of_a_connector_are_read(repository):
    source = parse_git_source(f"git+file://{repository}@main#shop")
    assert sorted(fetch_files(source).files) == ["README.md", "connector.yaml"]
    (repository / "shop" / "run.sh").write_text("touch ran\n")
    commit(repository, "foreign")
    with pytest.raises(UsageError, match=r"run\.sh: it is not a file of a connector"):
        fetch_files(source)


@pytest.mark.parametrize("name", ["unified/crm.yaml", "README.md"])
def test_a_link_is_refused(repository, name):
    path = repository / "shop" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("../../../../etc/passwd")
    commit(repository, "link")
    with pytest.raises(UsageError, match="is a link"):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))


def test_a_submodule_is_refused_and_never_fetched(repository, tmp_path):
    inner = create_repository(tmp_path / "inner", repository / "shop")
    run_git(repository, "submodule", "add", "-q", f"file://{inner}", "shop/unified")
    commit(repository, "submodule")
    (repository / "shop" / ".gitmodules").unlink(missing_ok=True)
    with pytest.raises(UsageError, match=r"is a submodule"):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))


def test_hooks_and_settings_of_the_machine_do_not_run(repository, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-merge", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[init]\n\ttemplateDir = {tmp_path / 'template'}\n[protocol]\n\tallow = always\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))
    assert not ran.exists()


def test_a_settings_file_of_the_machine_does_not_allow_another_protocol(repository, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[protocol]\n\tallow = always\n[url "ext::sh -c touch% {ran}% #"]\n\tinsteadOf = file://{repository}\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with pytest.raises(ConnError):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))
    assert not ran.exists()


def test_a_repository_that_is_too_large_is_not_written_to_disk(repository, monkeypatch):
    monkeypatch.setattr("conn_engine.analysis.impact.git._FETCH_BYTES", 50_000)
    noise = launching.run(["head", "-c", "300000", "/dev/urandom"], capture_output=True, check=True).stdout
    (repository / "large.bin").write_bytes(noise)
    commit(repository, "large")
    with pytest.raises(UsageError, match="git cannot fetch"):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))


def test_too_many_bytes_of_a_connector_are_refused(repository, monkeypatch):
    monkeypatch.setattr("conn_engine.updates.git_sources.MAX_BYTES", 10)
    with pytest.raises(UsageError, match="is larger than"):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))


def test_the_list_of_a_tree_that_contains_itself_many_times_is_not_read_completely(repository, monkeypatch):
    monkeypatch.setattr("conn_engine.updates.git_sources._MOST_LISTED", 1_000)
    tree = run_git(repository, "rev-parse", "HEAD^{tree}").strip()
    for _ in range(2):
        rows = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
        made = launching.run(["git", "mktree"], cwd=repository, input=rows, capture_output=True, check=True, text=True)
        tree = made.stdout.strip()
    bomb = run_git(repository, "commit-tree", tree, "-m", "100 folders of one object").strip()
    run_git(repository, "update-ref", "refs/heads/main", bomb)
    with pytest.raises(UsageError, match=r"has more than 2,000 files"):
        fetch_files(parse_git_source(f"git+file://{repository}@main"))


def test_a_fetch_that_takes_too_long_is_stopped_with_what_it_started(repository, monkeypatch):
    monkeypatch.setattr("conn_engine.analysis.impact.git._FETCH_SECONDS", 0.001)
    with pytest.raises(ConnError, match="has not finished"):
        fetch_files(parse_git_source(f"git+file://{repository}@main#shop"))


@pytest.mark.parametrize("revision", ["absent", "0" * 40])
def test_an_unknown_revision_is_explained(repository, revision):
    with pytest.raises(UsageError, match="git cannot fetch") as caught:
        fetch_files(parse_git_source(f"git+file://{repository}@{revision}#shop"))
    assert "a branch, a tag" in caught.value.hint
