"""The receiver of the current configuration, which the threads of a process share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import Workspace
from conn_engine.runtime.webhooks import Receiver
from conn_engine.secrets import Vault
from conn_engine.webhooks import KeyCache
from conn_engine.wire import Clock

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["CurrentReceiver"]


@dataclass(slots=True)
class CurrentReceiver:
    """Makes one receiver for each revision of the workspace, because a receiver remembers the configuration."""

    environ: Mapping[str, str] = field(repr=False)
    vault: Vault | None
    clock: Clock
    isolation: "Isolation | None" = None
    evaluation: EvaluationLimits = DEFAULT_LIMITS
    _cache: KeyCache = field(default_factory=KeyCache)
    _receiver: Receiver | None = None
    _lock: Lock = field(default_factory=Lock)

    def find(self, workspace: Workspace) -> Receiver:
        """Return the receiver of a workspace."""
        with self._lock:
            if self._receiver is None or self._receiver.workspace is not workspace:
                self._receiver = Receiver(
                    workspace,
                    self.environ,
                    self.vault,
                    clock=self.clock,
                    cache=self._cache,
                    isolation=self.isolation,
                    limits=self.evaluation,
                )
            return self._receiver
