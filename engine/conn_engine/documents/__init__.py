"""Text of YAML, JSON and Markdown documents: data with the place of every path, and files written whole.

The face.

What the data means is not known here: models, merging and validation are `config`'s.
"""

from conn_engine.documents.document import Block, Document, Suppression
from conn_engine.documents.dump import dump_json, dump_yaml
from conn_engine.documents.files import MAX_BYTES, Placing, read, read_regular, remove_file, whole_file, write_whole
from conn_engine.documents.markdown import markdown_blocks
from conn_engine.documents.parse import Language, parse
from conn_engine.documents.paths import Path_, dotted, overlaps, texts, undotted

__all__ = [
    "MAX_BYTES",
    "Block",
    "Document",
    "Language",
    "Path_",
    "Placing",
    "Suppression",
    "dotted",
    "dump_json",
    "dump_yaml",
    "markdown_blocks",
    "overlaps",
    "parse",
    "read",
    "read_regular",
    "remove_file",
    "texts",
    "undotted",
    "whole_file",
    "write_whole",
]
