"""Find the place in the configuration that caused the error which ended a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName

__all__ = ["attach_finding"]


@contextmanager
def attach_finding(effective: "Effective", name: "OperationName") -> Iterator[None]:
    """Add the finding at the line of the configuration to an error, like `conn test`, unless the caller caused it."""
    from conn_engine.errors import ConfigurationError, ParameterError

    try:
        yield
    except ParameterError:
        raise
    except ConfigurationError as error:
        from conn_engine.runtime.places import error_finding

        finding = error_finding(effective, name, error, "")
        if not error.findings and finding.span is not None:
            error.findings = (finding,)
        raise
