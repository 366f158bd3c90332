"""Read and write a file of a workspace for an agent: nothing outside of it, nothing hidden, and no secret."""

import json
import re
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from conn_engine.config import Workspace
from conn_engine.config.literals import literal_secrets
from conn_engine.documents import parse, write_whole
from conn_engine.documents.files import check_writable, read_text
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_engine.lint import lint_workspace
from conn_engine.reports import describe_findings
from conn_engine.secrets import REDACTED
from conn_engine.secrets.shapes import find_shapes, locate_shapes
from conn_service.authoring.results import describe_error

__all__ = ["main", "read_file", "write_file"]

MOST_BYTES = 1_000_000
_SUFFIXES = (".yaml", ".yml", ".json", ".md")
_OF_THE_USER: Mapping[str, str] = {
    "conn.yaml": "it decides which variables and hosts the workspace may use",
    "agents.md": "it instructs agents",
    "claude.md": "it instructs agents",
    "gemini.md": "it instructs agents",
}
"""The names, in lower case, of files that only the user changes, and why."""
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_LONGEST = 240
_LINES = 400
_LINE_BREAKS = "\n\r\t"


def main() -> None:
    """Answer the query on standard input, for the workspace in the current folder."""
    query = json.load(sys.stdin)
    try:
        if query["action"] == "read":
            result = read_file(Path.cwd(), query["path"], query["line"])
        else:
            result = write_file(Path.cwd(), query["path"], query["text"])
    except ConnError as error:
        result = describe_error(error)
    json.dump(result, sys.stdout)


def read_file(root: Path, name: str, line: int = 1) -> dict[str, Any]:
    """Return the lines of a file from one on, without secrets, or the names in a folder."""
    if name in (".", ""):
        return _list_folder(root, root)
    line, path = max(line, 1), _resolve(root, name)
    if path.is_dir():
        return _list_folder(root, path)
    _check_suffix(path.name)
    text = read_text(path, name, limit=MOST_BYTES * 8)
    lines = _remove_secrets(text, name).splitlines()
    end = min(len(lines), line - 1 + _LINES)
    return {"path": name, "lines": len(lines), "from": line, "to": end, "text": "\n".join(lines[line - 1 : end])}


def write_file(root: Path, name: str, text: str) -> dict[str, Any]:
    """Write a file completely or not at all, and return the findings of lint for it.

    Raises UsageError for a path that an agent may not write or for a text with a secret, and ConfigurationError if the
    text is not valid YAML or JSON.
    """
    path = _resolve(root, name)
    _check_suffix(path.name)
    _check_owner(name)
    _check_text(text)
    if path.is_dir():
        _refuse_path(name, "it is a folder")
    document = None if path.suffix == ".md" else parse(text, name)
    places = [".".join(map(str, place)) for place, _ in literal_secrets(document.data)] if document else []
    findings = []
    if document is not None:
        findings = list(lint_workspace(Workspace(root).with_texts({name: text}), [path]).findings)
        places += [finding.path for finding in findings if finding.code == "SEC101"]
    if places or find_shapes(text):
        where = f" at {places[0]}" if places else f": {find_shapes(text)[0]}"
        raise UsageError(
            f"{name} was not written: it contains a secret{where}",
            hint="read it as {{env.NAME}}, or declare a credential field; the user stores the value: conn auth login",
        )
    if path.exists():
        check_writable(path, name)
    write_whole(path, text, within=root, links=False)
    return {"written": name, "characters": len(text), "findings": [_describe(one) for one in findings]}


def _describe(finding: Any) -> Mapping[str, Any]:
    import msgspec

    (described,) = describe_findings([finding])
    data: dict[str, Any] = msgspec.to_builtins(described)
    return {key: data[key] for key in ("code", "severity", "message", "fix", "path", "span")}


def _resolve(root: Path, name: str) -> Path:
    """Return the path of a name such as connectors/shop/connector.yaml. Raises UsageError for any other form."""
    if len(name) > _LONGEST or any(unicodedata.category(sign)[0] == "C" for sign in name):
        _refuse_path(name[:60], "it is too long, or has signs that are not shown")
    parts = name.split("/")
    if "\\" in name or ":" in name or "" in parts or PurePosixPath(name).is_absolute():
        _refuse_path(name, "it is not relative to the workspace")
    for part in parts:
        if part.startswith(".") or part.endswith((".", " ")) or _DEVICE.fullmatch(part):
            _refuse_path(name, f'"{part}" is hidden, reserved or leads out of the workspace')
    path = root.joinpath(*parts)
    if path.resolve() != root.resolve().joinpath(*parts):
        _refuse_path(name, "a link leads elsewhere")
    return path


def _refuse_path(name: str, reason: str) -> NoReturn:
    raise UsageError(
        f'"{name}" cannot be used: {reason}', hint="use a path such as connectors/shop/connector.yaml, without links"
    )


def _check_suffix(name: str) -> None:
    if not name.endswith(_SUFFIXES):
        raise UsageError(f'"{name}" is not a document', hint=f"use a name that ends in {', '.join(_SUFFIXES)}")


def _check_owner(name: str) -> None:
    reason = _OF_THE_USER.get(PurePosixPath(name).name.lower())
    if reason is not None:
        raise UsageError(
            f'"{name}" was not written: only the user changes it, because {reason}',
            hint="propose the change to the user, and use the other documents",
        )


def _check_text(text: str) -> None:
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in _LINE_BREAKS for sign in text[:MOST_BYTES]):
        raise UsageError(
            "the text has binary or invisible signs", hint="remove control and formatting characters, or escape them"
        )
    if len(text) > MOST_BYTES or len(text.encode()) > MOST_BYTES:
        raise UsageError(f"the text is longer than {MOST_BYTES:,} bytes", hint="split it into several files")


def _list_folder(root: Path, folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ConfigurationError("there is no such folder", hint="list the workspace: path .")
    rows = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    names = [f"{entry.relative_to(root).as_posix()}{'/' if entry.is_dir() else ''}" for entry in rows]
    return {"folder": folder.relative_to(root).as_posix(), "entries": names}


def _remove_secrets(text: str, name: str) -> str:
    for start, end in reversed(locate_shapes(text)):
        text = f"{text[:start]}{REDACTED}{text[end:]}"
    try:
        secrets = (
            {secret for _, secret in literal_secrets(parse(text, name).data)} if not name.endswith(".md") else set()
        )
    except ConfigurationError:  # it is shown so that it can be corrected
        return text
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


if __name__ == "__main__":
    main()
