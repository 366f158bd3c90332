"""The JSON Schema of a unified record, as a file of the workspace or of the bundle: compiled, or refused."""

from pathlib import Path
from typing import Any

from conn_engine.diagnostics import diagnostic, did_you_mean
from conn_engine.documents import read, texts
from conn_engine.errors import ConfigurationError

__all__ = ["compiled_schema"]


def compiled_schema(path: Path, shown: str) -> Any:
    """A validator of the schema in a file, which people know as `shown`.

    Raises ConfigurationError for a file that cannot be read or is no JSON Schema, refers to another file (nothing is
    fetched from anywhere) or marks personal data by an unknown word.
    """
    import jsonschema_rs  # loaded only when a result is checked: it costs 20 ms

    from conn_engine.personal import KEYWORD, MARKS

    document = read(path, shown)
    for place, mark in texts(document.data):
        if place[-1:] == (KEYWORD,) and mark not in MARKS:
            message = f'{shown} marks personal data by "{mark}", which is not a mark'
            hint = did_you_mean(mark, list(MARKS)) or f"marks: {', '.join(MARKS)}"
            finding = diagnostic("CFG104", message, document.span(place), hint=hint)
            raise ConfigurationError(message, hint=hint, findings=[finding])
    try:
        return jsonschema_rs.validator_for(document.data, validate_formats=True, retriever=_refuse)
    except (ValueError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        message = f"{shown} is no JSON Schema that can be used: {said}"
        finding = diagnostic("CFG104", message, document.span(()), hint="a schema stands whole in its own file")
        raise ConfigurationError(message, hint=finding.hint, findings=[finding]) from None


def _refuse(address: str) -> Any:
    raise ValueError("nothing is fetched")
