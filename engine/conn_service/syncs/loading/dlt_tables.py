"""Load rows into a table of Postgres or of any other destination of dlt: merged by key, the newest last, without
deleted ones. A load that was interrupted can be repeated."""

import os
from typing import Any

import pyarrow as pa

from conn_engine.diagnostics import did_you_mean
from conn_service.syncs.loading.failures import LoadFailedError, describe_failure
from conn_service.syncs.loading.messages import LoadReply, LoadRequest
from conn_service.syncs.loading.rows import DELETED, KEY, SEQ

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")

import dlt

__all__ = ["load_table"]


def load_table(request: LoadRequest, rows: pa.Table) -> None:
    """Merge rows into the table of a request. Raises LoadFailedError."""
    pipeline = dlt.pipeline(
        pipeline_name=request.pipeline,
        destination=_find_destination(request),
        dataset_name=request.dataset,
        pipelines_dir=request.folder,
    )
    resource = dlt.resource(
        rows,
        name=request.table,
        primary_key=KEY,
        write_disposition="merge",
        columns={
            KEY: {"data_type": "text", "nullable": False},
            SEQ: {"data_type": "bigint", "dedup_sort": "desc"},
            DELETED: {"data_type": "bool", "hard_delete": True},
        },
        max_table_nesting=0,
    )
    try:
        pipeline.run(resource)
    except Exception as error:  # dlt wraps the errors of each destination in its own
        raise LoadFailedError(_describe_failure(error, request)) from None


def _find_destination(request: LoadRequest) -> Any:
    known = sorted(dlt.destinations.__all__)
    if request.to not in known or request.to == "destination":  # dlt would import another name as a module
        hint = did_you_mean(request.to, known) or "use the name of a destination of dlt, such as postgres"
        raise LoadFailedError(LoadReply("lasting", f'dlt has no destination "{request.to}"', hint))
    return getattr(dlt.destinations, request.to)


def _describe_failure(error: Exception, request: LoadRequest) -> LoadReply:
    inner = _find_cause(error)
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    return describe_failure(
        reason,
        request.run_id,
        passing="check that it runs, and its address",
        lasting=_suggest_fix(inner, reason, request.to),
    )


def _find_cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _suggest_fix(error: BaseException, reason: str, name: str) -> str:
    """Return how to correct what a destination needs: its libraries or its settings; "" if it is something else."""
    if isinstance(error, ImportError):
        return f"install what it needs, pip install 'dlt[{name}]'"
    return f"set the variable DESTINATION__{name.upper()}__CREDENTIALS" if "in configuration" in reason else ""
