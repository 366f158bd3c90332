"""Read YAML, JSON and Markdown documents with the place of every path, and write files atomically.

This package does not know what the data means: `config` has the models, merging and validation.
"""

from conn_engine.documents.document import Document, FencedBlock, Suppression
from conn_engine.documents.dump import dump_json, dump_yaml
from conn_engine.documents.files import (
    MAX_BYTES,
    WriteOptions,
    read_document,
    read_regular,
    remove_file,
    write_atomically,
    write_whole,
)
from conn_engine.documents.markdown import find_markdown_blocks
from conn_engine.documents.parse import Language, parse
from conn_engine.documents.paths import Path_, format_path, is_overlap, iterate_texts, parse_path

__all__ = [
    "MAX_BYTES",
    "Document",
    "FencedBlock",
    "Language",
    "Path_",
    "Suppression",
    "WriteOptions",
    "dump_json",
    "dump_yaml",
    "find_markdown_blocks",
    "format_path",
    "is_overlap",
    "iterate_texts",
    "parse",
    "parse_path",
    "read_document",
    "read_regular",
    "remove_file",
    "write_atomically",
    "write_whole",
]
