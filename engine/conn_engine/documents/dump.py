"""Write data as YAML and JSON text; equal data gives equal text. `files.write_whole` writes the text to a file."""

import json
import re
from typing import Any

from conn_engine.documents.core_schema import NOT_A_STRING

__all__ = ["dump_json", "dump_yaml"]

_LONE = re.compile("[\ud800-\udfff]")


def dump_json(data: Any) -> str:
    """Return JSON with an indentation of 2 and a final line break. Keys keep their order, and characters are not
    escaped.

    Half of a surrogate pair, which UTF-8 cannot represent, becomes U+FFFD. Raises ValueError for NaN and infinities,
    and TypeError for data without a JSON form.
    """
    return _LONE.sub("\ufffd", json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def dump_yaml(data: Any, *, width: int = 110) -> str:
    """Return block style YAML that YAML 1.1 and 1.2 readers read as the same data. Keys keep their order.

    Strings with several lines are literal blocks if possible, and longer lines than `width` are wrapped. Raises
    TypeError for data that is not JSON-like.
    """
    import yaml

    try:
        return _emit(data, width)
    except yaml.YAMLError as fault:
        raise TypeError(str(fault)) from None
    except UnicodeEncodeError:
        return _emit(_remove_lone_surrogates(data), width)


def _emit(data: Any, width: int) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text.strip("\n") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    # YAML 1.1, the schema of PyYAML, reads 0o17 and 1e3 as strings, so it would write them unquoted.
    Dumper.add_implicit_resolver("!core", NOT_A_STRING, [*"-+.0123456789nNtTfF~", ""])
    return str(
        yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=width)
    )


def _remove_lone_surrogates(data: Any) -> Any:
    if isinstance(data, str):
        return _LONE.sub("\ufffd", data)
    if isinstance(data, dict):
        return {_remove_lone_surrogates(key): _remove_lone_surrogates(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_remove_lone_surrogates(item) for item in data]
    return data
