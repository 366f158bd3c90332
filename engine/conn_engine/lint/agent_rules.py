"""Rules for what agents get of an account."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conn_engine.config import format_place
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.runtime.agent_tools import MOST_NAMED, MOST_TOKENS, count_named_tokens, find_agent_resources

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_agent_tools"]


def check_agent_tools(target: "LintTarget") -> Iterator[Diagnostic]:
    """SRV103: the tools of an agent need too many tokens with the names of the resources in them."""
    resources = find_agent_resources(target.effective)
    if not resources or len(resources) > MOST_NAMED:
        return
    tokens = count_named_tokens(resources)
    if tokens > MOST_TOKENS:
        longest = Counter(name.partition("/")[0] for name in resources for _ in name).most_common(1)
        path = ("unified", longest[0][0])
        yield diagnostic(
            "SRV103",
            f"tools for agents would need about {tokens} tokens with the names of {len(resources)} resources, "
            f"more than {MOST_TOKENS}",
            target.effective.span(path),
            path=format_place(path),
            hint="disable operations that agents do not need (enabled: false), or shorten the names",
        )
