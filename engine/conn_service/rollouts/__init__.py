"""What a rollout does while it is on: its calls are counted, some are compared with the other release, and it halts if
too many of them fail or miss something. This is the public interface.
"""

from conn_engine.releases.rollout_counts import CallCounts, FieldDifference, RolloutCounts
from conn_service.rollouts.observed_calls import ObservedPage, RunTransport
from conn_service.rollouts.store import RolloutStore
from conn_service.rollouts.watching import RolloutWatch

__all__ = [
    "CallCounts",
    "FieldDifference",
    "ObservedPage",
    "RolloutCounts",
    "RolloutStore",
    "RolloutWatch",
    "RunTransport",
]
