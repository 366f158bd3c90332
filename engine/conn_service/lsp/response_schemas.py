"""The schema of what a vendor returns, from an imported contract: what its records may have in addition."""

import re
from collections.abc import Sequence

from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError
from conn_engine.runtime.unified import find_operation_behind
from conn_service.lsp.schema_nodes import SchemaNodes

__all__ = ["find_response_nodes"]

_PLAIN_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def find_response_nodes(effective: Effective, names: Sequence[OperationName], *, of_record: bool) -> SchemaNodes | None:
    """Return the schema of the response of the first operation that has one, or of a record in it.

    None if no operation has one, or if its records are not at a plain path.
    """
    for name in names:
        try:
            operation = find_operation_behind(effective, name)
            declared = None if operation is None else operation.response_schema
            schema = effective.schemas.find_schema(declared, "response_schema")
        except ConnError:  # lint reports it
            continue
        if operation is None or schema is None:
            continue
        nodes = SchemaNodes.from_schema(schema, None)
        path = operation.response_path
        if not of_record or not path:
            return nodes
        return nodes.follow_names(path.split(".")) if _PLAIN_PATH.fullmatch(path) else None
    return None
