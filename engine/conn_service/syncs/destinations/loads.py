"""Load a run into tables with dlt: DuckDB, Postgres, or any other of its destinations.

Records are merged by key, the newest last, and deleted ones are removed. A load that was interrupted can be repeated.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.syncs import DeliverStep
from conn_service.syncs.destinations.batches import Spooled
from conn_service.syncs.destinations.faults import DestinationBusyError, DestinationError
from conn_service.syncs.destinations.files import find_path

__all__ = ["load_tables"]

_BATCH = 100_000
_DATASET = "conn"
_KEY = "_key"
_SEQ = "_seq"
_DELETED = "_deleted"
_USER: Final = re.compile(r"://[^/\s@]*@")
"""The user and the password in an address."""


def load_tables(step: DeliverStep, spooled: Spooled, folder: Path) -> int:
    """Merge the rows of a run into a table, and return how many.

    The table has the fields of the records, and three of its own: `_key`, `_seq` and `_deleted`, by which rows are
    merged. Nested values are JSON.
    """
    dlt = _import_dlt()
    destination, dataset = _find_destination(dlt, step, folder)
    count = 0
    with tempfile.TemporaryDirectory(prefix="conn-load-") as place:  # nothing of dlt's own state is needed later
        pipeline = dlt.pipeline(
            pipeline_name=f"conn_{_to_identifier(spooled.run.sync)}",
            destination=destination,
            dataset_name=dataset,
            pipelines_dir=place,
        )
        for batch in spooled.read_batches(_BATCH):
            _run(pipeline, _to_resource(dlt, step, spooled, batch), step, spooled.run.id)
            count += len(batch)
    return count


def _import_dlt() -> Any:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    try:
        import dlt
    except ImportError:
        raise UsageError(
            "tables need dlt, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None
    return dlt


def _find_destination(dlt: Any, step: DeliverStep, folder: Path) -> tuple[Any, str]:
    if step.type == "dlt":
        name, _, dataset = step.to.partition("/")
        known = sorted(dlt.destinations.__all__)
        if name not in known or name == "destination":  # dlt would import another name as a module
            hint = did_you_mean(name, known) or "use the name of a destination of dlt, such as postgres"
            raise DestinationError(f'dlt has no destination "{name}"', hint=hint)
        return getattr(dlt.destinations, name), dataset or _DATASET
    path = find_path(folder, step.to)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DestinationBusyError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}", hint="correct the permissions"
        ) from None
    dataset = f"{_DATASET}_data" if path.stem == _DATASET else _DATASET  # DuckDB confuses a schema with the file
    return dlt.destinations.duckdb(str(path)), dataset


def _to_resource(dlt: Any, step: DeliverStep, spooled: Spooled, batch: list[Any]) -> Any:
    from conn_service.syncs.destinations.columns import build_table, find_columns

    rows = list(_to_rows(spooled, batch))
    table = build_table(rows, find_columns(rows))
    return dlt.resource(
        table,
        name=_to_identifier(step.table or spooled.run.sync),
        primary_key=_KEY,
        write_disposition="merge",
        columns={
            _KEY: {"data_type": "text", "nullable": False},
            _SEQ: {"data_type": "bigint", "dedup_sort": "desc"},
            _DELETED: {"data_type": "bool", "hard_delete": True},
        },
        max_table_nesting=0,
    )


def _to_rows(spooled: Spooled, batch: list[Any]) -> Iterator[dict[str, Any]]:
    for row, record in batch:
        own = {_KEY: row.key, _SEQ: row.seq * 1_000_000 + row.n, _DELETED: row.change == "delete"}
        if row.change == "delete":
            yield own
        else:
            yield {**(record if isinstance(record, dict) else {"value": record}), **own}


def _run(pipeline: Any, resource: Any, step: DeliverStep, run_id: str) -> None:
    try:
        pipeline.run(resource)
    except Exception as error:  # dlt wraps the errors of each destination in its own
        inner = _find_cause(error)
        lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
        reason = _USER.sub("://", lines[0] if lines else type(error).__name__)[:300]
        message = f"the destination does not take the records: {reason}"
        if _is_passing(reason):
            hint = "close what has the file open" if step.type == "duckdb" else "check that it runs, and its address"
            raise DestinationBusyError(message, hint=f"{hint}; the run continues by itself") from None
        fix = _suggest_fix(inner, reason, step)
        raise DestinationError(message, hint=f"{fix}, then repeat the delivery: conn sync retry {run_id}") from None


def _find_cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _suggest_fix(error: BaseException, reason: str, step: DeliverStep) -> str:
    """Return how to correct what a destination needs: its libraries, its settings, or something else."""
    name = step.to.partition("/")[0]
    if step.type == "dlt" and isinstance(error, ImportError):
        return f"install what it needs, pip install 'dlt[{name}]'"
    if step.type == "dlt" and "in configuration" in reason:
        return f"set the variable DESTINATION__{name.upper()}__CREDENTIALS"
    return "correct the destination"


def _is_passing(reason: str) -> bool:
    lower = reason.lower()
    return any(words in lower for words in ("lock", "timeout", "timed out", "connection", "no space", "disk full"))


def _to_identifier(name: str) -> str:
    text = "".join(char if char.isalnum() else "_" for char in name.lower())
    return text if text[:1].isalpha() else f"t_{text}"
