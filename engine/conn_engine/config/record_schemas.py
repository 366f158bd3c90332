"""The JSON Schema of a unified record, as a file of the workspace or of the bundle: compiled, or refused."""

from pathlib import Path
from typing import Any

from conn_engine.diagnostics import diagnostic
from conn_engine.documents import read
from conn_engine.errors import ConfigurationError

__all__ = ["compiled_schema"]


def compiled_schema(path: Path, shown: str) -> Any:
    """A validator of the schema in a file, which people know as `shown`.

    Raises ConfigurationError for a file that cannot be read or is no JSON Schema, or refers to another file: nothing
    is fetched from anywhere.
    """
    import jsonschema_rs  # loaded only when a result is checked: it costs 20 ms

    document = read(path, shown)
    try:
        return jsonschema_rs.validator_for(document.data, validate_formats=True, retriever=_refuse)
    except (ValueError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        message = f"{shown} is no JSON Schema that can be used: {said}"
        finding = diagnostic("CFG104", message, document.span(()), hint="a schema stands whole in its own file")
        raise ConfigurationError(message, hint=finding.hint, findings=[finding]) from None


def _refuse(address: str) -> Any:
    raise ValueError("nothing is fetched")
