"""Open object storage by its URL. The URL of a web server is refused: it would get records without the egress check."""

from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["open_object_storage"]


def open_object_storage(url: str) -> Any:
    """Return the store of obstore for a URL such as `s3://bucket/folder`. Raises ConfigurationError for the URL of a
    web server and for storage that ends with the process, and the errors of obstore."""
    from obstore.store import HTTPStore, MemoryStore, from_url

    store = from_url(url)
    if isinstance(store, HTTPStore | MemoryStore):
        kind = "a web server" if isinstance(store, HTTPStore) else "the memory of the process"
        raise ConfigurationError(
            f"{url} is {kind}, not object storage",
            hint="name a bucket, such as s3://bucket/folder; a web server receives events: emit: { type: webhook, "
            "endpoint: URL }",
        )
    return store
