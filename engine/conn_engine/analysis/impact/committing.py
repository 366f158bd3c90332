"""Commit one file of a workspace, without running a program that the repository configures, and without other changes.

The tree of the new commit is that of the last one with the file's present content. Hooks, filters and signatures are
not used.
"""

from pathlib import Path

from conn_engine.analysis.impact.git import ask_git, change_git, find_prefix
from conn_engine.documents.files import MAX_BYTES, read_regular
from conn_engine.errors import ConfigurationError

__all__ = ["commit_file"]

_USUAL_MODE = "100644"


def commit_file(root: Path, name: str, message: str) -> str:
    """Commit the present content of the file `name` below `root` on top of HEAD, and return the commit's ID.

    What is staged for other files stays staged. Raises UsageError if `root` is not in a repository, and
    ConfigurationError if git refuses.
    """
    path = find_prefix(root) + name
    message = message.replace("\0", "").strip()
    if not message:
        raise ConfigurationError("the commit has no message", hint="write what the change is for")
    head = ask_git(root, ["rev-parse", "--verify", "-q", "HEAD^{commit}"])
    if not head:
        raise ConfigurationError("the repository has no commit yet", hint="commit it yourself: git commit")
    blob = _ask(root, "hash-object", "-w", "--no-filters", "--stdin", given=read_regular(root / name, MAX_BYTES))
    mode = _find_mode(root, head, path)
    tree = _replace(root, f"{head}^{{tree}}", path.split("/"), mode, blob)
    commit = _ask(root, "commit-tree", tree, "-p", head, given=f"{message}\n".encode("utf-8", "replace"))
    _ask(root, "update-ref", "-m", f"commit: {message.splitlines()[0]}", "HEAD", commit, head)
    ask_git(root, ["update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}"])  # another git may hold the index
    return commit


def _find_mode(root: Path, head: str, path: str) -> str:
    row = _ask(root, "ls-tree", "-z", "--full-tree", head, "--", path)
    mode = row.partition(" ")[0] if row else _USUAL_MODE
    if not mode.startswith("100"):
        raise _refuse(path, "file")
    return mode


def _replace(root: Path, tree: str, parts: list[str], mode: str, blob: str) -> str:
    """Return a tree with another content of one file."""
    name, *rest = parts
    rows = [row for row in _ask(root, "ls-tree", "-z", "--full-tree", tree).split("\0") if row]
    kept = [row for row in rows if row.partition("\t")[2] != name]
    row = f"{mode} blob {blob}\t{name}"
    if rest:
        known = next((row.split() for row in rows if row.partition("\t")[2] == name), None)
        if known is not None and known[1] != "tree":  # a folder in its place would not have the other files
            raise _refuse(name, "folder")
        inner = known[2] if known is not None else _ask(root, "mktree", "-z")
        row = f"040000 tree {_replace(root, inner, rest, mode, blob)}\t{name}"
    entries = "".join(f"{one}\0" for one in (*kept, row))
    return _ask(root, "mktree", "-z", given=entries.encode("utf-8", "surrogateescape"))


def _refuse(name: str, kind: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is not a {kind} in the last commit, but perhaps a link", hint="commit it yourself: git commit"
    )


def _ask(root: Path, *arguments: str, given: bytes = b"") -> str:
    return change_git(root, arguments, given=given).decode("utf-8", "surrogateescape").strip("\n")
