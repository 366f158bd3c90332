"""Find the paths of its scope that an expression or template of the configuration reads."""

from collections.abc import Iterator

from conn_engine.errors import ConnError
from conn_engine.expressions import expression, template

__all__ = ["read_paths"]


def read_paths(text: str) -> Iterator[tuple[str, ...]]:
    """Return the paths that an expression or a template reads; `()` if it may read any, and nothing if it is
    invalid."""
    try:
        sources = [source for source, _ in template(text).expressions] if "{{" in text else [text]
        for source in sources:
            compiled = expression(source)
            if compiled.roots() is None:
                yield ()
            for path in compiled.reads():
                yield tuple(part for part in path if isinstance(part, str))
    except ConnError:
        return
