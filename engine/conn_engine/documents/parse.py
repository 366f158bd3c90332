"""Parse text to a `Document`: choose the syntax, `json_text` or `yaml_text`, which are imported when first needed."""

import re
from typing import Literal

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents.document import Document
from conn_engine.documents.faults import SourceText, fail
from conn_engine.documents.limits import MAX_BYTES, MAX_NODES

__all__ = ["Language", "parse"]

Language = Literal["json", "yaml"]
_JSON_SUFFIXES = (".json", ".har", ".sarif")
_CONFLICT = re.compile(r"^(<{7} [^\n]*)\n(?:(?!<{7} )[^\n]*\n)*?>{7} ", re.MULTILINE)


def parse(
    text: str,
    file: str,
    *,
    language: Language | None = None,
    first_line: int = 1,
    indent: int = 0,
    max_bytes: int = MAX_BYTES,
    max_nodes: int = MAX_NODES,
    repeated: list[Diagnostic] | None = None,
) -> Document:
    """Parse a YAML or JSON text. `file` is its name in messages, and its extension sets the language unless `language`
    is given.

    YAML follows the 1.2 core schema: keys are strings as written, duplicate keys and merge keys are errors, and size,
    depth and aliases are limited. JSON inside a YAML file is read as JSON. `first_line` and `indent` are those of a
    `FencedBlock`. With `repeated`, the last of duplicate keys is used, as in PyYAML, and their findings are added to
    the list. `max_bytes` and `max_nodes` (of YAML) raise the limits for documents from outside the workspace, such as a
    vendor's. Raises ConfigurationError with findings (DOC002 to DOC009, DOC190) that have a place and a fix.
    """
    text = text.removeprefix("\ufeff")
    origin = SourceText(file, text, first_line, indent, repeated)
    if len(text) > max_bytes:
        origin.fail("DOC005", f"the document is larger than {max_bytes // 2**20} MiB")
    if "<<<<<<< " in text:
        _refuse_conflicts(origin)
    strict = language == "json" or (language is None and file.lower().endswith(_JSON_SUFFIXES))
    if strict or text.lstrip()[:1] in ("{", "["):
        from conn_engine.documents import json_text

        try:
            data = json_text.load(origin)
        except json_text.JsonSyntaxError as fault:
            if strict:
                fault.report(origin)
        else:
            return Document(file, text, data, lambda: json_text.find_places(text), first_line, indent, False)
    from conn_engine.documents import yaml_text

    data, place = yaml_text.load(origin, max_nodes=max_nodes)
    return Document(file, text, data, lambda: place, first_line, indent)


def _refuse_conflicts(origin: SourceText) -> None:
    """Raise ConfigurationError for each marked conflict that a merge has left in the text."""
    conflicts = [
        origin.build_finding(
            "DOC190",
            "this conflict of a merge is not resolved",
            match.start(1),
            match.end(1),
            hint="write the lines that are right between <<<<<<< and >>>>>>>, and delete the marks",
        )
        for match in _CONFLICT.finditer(origin.text)
    ]
    if conflicts:
        fail(conflicts)
