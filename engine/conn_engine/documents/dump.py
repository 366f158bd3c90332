"""Data to YAML and JSON text, the same for the same data.

Writing the text to a file is `files.write_whole`'s.
"""

import json
import re
from typing import Any

from conn_engine.documents.core_schema import NOT_A_STRING

__all__ = ["dump_json", "dump_yaml"]

_LONE = re.compile("[\ud800-\udfff]")


def dump_json(data: Any) -> str:
    """JSON indented by 2 with a final line break; keys in the data's order, characters unescaped.

    Half a surrogate pair, which no UTF-8 file can hold, becomes U+FFFD. Raises ValueError for NaN and
    infinities, TypeError for what JSON has no form for.
    """
    return _LONE.sub("\ufffd", json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def dump_yaml(data: Any) -> str:
    """Block style YAML that YAML 1.1 and 1.2 readers take for the same data; keys in the data's order.

    Texts of several lines are literal blocks where they can be. Raises TypeError for what is no JSON-like
    data.
    """
    import yaml

    try:
        return _emit(data)
    except yaml.YAMLError as fault:
        raise TypeError(str(fault)) from None
    except UnicodeEncodeError:
        return _emit(_remove_lone_surrogates(data))


def _emit(data: Any) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text.strip("\n") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    # YAML 1.1, PyYAML's own schema, reads 0o17 and 1e3 as texts: without this they would be written unquoted.
    Dumper.add_implicit_resolver("!core", NOT_A_STRING, [*"-+.0123456789nNtTfF~", ""])
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110))


def _remove_lone_surrogates(data: Any) -> Any:
    if isinstance(data, str):
        return _LONE.sub("\ufffd", data)
    if isinstance(data, dict):
        return {_remove_lone_surrogates(key): _remove_lone_surrogates(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_remove_lone_surrogates(item) for item in data]
    return data
