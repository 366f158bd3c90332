"""What a rule over one level looks at: its text, with every expression in it and its place."""

from dataclasses import replace
from functools import cached_property

from conn_engine.config import Layer, Path_
from conn_engine.diagnostics import Span
from conn_engine.errors import ExpressionError
from conn_engine.expressions import template
from conn_engine.lint.site import Site
from conn_engine.lint.sites import find_sites
from conn_engine.lint.target import LintTarget
from conn_engine.lint.webhook_rules import find_stored_names

__all__ = ["LayerView", "locate_in_layer"]


def locate_in_layer(layer: Layer, path: Path_, offset: int, width: int = 1) -> Span:
    """The place of a character inside a string of one layer, in its file; of the string where the offset is none."""
    if offset < 0:
        return layer.span(path)
    source = layer.source(path)
    line, column = source.document.position(source.place(path), offset)
    return Span(source.document.file, line, column, line, column + max(width, 1))


class LayerView:
    """One level's data with its expressions, compiled once for all rules."""

    def __init__(self, layer: Layer, target: LintTarget) -> None:
        self.layer = layer
        self.target = target

    @cached_property
    def sites(self) -> list[Site]:
        """Every expression and template."""
        found = list(find_sites(self.layer.data))
        if any(site.credential for site in found):
            stored = find_stored_names(self.target)
            found = [
                replace(site, names=site.names | stored) if site.credential and site.names is not None else site
                for site in found
            ]
        return found

    def locate(self, site: Site, offset: int, width: int = 1) -> Span:
        """The place of a character inside the site's string, in its file."""
        return locate_in_layer(self.layer, site.path, offset, width)

    @cached_property
    def parts(self) -> list[tuple[Site, str, int]]:
        """Every expression with its site and its offset in the site's string; those that do not parse are left out."""
        found: list[tuple[Site, str, int]] = []
        for site in self.sites:
            if site.kind == "expression":
                found.append((site, site.text, 0))
                continue
            try:
                found.extend((site, text, offset) for text, offset in template(site.text).expressions)
            except ExpressionError:
                continue
        return found
