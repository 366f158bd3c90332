"""Claim check: the data of a large event goes into a folder or object storage, and the event has a reference to it."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from conn_engine.config.delivery_models import ClaimCheck
from conn_engine.errors import ConfigurationError
from conn_engine.listing.incremental.durations import parse_duration
from conn_service.delivery.object_storage import open_object_storage

__all__ = ["ClaimStore", "ClaimStoreError", "DataDraft", "StoredData"]

REFERENCE = "data_reference"
"""The key of an event that has a reference instead of `data`."""
_SUFFIX = ".json"
_PREFIX = "evt_"
_MEMORY = 1 << 20


class ClaimStoreError(ConfigurationError):
    """The storage for the data of large events does not take it, or cannot be opened."""


@dataclass(frozen=True, slots=True)
class StoredData:
    """What identifies the data of an event in a store: its size in bytes, and the SHA-256 of its content."""

    size: int
    sha256: str

    @classmethod
    def from_content(cls, content: bytes) -> "StoredData":
        """Return what identifies a content."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class ClaimStore:
    """Stores the data of events with a body of more than `above` bytes. `address` is a URL, or the path of a folder;
    URLs of the data are `valid` for some time if the storage can sign them."""

    address: str
    above: int
    valid: timedelta

    @classmethod
    def of_endpoint(cls, settings: ClaimCheck | None, folder: Path) -> "ClaimStore | None":
        """Return the store of an endpoint, None if it has none; a relative path starts at `folder`. Raises
        ConfigurationError for an invalid duration."""
        if settings is None:
            return None
        try:
            valid = parse_duration(settings.expires).about
        except ValueError as error:
            raise ConfigurationError(f"claim_check.expires: {error}", hint="write it as PT12H or P1D") from None
        address = settings.store if "://" in settings.store else str((folder / settings.store).resolve())
        return cls(address, settings.above, valid)

    def store_data(self, event_id: str, content: bytes | IO[bytes]) -> None:
        """Store the data of an event: all of it, or nothing. Data that is stored already is replaced. Raises
        ClaimStoreError."""
        obstore = _import_obstore()
        try:
            obstore.put(_open(self.address), _name(event_id), content)
            if "://" not in self.address:
                _flush(Path(self.address) / _name(event_id))
        except Exception as error:  # obstore has errors per provider
            raise self._translate(error) from None

    def refer(self, event_id: str, stored: StoredData, now: float) -> dict[str, Any]:
        """Return the reference to stored data, for a receiver: `url`, `size`, `sha256`, and `expires_at` if the URL is
        signed. Raises ClaimStoreError."""
        obstore, store = _import_obstore(), _open(self.address)
        reference = {"url": self._locate(_name(event_id)), "size": stored.size, "sha256": stored.sha256}
        if not isinstance(store, (obstore.store.S3Store, obstore.store.GCSStore, obstore.store.AzureStore)):
            return reference
        try:
            url = obstore.sign(store, "GET", _name(event_id), self.valid)
        except Exception as error:  # as above
            raise self._translate(error) from None
        end = datetime.fromtimestamp(now, UTC) + self.valid
        return {**reference, "url": url, "expires_at": end.isoformat(timespec="seconds").replace("+00:00", "Z")}

    def replace_data(self, event_id: str, body: bytes, now: float) -> bytes:
        """Return a body with a reference instead of its data, which is stored. Raises ClaimStoreError."""
        event = json.loads(body)
        content = json.dumps(event.pop("data"), ensure_ascii=False, separators=(",", ":")).encode()
        self.store_data(event_id, content)
        return self.add_reference(event_id, event, StoredData.from_content(content), now)

    def add_reference(self, event_id: str, event: dict[str, Any], stored: StoredData, now: float) -> bytes:
        """Return the body of an event whose data is stored. Raises ClaimStoreError."""
        event[REFERENCE] = self.refer(event_id, stored, now)
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()

    def find_stored_before(self, moment: float) -> Iterator[str]:
        """Yield the IDs of events whose data was stored before a moment, in Unix seconds. Raises ClaimStoreError."""
        obstore = _import_obstore()
        before = datetime.fromtimestamp(moment, UTC)
        try:
            for part in obstore.list(_open(self.address), chunk_size=1000):
                for row in part:
                    name = row["path"]
                    if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and row["last_modified"] < before:
                        yield name.removesuffix(_SUFFIX)
        except Exception as error:  # as above
            raise self._translate(error) from None

    def remove(self, event_ids: Collection[str]) -> None:
        """Remove the data of events. Raises ClaimStoreError."""
        obstore = _import_obstore()
        try:
            obstore.delete(_open(self.address), [_name(event_id) for event_id in event_ids])
        except Exception as error:  # as above
            raise self._translate(error) from None

    def _locate(self, name: str) -> str:
        if "://" in self.address:
            return f"{self.address.rstrip('/')}/{name}"
        return (Path(self.address) / name).as_uri()

    def _translate(self, error: Exception) -> ConfigurationError:
        if isinstance(error, ConfigurationError):
            return error
        lines = str(error).splitlines() or [type(error).__name__]
        return ClaimStoreError(
            f"the data of a large event cannot be stored in {self.address}: {lines[0][:200]}",
            hint="check the address in claim_check.store and the credentials of the storage",
        )


@dataclass(slots=True)
class DataDraft:
    """A list of records that is written row by row, and is on the disk if it is long. Use it as a context manager."""

    _file: IO[bytes] = field(default_factory=partial(SpooledTemporaryFile, max_size=_MEMORY))
    _hash: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    rows: int = 0

    def __enter__(self) -> "DataDraft":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, payload: str) -> None:
        """Add a record, as JSON text."""
        self._write((b"," if self.rows else b"[") + payload.encode())
        self.rows += 1

    def finish(self) -> tuple[IO[bytes], StoredData]:
        """End the list. Return its content, to be read from the start, and what identifies it."""
        self._write(b"]" if self.rows else b"[]")
        self._file.seek(0)
        return self._file, StoredData(self.size, self._hash.hexdigest())

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._hash.update(content)
        self.size += len(content)


def _import_obstore() -> Any:
    """Return the library. Raises ClaimStoreError if it is not installed."""
    try:
        import obstore
        import obstore.store
    except ImportError:
        raise ClaimStoreError(
            "claim_check needs obstore, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None
    return obstore


@lru_cache(16)
def _open(address: str) -> Any:
    """Return the store of obstore at an address. Raises ClaimStoreError."""
    stores = _import_obstore().store
    try:
        if "://" in address:
            return open_object_storage(address)
        path = Path(address)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return stores.LocalStore(path)
    except ConfigurationError as error:
        raise ClaimStoreError(error.message, hint=error.hint) from None
    except Exception as error:  # obstore has errors per provider
        lines = str(error).splitlines() or [type(error).__name__]
        raise ClaimStoreError(
            f"claim_check.store {address} cannot be opened: {lines[0][:200]}",
            hint="name a folder, or a URL such as s3://bucket/events",
        ) from None


def _flush(path: Path) -> None:
    """Write a file to the disk, so that it is there after the power was lost."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _name(event_id: str) -> str:
    return f"{event_id}{_SUFFIX}"
