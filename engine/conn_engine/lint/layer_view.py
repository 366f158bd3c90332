"""The view of one level that a rule checks: its text, and every expression in it with its place."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

from conn_engine.config import Layer, Path_, lookup
from conn_engine.config.braced_expressions import find_expression_start
from conn_engine.diagnostics import Edit, Fix, Span
from conn_engine.errors import ExpressionError
from conn_engine.expressions import Expression, expression, template
from conn_engine.lint.site import Site
from conn_engine.lint.sites import find_sites
from conn_engine.lint.target import LintTarget
from conn_engine.lint.webhook_rules import find_stored_names

__all__ = ["LayerView", "build_put", "locate_in_layer"]


def locate_in_layer(layer: Layer, path: Path_, offset: int, width: int = 1) -> Span:
    """Return the place in the file of a character of a layer's string; of the whole string if `offset` is below 0."""
    if offset < 0:
        return layer.span(path)
    source = layer.source(path)
    place = source.place(path)
    start = find_expression_start(source.document, place, lookup(layer.data, path))
    line, column = source.document.position(place, start + offset)
    return Span(source.document.file, line, column, line, column + max(width, 1))


def build_put(layer: Layer, path: Path_, value: str, *, is_certain: bool = True) -> Fix:
    """Return the fix that replaces a layer's value in its document."""
    source = layer.source(path)
    return Fix(source.document.file, (Edit("put", source.place(path), value),), is_certain)


class LayerView:
    """One level's data and its expressions, which all rules share."""

    def __init__(self, layer: Layer, target: LintTarget) -> None:
        self.layer = layer
        self.target = target

    @cached_property
    def sites(self) -> list[Site]:
        """All expressions and templates of the level."""
        sites = list(find_sites(self.layer.data))
        if any(site.credential for site in sites):
            stored = find_stored_names(self.target)
            sites = [
                replace(site, names=site.names | stored) if site.credential and site.names is not None else site
                for site in sites
            ]
        return sites

    def locate(self, site: Site, offset: int, width: int = 1) -> Span:
        """Return the place in the file of a character of the site's string."""
        return locate_in_layer(self.layer, site.path, offset, width)

    def build_fix(self, site: Site, text: str, *, is_certain: bool = True) -> Fix | None:
        """Return the fix that replaces the string of a site; None if the document has another one, such as a name that
        stands for it."""
        source = self.layer.source(site.path)
        written = lookup(source.document.data, source.place(site.path))
        if not isinstance(written, str) or site.text not in written:
            return None
        return build_put(self.layer, site.path, text, is_certain=is_certain)

    def build_part_fix(self, site: Site, start: int, length: int, new: str, *, is_certain: bool = True) -> Fix | None:
        """Return the fix that replaces a part of the string of a site, as `build_fix` does."""
        text = site.text[:start] + new + site.text[start + length :]
        return self.build_fix(site, text, is_certain=is_certain)

    @cached_property
    def parts(self) -> list[tuple[Site, str, int]]:
        """All expressions that parse, each with its site and its offset in the site's string."""
        parts: list[tuple[Site, str, int]] = []
        for site in self.sites:
            if site.kind == "expression":
                parts.append((site, site.text, 0))
                continue
            try:
                parts.extend((site, text, offset) for text, offset in template(site.text).expressions)
            except ExpressionError:
                continue
        self._in_use = list(_compile_all(parts))
        return parts


def _compile_all(parts: Iterable[tuple[Site, str, int]]) -> Iterator[Expression]:
    """Compile what the rules ask for again and again, however many expressions the level has."""
    for _, text, _ in parts:
        with suppress(ExpressionError):
            yield expression(text)
