"""Write a run into a file, completely or not at all: JSON lines, CSV or Parquet, here or in object storage."""

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.syncs import DeliverStep
from conn_engine.syncs.planned_steps import check_file_format
from conn_service.delivery.object_storage import open_object_storage
from conn_service.syncs.destinations.batches import Spooled
from conn_service.syncs.destinations.faults import DestinationBusyError, DestinationError

__all__ = ["find_path", "write_file"]

_DELETED = "_deleted"
_BATCH = 50_000
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def write_file(step: DeliverStep, spooled: Spooled, folder: Path) -> int:
    """Write the rows of a run, and return how many.

    A path that ends with `/` gets a file per run. Another path is replaced, so it only takes a run that contains
    everything.
    """
    target = step.to
    if target.endswith("/"):
        name = re.sub(r"[^A-Za-z0-9._-]", "-", spooled.run.id)
        target = f"{target}{name}.jsonl"
    elif spooled.is_partial:
        raise DestinationError(
            f"the run contains only what has changed, and {target} would lose the rest",
            hint=f"end the path with / for a file per run: file:{Path(target).stem}/; or run the sync with --full",
        )
    suffix = Path(target).suffix.lower()
    try:
        check_file_format(target)
    except ConfigurationError as error:
        raise DestinationError(error.message, hint=error.hint) from None
    if "://" in target:
        return _upload(target, suffix, spooled)
    return _write_local(find_path(folder, target), suffix, spooled)


def find_path(folder: Path, target: str) -> Path:
    """Return the path of a file. Raises DestinationError for a relative one that leads out of the folder."""
    path = (folder / target).resolve()
    if not path.is_relative_to(folder.resolve()) and not Path(target).is_absolute():
        raise DestinationError(f"{target} leads out of the workspace", hint="use a path without .., or an absolute one")
    return path


def _write_local(path: Path, suffix: str, spooled: Spooled) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                count = _write(file, suffix, spooled)
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise DestinationBusyError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="make room, or correct the permissions; the run continues by itself",
        ) from None
    return count


def _upload(target: str, suffix: str, spooled: Spooled) -> int:
    try:
        import obstore
    except ImportError:
        raise UsageError(
            "object storage needs obstore, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None
    base, _, name = target.rpartition("/")
    with tempfile.TemporaryFile() as file:
        count = _write(file, suffix, spooled)
        file.seek(0)
        try:
            obstore.put(open_object_storage(base), name, file)  # one object, visible when it is complete
        except ConfigurationError as error:
            raise DestinationError(error.message, hint=error.hint) from None
        except Exception as error:  # obstore has errors per provider
            raise DestinationBusyError(
                f"{target} cannot be written: {str(error).splitlines()[0][:200]}",
                hint="check the address and the credentials of the storage; the run continues by itself",
            ) from None
    return count


def _write(file: IO[bytes], suffix: str, spooled: Spooled) -> int:
    if suffix == ".csv":
        return _write_csv(file, spooled)
    if suffix == ".parquet":
        return _write_parquet(file, spooled)
    count = 0
    for record in _records(spooled):
        file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


def _records(spooled: Spooled) -> Iterator[Any]:
    for row, record in spooled.read():
        if row.change == "delete":
            yield {spooled.key or "id": row.key, _DELETED: True}
        else:
            yield record


def _write_csv(file: IO[bytes], spooled: Spooled) -> int:
    """Write a table whose columns are the fields of all records; nested values are JSON.

    A text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    columns: dict[str, None] = {}
    for record in _records(spooled):
        columns |= dict.fromkeys(record if isinstance(record, dict) else ["value"])
    with os.fdopen(os.dup(file.fileno()), "w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(columns))
        writer.writerow({name: _to_cell(name) for name in columns})
        count = 0
        for record in _records(spooled):
            fields = record if isinstance(record, dict) else {"value": record}
            writer.writerow({name: _to_cell(value) for name, value in fields.items()})
            count += 1
    return count


def _to_cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_DANGEROUS) else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


def _write_parquet(file: IO[bytes], spooled: Spooled) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "Parquet files need pyarrow, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None
    from conn_service.syncs.loading.columns import build_table, find_columns

    columns = find_columns(record for record in _records(spooled))
    schema = pa.schema(list(columns.items()))
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in spooled.read_batches(_BATCH):
            records = [
                {spooled.key or "id": row.key, _DELETED: True} if row.change == "delete" else record
                for row, record in batch
            ]
            writer.write_table(build_table(records, columns))
            count += len(records)
    return count
