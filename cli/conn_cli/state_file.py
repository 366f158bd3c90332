"""The file of `conn run --state`, which has the state that an incremental operation resumes from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName

__all__ = ["StateFile"]


class StateFile:
    """A file with `{operation, account, state}`. A state alone, such as `{"cursor": "2024-01-01"}`, can be read too."""

    def __init__(self, app: App, text: str, effective: "Effective", name: "OperationName") -> None:
        """Raise UsageError for an operation that is not incremental."""
        self._app = app
        self.shown = text
        self._path: Path = app.folder / text
        self._owner = {"operation": name.text, "account": effective.account}
        _check_incremental(effective, name)

    def read(self) -> Any:
        """Return the state, or None if there is no file yet.

        Raises ConfigurationError if the file is not JSON, and UsageError for the state of another operation or account.
        """
        from conn_engine.documents import read_document

        if not self._path.exists():
            return None
        data = read_document(self._path, self.shown, language="json").data
        if not isinstance(data, Mapping) or "state" not in data:
            return data
        for key, value in self._owner.items():
            if data.get(key) not in (None, value):
                raise UsageError(
                    f'{self.shown} has the state of the {key} "{data[key]}", not of "{value}"',
                    hint="use a separate file for each operation and account",
                )
        return data["state"]

    def write(self, state: Any) -> None:
        """Write the state completely, after its records are written. None leaves the file unchanged."""
        from conn_engine.documents import write_whole

        if state is None:
            return
        self._app.flush()
        data = {**self._owner, "state": state}
        write_whole(self._path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _check_incremental(effective: "Effective", name: "OperationName") -> None:
    from conn_engine.runtime.unified import find_operation_behind

    operation = find_operation_behind(effective, name)
    if operation is not None and operation.incremental is None:
        raise UsageError(
            f'--state: "{name.text}" has no state, because it is not incremental',
            hint=f"set `incremental` in resources.{operation.text}, or omit --state",
        )
