"""What conn.yaml grants in addition to the connector, and the levels of a configuration for the rules about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conn_engine.config.dotted_places import format_place
from conn_engine.config.host_patterns import base_hosts, is_on
from conn_engine.config.merge import MISSING, Path_, lookup
from conn_engine.config.models import Allowance
from conn_engine.config.origins import Layer
from conn_engine.diagnostics import Diagnostic, diagnostic

__all__ = ["Grants", "Levels"]


@dataclass(frozen=True, slots=True)
class Grants:
    """What conn.yaml grants in one environment. `variables` applies to the credentials of every connector."""

    trusted_hosts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    environment: str | None = None
    allowance: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True)
class Levels:
    """The levels of a configuration, bottom first, their merged data, and what conn.yaml grants."""

    layers: Sequence[Layer]
    data: Mapping[str, Any]
    grants: Grants

    @property
    def base(self) -> Mapping[str, Any]:
        """The connector's own settings."""
        return self.layers[0].data

    @property
    def overrides(self) -> Sequence[Layer]:
        """The levels above the connector."""
        return self.layers[1:]

    @cached_property
    def base_hosts(self) -> tuple[str, ...]:
        """The hosts that the connector lists."""
        return base_hosts(self.base)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The connector's hosts and those that conn.yaml trusts."""
        return (*self.base_hosts, *self.grants.trusted_hosts)

    def is_trusted(self, url: str) -> bool:
        """Return whether a URL is on a host in conn.yaml's `trusted_hosts`."""
        return is_on(url, self.grants.trusted_hosts) is True

    def find_setting(self, places: Iterable[Path_], inside: Path_) -> tuple[Layer, Path_]:
        """Return the override that sets `inside` at one of these places, or its nearest ancestor; the highest if
        several do."""
        best: tuple[int, Layer, Path_] = (-1, self.layers[-1], ())
        for layer in reversed(self.overrides):
            for place in places:
                for end in range(len(inside), best[0], -1):
                    if lookup(layer.data, (*place, *inside[:end])) is not MISSING:
                        best = (end, layer, (*place, *inside[:end]))
                        break
        return best[1], best[2]

    def refusal(  # noqa: PLR0917
        self, code: str, layer: Layer, path: Path_, message: str, hint: str, allowance: str = ""
    ) -> Diagnostic:
        """Build the finding about a refused override. `allowance` is what conn.yaml could declare to allow it."""
        if allowance:
            hint += (
                f"; or allow it in conn.yaml: environments: {{{self.grants.environment}: {{allow: {{{allowance}}}}}}}"
            )
        return self._build_finding(code, layer, path, message, hint)

    def exception(self, layer: Layer, path: Path_, message: str) -> Diagnostic:
        """Build the finding about an override that conn.yaml allows."""
        message += f'; conn.yaml allows it in "{self.grants.environment}"'
        return self._build_finding(
            "SEC117", layer, path, message, "remove the exception from conn.yaml when it is no longer needed"
        )

    def _build_finding(self, code: str, layer: Layer, path: Path_, message: str, hint: str) -> Diagnostic:
        return diagnostic(code, f"{layer.level} {message}", layer.span(path), path=format_place(path), hint=hint)
