"""Operations with `enabled: false`, and the operations that cannot run because they call one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from conn_engine.config.merge import lookup
from conn_engine.config.operations import OperationName
from conn_engine.listing.flows import Step

__all__ = ["DisabledOperations"]

_CONDITIONS: Final = frozenset({"when", *(alias for alias, name in Step.aliases.items() if name == "when")})
"""The names of the setting that decides whether a step runs."""


class DisabledOperations:
    """The disabled operations among `operations`, those of the merged configuration `data`."""

    def __init__(self, data: Mapping[str, Any], operations: Sequence[OperationName]) -> None:
        self._data = data
        self._names = frozenset(name for name in operations if lookup(data, (*name.path, "enabled")) is False)

    def find_cause(self, name: OperationName) -> OperationName | None:
        """Return the disabled operation because of which `name` cannot run: itself, or one that each run of it calls.
        None if it can run, or if only a run can tell."""
        if not self._names:
            return None
        return next((called for called in (name, *self._find_calls(name)) if called in self._names), None)

    def _find_calls(self, name: OperationName) -> Iterator[OperationName]:
        settings = lookup(self._data, name.path)
        if name.kind != "unified" or not isinstance(settings, Mapping):
            return
        yield _to_vendor_name(settings.get("resource") or name.resource, settings.get("method") or name.method)
        for key in ("before", "after"):
            steps = settings.get(key)
            for step in steps if isinstance(steps, list) else ():
                request = step.get("request") if isinstance(step, Mapping) and _CONDITIONS.isdisjoint(step) else None
                if isinstance(request, Mapping) and request.get("path") is None:
                    yield _to_vendor_name(request.get("resource"), request.get("method") or "get")


def _to_vendor_name(resource: object, method: object) -> OperationName:
    return OperationName("vendor", "", str(resource), str(method))
