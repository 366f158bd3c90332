"""What a rule looks at: one effective configuration."""

from dataclasses import dataclass, field

from conn_engine.config import Effective, Workspace

__all__ = ["LintTarget"]


@dataclass(slots=True)
class LintTarget:
    """One effective configuration under lint: a connector's base level, or an account's."""

    workspace: Workspace
    effective: Effective
    now: float
    seen_layers: set[int] = field(default_factory=set)
