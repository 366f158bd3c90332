"""Find settings and formats that few connectors need. The reference and the schemas list them last."""

from msgspec import inspect

from conn_engine.settings import Settings

__all__ = ["is_advanced", "is_advanced_format"]


def is_advanced(info: inspect.Type) -> bool:
    """Return whether few connectors need a setting."""
    while isinstance(info, inspect.Metadata):
        if (info.extra or {}).get("advanced"):
            return True
        info = info.type
    return False


def is_advanced_format(part: inspect.StructType) -> bool:
    """Return whether few connectors need a format."""
    return issubclass(part.cls, Settings) and part.cls.is_advanced
