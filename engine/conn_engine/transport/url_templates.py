"""Fill URL templates so that no value ends the part of the URL that contains it.

The transport decides which hosts a request may reach.
"""

import re
from collections.abc import Iterator

from conn_engine.errors import ConfigurationError
from conn_engine.expressions import expression, template
from conn_engine.settings import Scope
from conn_engine.transport import gateway
from conn_engine.url_paths import has_dot_segment

__all__ = ["check_url_values", "fill_base_url", "fill_parts", "hide_templates", "join_slashes", "split_url"]

_BASE_URL = re.compile(r"(?i)https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[^?#\\\s\x00-\x1f\x7f]*)?")
_ENDS_IN_SLASH = re.compile(r"""[^/'"]/['"]""")
_BEFORE_PATH = re.compile(r"(?i)https?://[^/]*")
_HOST_VALUE = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?")
_ENDS_A_PATH = re.compile(r"[?#\\\s\x00-\x1f\x7f]")
_HIDDEN = "\0"
_AUTHORITY = re.compile(r"https?://[^/?#\\]*|\0+", re.IGNORECASE)


def hide_templates(text: str) -> str:
    """Replace each `{{…}}` by NUL characters of the same length. It ends where its braces are balanced."""
    out: list[str] = []
    offset = 0
    while (start := text.find("{{", offset)) >= 0:
        out.append(text[offset:start])
        depth, end = 0, start
        while end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
        out.append(_HIDDEN * (end - start))
        offset = end
    out.append(text[offset:])
    return "".join(out)


def split_url(text: str) -> tuple[str, str]:
    """Split a URL template into scheme with host, and the rest. The first part is only a template if a value starts the
    URL, and empty if the text is not a URL."""
    match = _AUTHORITY.match(hide_templates(text))
    end = match.end() if match is not None else 0
    return text[:end], text[end:]


def fill_parts(text: str, scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield the filled parts of a template, each with its expression ("" for fixed text). They are evaluated lazily."""
    parsed = template(text)
    for part in parsed.parts:
        if isinstance(part, str):
            yield part, ""
        else:
            yield parsed.format_value(part, parsed.value(part, scope)), part[0]


def fill_base_url(text: str, scope: Scope) -> str:
    """Fill `base_url`, and remove a trailing slash. A value in the host part may not end the host.

    Raises ConfigurationError if the result is not an absolute http(s) URL, has a user, query or fragment, or has ".."
    in its path.
    """
    url = ""
    for value, source in fill_parts(text, scope):
        if source and ("{" in value or (_BEFORE_PATH.fullmatch(url) and not _HOST_VALUE.fullmatch(value))):
            raise _build_unfit_error(text, url + value)
        url += value
    base = url.rstrip("/")
    if not _BASE_URL.fullmatch(base) or has_dot_segment(base) or not gateway.is_target(base):
        raise _build_unfit_error(text, base)
    return base


def _build_unfit_error(source: str, base: str) -> ConfigurationError:
    return ConfigurationError(
        f'base_url "{base[:200]}" is not an absolute http(s) URL with a plain host name',
        hint=f"use only letters, digits, dots and hyphens for a value in the host of {source!r}",
    )


def check_url_values(text: str, scope: Scope) -> None:
    """Raise ConfigurationError if a value of the account's `context` ends the host or the path that contains it: the
    request would go to another endpoint. A template that is only one value is not checked."""
    if len(template(text).parts) == 1:
        return
    url = ""
    for value, source in fill_parts(text, scope):
        if source and _reads_context(source) and not _is_fit(value, url):
            raise ConfigurationError(
                f"a value of the account's context is not valid in the URL {text}",
                hint="in a host, use only letters, digits, dots and hyphens; in a path, do not use ?, # or a backslash",
            )
        url += value
    if has_dot_segment(split_url(url)[1]):
        raise ConfigurationError(
            f"a value changes the path of the URL {text}", hint='remove the segment ".." from the value'
        )


def join_slashes(url: str, text: str) -> str:
    """Return a filled URL with one slash where a value that ends with a slash (`https://acme.example/`) is followed by
    another one, as in `base_url`. `text` is the template; slashes that it doubles itself stay, also those of a fixed
    text in an expression."""
    doubled = "//" in hide_templates(text).partition("?")[0].replace("://", "")
    if doubled or any(_ENDS_IN_SLASH.search(part) for part, _ in template(text).expressions):
        return url
    before, mark, query = url.partition("?")
    scheme, colon, rest = before.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + colon + host + slash + re.sub("/{2,}", "/", path).lstrip("/") + mark + query


def _reads_context(source: str) -> bool:
    roots = expression(source).roots()
    return roots is None or "context" in roots


def _is_fit(value: str, before: str) -> bool:
    if _BEFORE_PATH.fullmatch(before):
        return _HOST_VALUE.fullmatch(value) is not None
    return "?" in before or not _ENDS_A_PATH.search(value)
