"""How an endpoint responds: it rests while it fails, instead of being sent every event that waits."""

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["RETRY_SECONDS", "EndpointHealth"]

RETRY_SECONDS: Final = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""The pauses between the attempts of an event: together more than 75 hours."""
_MOST_FAILURES = 10
_LONGEST_REST = 900.0
_GIVES_UP_AFTER = sum(RETRY_SECONDS)


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What the last attempts of an endpoint came to. Times are in Unix seconds.

    After ten failures in a row the endpoint is failing: it rests, and then one event is sent to see whether it responds
    again. `problem` is the last failure, or why the endpoint cannot be used.
    """

    failures: int = 0
    rests: int = 0
    rests_until: float = 0.0
    failing_since: float = 0.0
    problem: str = ""

    @property
    def is_failing(self) -> bool:
        """Return whether one event at a time is sent, to see whether the endpoint responds again."""
        return self.rests > 0

    def has_given_up(self, now: float) -> bool:
        """Return whether the endpoint has failed for so long that it should be disabled."""
        return self.is_failing and now - self.failing_since >= _GIVES_UP_AFTER

    def after_success(self) -> "EndpointHealth":
        """Return the health after the endpoint has responded to an event, even if it refused the event."""
        return EndpointHealth()

    def after_failures(self, count: int, problem: str, now: float) -> "EndpointHealth":
        """Return the health after attempts that have all failed."""
        failures = self.failures + count
        changed = replace(self, failures=failures, problem=problem, failing_since=self.failing_since or now)
        if failures < _MOST_FAILURES:
            return changed
        pause = min(RETRY_SECONDS[min(self.rests, len(RETRY_SECONDS) - 1)], _LONGEST_REST)
        return replace(changed, rests=self.rests + 1, rests_until=max(now + pause, self.rests_until))

    def after_request_to_wait(self, until: float) -> "EndpointHealth":
        """Return the health after the endpoint has sent `Retry-After`."""
        return replace(self, rests_until=max(until, self.rests_until))
