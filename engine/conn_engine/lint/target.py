"""The input of a rule: one effective configuration."""

from dataclasses import dataclass, field

from conn_engine.config import Effective, Workspace

__all__ = ["LintTarget"]


@dataclass(slots=True)
class LintTarget:
    """The effective configuration of a connector, an environment or an account, to be checked by rules."""

    workspace: Workspace
    effective: Effective
    now: float
    seen_layers: set[int] = field(default_factory=set)
