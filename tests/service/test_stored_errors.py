"""Every error of the project survives what a queue or another process does with it."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from dbos._serialization import (
    DBOSDefaultSerializer,
    DBOSPortableJSONSerializer,
    deserialize_exception,
    serialize_exception,
)

import conn_engine
import conn_service
from conn_engine.errors import ConnError, VendorError
from conn_engine.wire import Completeness, Headers, Request, Response

ARGUMENTS: dict[str, Any] = {
    "message": "the message",
    "kind": "bad_response",
    "verdict": Completeness("incomplete"),
    "count": 3,
    "run": SimpleNamespace(sync="people", account="acme"),
    "path": ("a", "b"),
    "paths": (("a",), ("b",)),
    "checks": SimpleNamespace(errors=(), failures=()),
}
"""The arguments of errors that are not texts."""


def find_subclasses(kind: type[ConnError]) -> Iterator[type[ConnError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from find_subclasses(subclass)


def build(kind: type[ConnError]) -> ConnError:
    """An error with all arguments that its class requires."""
    places, names = [], {}
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_POSITIONAL:
            continue
        value = ARGUMENTS.get(parameter.name, f"some {parameter.name}")
        if parameter.kind is parameter.KEYWORD_ONLY:
            names[parameter.name] = value
        else:
            places.append(value)
    return kind(*places, **names)


@pytest.fixture(scope="module")
def errors() -> list[ConnError]:
    for package in (conn_engine, conn_service):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    kinds = dict.fromkeys(find_subclasses(ConnError))
    return [build(kind) for kind in kinds if kind.__module__.startswith("conn_")]  # and not of another test


def test_an_error_is_the_same_when_it_is_loaded_again(errors: list[ConnError]) -> None:
    assert len(errors) > 25
    for error in errors:
        for loaded in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(loaded) is type(error)
            assert (loaded.args, vars(loaded)) == (error.args, vars(error)), type(error)


@pytest.mark.parametrize("serializer", [DBOSPortableJSONSerializer(), DBOSDefaultSerializer])
def test_an_error_of_a_step_keeps_its_message(errors: list[ConnError], serializer: Any) -> None:
    for error in errors:
        text, name = serialize_exception(error, None, serializer)
        assert str(error) in str(deserialize_exception(text, name, serializer)), type(error)


def test_no_request_and_no_response_leaves_the_process() -> None:
    request = Request("GET", "https://api.example.com", Headers({"Authorization": "Bearer secret"}))
    response = Response(400, body=b"secret")
    error = VendorError("it failed", kind="invalid_request", request=request, response=response, retry_after=3.0)
    stored = pickle.dumps(error)
    assert b"secret" not in stored
    loaded = pickle.loads(stored)
    assert (loaded.kind, loaded.retry_after, loaded.request, loaded.status) == ("invalid_request", 3.0, None, None)
