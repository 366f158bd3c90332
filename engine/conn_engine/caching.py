"""`cached_property` without the lock that it has before Python 3.12.

That lock is one for all instances of a class: threads wait for each other although they work on different instances.
"""

import functools
import sys
from typing import TYPE_CHECKING, Any

__all__ = ["cached_property"]

if TYPE_CHECKING or sys.version_info >= (3, 12):
    cached_property = functools.cached_property
else:
    _MISSING = object()

    class cached_property(functools.cached_property):  # noqa: N801 - the name that it replaces
        """A property that is computed once for each instance, or twice if two threads need it at the same time."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self
            values = instance.__dict__
            value = values.get(self.attrname, _MISSING)
            if value is _MISSING:
                value = values[self.attrname] = self.func(instance)
            return value
