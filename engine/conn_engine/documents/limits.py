"""Limits for the text of a document: far above what people write, and low enough to be safe."""

__all__ = ["MAX_ALIASED", "MAX_BYTES", "MAX_DEPTH", "MAX_DIGITS", "MAX_DUPLICATES", "MAX_NODES"]

MAX_BYTES = 8 * 1024 * 1024
"""Size of one file, as UTF-8."""

MAX_DEPTH = 100
"""Containers inside each other."""

MAX_NODES = 250_000
"""Scalars and containers of one YAML document. JSON needs far less memory for each: its size bounds it."""

MAX_ALIASED = 100_000
"""Nodes that aliases add to a YAML document when they are expanded."""

MAX_DIGITS = 4_000
"""Digits of an integer; Python itself refuses more than 4,300."""

MAX_DUPLICATES = 50
"""Duplicate keys reported for one document."""
