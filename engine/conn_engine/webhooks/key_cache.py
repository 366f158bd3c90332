"""Keys that were fetched from vendors, kept for a while. Fetching them is `keys`' affair."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

__all__ = ["KeyCache"]

_MOST = 1_000
_SOONEST = 60.0  # a delivery that names an unknown key is anybody's: it may not make us ask without end
_OFTEN = 30  # within as many seconds, for one setting: each delivery may name another address


@dataclass(slots=True)
class KeyCache:
    """What was fetched, by request. Shared between threads; two may fetch the same at once, which does no harm."""

    _kept: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)
    _asked: dict[Hashable, deque[float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, request: Hashable, now: float, seconds: float) -> Any:
        """What was kept no longer than `seconds` ago; None otherwise."""
        with self._lock:
            at, value = self._kept.get(request, (0.0, None))
            return value if at <= now <= at + seconds else None

    def put(self, request: Hashable, now: float, value: Any) -> None:
        """Keep it. The oldest goes when there are too many."""
        with self._lock:
            self._kept.pop(request, None)
            self._kept[request] = (now, value)
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]

    def is_stale(self, request: Hashable, now: float) -> bool:
        """Whether it was fetched long enough ago to be fetched again because a key is missing in it."""
        with self._lock:
            return now - self._kept.get(request, (0.0, None))[0] > _SOONEST

    def may_request(self, setting: Hashable, now: float) -> bool:
        """Whether the vendor may be asked for keys once more, which is noted: 30 times a minute for one setting."""
        with self._lock:
            moments = self._asked.setdefault(setting, deque(maxlen=_OFTEN))
            if len(moments) == _OFTEN and 0 <= now - moments[0] < _SOONEST:
                return False
            moments.append(now)
            return True
