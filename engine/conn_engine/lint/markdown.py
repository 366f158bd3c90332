"""Lint the YAML and JSON blocks of Markdown files. A block whose first comment names a schema is validated."""

from pathlib import Path
from typing import Any, Literal, get_args

from conn_engine.config import DocumentKind, validate
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import Document, find_markdown_blocks, parse
from conn_engine.errors import ConfigurationError

__all__ = ["lint_markdown"]

MAX_BYTES = 8 * 1024 * 1024
KINDS: tuple[str, ...] = get_args(DocumentKind)


def lint_markdown(path: Path, file: str) -> tuple[list[Document], list[Diagnostic]]:
    """Return a Markdown file's `yaml` and `json` blocks that parse, and the findings at lines of the file.

    A block is validated as the kind of document that its language-server header or `$schema` names, or as a connector
    or an account if it has their keys. Other blocks only have to parse.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return [], [diagnostic("DOC005", "the file is larger than 8 MiB", Span(file), hint="split the file")]
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = "check the permissions of the file" if isinstance(error, OSError) else "save it as UTF-8"
        return [], [diagnostic("DOC001", f"cannot read {file}: {reason}", Span(file), hint=hint)]
    documents: list[Document] = []
    findings: list[Diagnostic] = []
    for block in find_markdown_blocks(text):
        if block.language not in ("yaml", "yml", "json"):
            continue
        language: Literal["json", "yaml"] = "json" if block.language == "json" else "yaml"
        try:
            document = parse(block.text, file, language=language, first_line=block.line, indent=block.indent)
        except ConfigurationError as error:
            findings += error.findings
            continue
        documents.append(document)
        kind = _detect_kind(document)
        if kind is not None:
            findings += validate(document, kind)
    return documents, findings


def _detect_kind(document: Document) -> Any:
    data = document.data
    if not isinstance(data, dict):
        return None
    head = f"{document.text.strip().splitlines()[0] if document.text.strip() else ''} {data.get('$schema', '')}"
    for kind in KINDS:
        if f"/{kind}.schema.json" in head:
            return kind
    if {"base_url", "resources"} <= data.keys():
        return "connector"
    if "connector" in data and ({"override", "environment", "context"} & data.keys()):
        return "account"
    return None
