"""The keys of a configuration that only people read. A mapped field or a parameter of the same name is not one."""

from conn_engine.config.merge import Path_
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note

__all__ = ["is_remark"]


def is_remark(path: Path_) -> bool:
    """Whether the value at the path is a description or the like, on which nothing that an operation does depends."""
    return find_note(Configuration, path).role == "remark"
