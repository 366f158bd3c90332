"""The OAuth endpoints of a vendor that a document names: `credentials: {format: oauth2, vendor: NAME}`.

They are below what the document sets, and their origin is the file of facts. Each level that names a vendor is filled.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from conn_engine.config.merge import Path_, lookup
from conn_engine.config.origins import DocumentFragment
from conn_engine.config.vendors import find_vendor, load_facts, read_facts
from conn_engine.diagnostics import diagnostic, did_you_mean
from conn_engine.errors import ConfigurationError

__all__ = ["fill_endpoints"]

CREDENTIALS: Final = "credentials"
_VENDOR: Final = "vendor"
_WITH_CONSENT: Final = "oauth2"
_OF_CONSENT: Final = frozenset({"authorization_url", "authorization_params", "pkce"})


def fill_endpoints(
    data: dict[str, Any], below: Any, fragment: DocumentFragment
) -> tuple[dict[str, Any], list[DocumentFragment]]:
    """Return canonical data with the endpoints of the vendors that its credentials name, and where these come from.

    `below` has the merged levels below. Raises ConfigurationError for an unknown vendor.
    """
    fragments: list[DocumentFragment] = []
    paths = list(_find_settings(data.get(CREDENTIALS), (CREDENTIALS,)))
    if paths:
        data = {**data, CREDENTIALS: deepcopy(data[CREDENTIALS])}
    for path in paths:
        settings = lookup(data, path)
        facts = load_facts("oauth-endpoints")
        vendor = find_vendor(facts, settings[_VENDOR])
        if vendor is None:
            raise _refuse(settings[_VENDOR], (*path, _VENDOR), fragment)
        place = (*path[:-1], "format")
        kind = lookup(data, place)
        kind = kind if isinstance(kind, str) else lookup(below, place)
        for key, value in facts[vendor][CREDENTIALS].items():
            if key not in settings and (kind == _WITH_CONSENT or key not in _OF_CONSENT):
                settings[key] = value
                fragments.append(
                    DocumentFragment(read_facts("oauth-endpoints"), (vendor, CREDENTIALS, key), (*path, key))
                )
    return data, fragments


def _find_settings(value: Any, path: Path_) -> Iterator[Path_]:
    """Yield the paths of settings that name a vendor: of the credentials, and of those that they choose from."""
    settings = value.get("config") if isinstance(value, dict) else None
    if not isinstance(settings, dict):
        return
    if isinstance(settings.get(_VENDOR), str):
        yield (*path, "config")
    options = settings.get("options")
    for name, option in options.items() if isinstance(options, dict) else ():
        yield from _find_settings(option, (*path, "config", "options", name))
    yield from _find_settings(settings.get(CREDENTIALS), (*path, "config", CREDENTIALS))


def _refuse(name: str, path: Path_, fragment: DocumentFragment) -> ConfigurationError:
    facts = load_facts("oauth-endpoints")
    message = f'the OAuth endpoints of "{name}" are not known'
    hint = did_you_mean(name.lower(), list(facts)) or (
        "set authorization_url and token_url instead of vendor; known are " + ", ".join(facts)
    )
    span = fragment.document.span(fragment.place(path))
    return ConfigurationError(message, hint=hint, findings=[diagnostic("CFG104", message, span, hint=hint)])
