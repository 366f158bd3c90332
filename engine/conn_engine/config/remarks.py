"""The keys of a configuration that are only for people. A mapped field or a parameter with the same name does not
count."""

from conn_engine.config.merge import Path_
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note

__all__ = ["is_remark"]


def is_remark(path: Path_) -> bool:
    """Return whether the value at the path is a description or similar text that does not affect any operation."""
    return find_note(Configuration, path).role == "remark"
