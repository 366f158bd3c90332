"""Cache the keys that were fetched from vendors."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

__all__ = ["KeyCache"]

_MOST = 1_000
_SOONEST = 60.0  # an unverified delivery may name any key, so it must not cause unlimited requests
_OFTEN = 30  # within that time, for one setting: each delivery may name another address


@dataclass(slots=True)
class KeyCache:
    """Fetched keys by request. Shared between threads; two threads may fetch the same keys, which does no harm."""

    _kept: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)
    _asked: dict[Hashable, deque[float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, request: Hashable, now: float, seconds: float) -> Any:
        """Return the value if it was stored no longer than `seconds` ago, or None."""
        with self._lock:
            fetched_at, value = self._kept.get(request, (0.0, None))
            return value if fetched_at <= now <= fetched_at + seconds else None

    def put(self, request: Hashable, now: float, value: Any) -> None:
        """Store a value. If there are too many, the oldest is removed."""
        with self._lock:
            self._kept.pop(request, None)
            self._kept[request] = (now, value)
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]

    def is_stale(self, request: Hashable, now: float) -> bool:
        """Return whether it is old enough to be fetched again if a key is missing."""
        with self._lock:
            return now - self._kept.get(request, (0.0, None))[0] > _SOONEST

    def may_request(self, setting: Hashable, now: float) -> bool:
        """Return whether another key request is allowed, and count it: 30 per minute for one setting."""
        with self._lock:
            moments = self._asked.setdefault(setting, deque(maxlen=_OFTEN))
            if len(moments) == _OFTEN and 0 <= now - moments[0] < _SOONEST:
                return False
            moments.append(now)
            return True
