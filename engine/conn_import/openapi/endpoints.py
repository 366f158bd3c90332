"""The endpoints that an OpenAPI document describes, for `conn drift --openapi`."""

from pathlib import Path

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.errors import ConfigurationError, UsageError
from conn_import import read_source
from conn_import.contract import Options, index_endpoints
from conn_import.openapi import import_document, recognizes

__all__ = ["read_endpoints"]


def read_endpoints(path: Path) -> dict[tuple[str, str], Endpoint]:
    """Return the endpoints by method and normalized path.

    Raises UsageError if the file is missing or not OpenAPI, and ConfigurationError if it describes no operations.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not a file", hint="pass the path of a document")
    source = read_source(path)
    if not recognizes(source.data):
        raise UsageError(
            f"{path.name} is not an OpenAPI document (it is {source.format.label})",
            hint="pass a document that starts with `openapi: 3.x` or `swagger: '2.0'`",
        )
    contract = import_document(source.data, Options(name="vendor"))
    if not contract.endpoints:
        raise ConfigurationError(f"{path.name} describes no operations", hint="pass a document with `paths`")
    return index_endpoints(contract)
