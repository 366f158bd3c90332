"""Where an entry's vendor is reached: `base_url`, and the hosts that may get the credential."""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config.host_patterns import host_pattern
from conn_engine.urls import split_plain_url
from conn_import.nango.draft import PLACEHOLDER, ConnectorDraft
from conn_import.nango.names import strip_prefix
from conn_import.servers import is_usable_url
from conn_import.words import clean_text

__all__ = ["Url", "find_hosts", "read_base_url"]

_HOST = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_NAME = re.compile(r"\$\{([^{}]+)\}")
_PLAIN_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.IGNORECASE)
_NOBODY = re.compile(r"(?:^|[.-])(?:example|my|your|company|mycompany|acme|domain|host|local)", re.IGNORECASE)
_MOST_HOSTS = 60

Url = tuple[str, str]
"""A URL of the entry as it is written there, and as a template."""


def read_base_url(draft: ConnectorDraft, given: str, urls: list[str]) -> str:
    """Return the base URL as a template. `given` is the caller's URL. `urls` are used for a guess if the entry has
    none."""
    text = draft.entry.take_text("proxy", "base_url").strip()
    if given:
        return given.rstrip("/")
    if not text:
        return _guess_base_url(draft, urls)
    if "||" in text and "${" in text:
        return draft.fill_url(text, "proxy.base_url") or PLACEHOLDER
    if _has_scheme(draft, text):
        text = re.sub(r"^https?://", "", text)
    lone = _NAME.match(text)
    if lone is not None and strip_prefix(lone[1]) in draft.capture and lone.end() == len(text.rstrip("/")):
        value = draft.names.to_expression(lone[1])
        return f"{{{{$contains({value}, '://') ? {value} : 'https://' & {value}}}}}"
    if lone is not None and "." in text[lone.end() :].partition("/")[0]:
        text = f"https://{text}"
    if draft.names.is_secret(text):
        draft.losses.add("proxy.base_url: it contains a secret, so base_url is a placeholder")
        return PLACEHOLDER
    made = draft.fill_url(text.rstrip("/"), "proxy.base_url")
    if made is None or ("{{" not in made and not is_usable_url(made)):
        draft.losses.add(f"proxy.base_url {clean_text(text, 80)}: not a valid URL, so base_url is a placeholder")
        return PLACEHOLDER
    return made


def _guess_base_url(draft: ConnectorDraft, urls: list[str]) -> str:
    for url in urls:
        match = _HOST.match(url)
        if match is not None and "${" not in match[1]:
            draft.notes["base_url",] = "guess: the host of the token URL"
            draft.losses.add("the base URL: the entry has none; it is guessed from the token URL")
            return f"https://{match[1]}"
    why = f" (the missing {clean_text(draft.entry.missing, 60)} may have one)" if draft.entry.missing else ""
    draft.losses.add(
        f"the base URL: the entry has none{why}, so base_url is a placeholder (set it, or import with --base-url)"
    )
    return PLACEHOLDER


def _has_scheme(draft: ConnectorDraft, text: str) -> bool:
    """Return whether the value in `https://${x}` also starts with the scheme."""
    match = re.match(r"https?://\$\{([^{}]+)\}$", text.rstrip("/"))
    row = _find_row(draft, match[1]) if match is not None else {}
    return str(row.get("pattern", "")).startswith(("^https?:", "^https:")) and not row.get("prefix")


def _find_row(draft: ConnectorDraft, name: str) -> Mapping[str, Any]:
    for group in ("connection_config", "integration_config", "credentials"):
        row = draft.entry.peek(group, strip_prefix(name))
        if isinstance(row, Mapping):
            return row
    return {}


def find_hosts(draft: ConnectorDraft, urls: list[Url]) -> list[str]:
    """Return `hosts`: empty if the URLs imply them, and a placeholder if nothing does."""
    collected: dict[str, None] = {}
    is_implied, guessed, left_open = True, False, []
    for text, template in urls:
        for one in text.split("||"):
            patterns, guess = _find_patterns(draft, one.strip())
            if patterns is None:
                left_open.append(", ".join(_NAME.findall(one.partition("://")[2].partition("/")[0] or one)))
                is_implied = False
                continue
            guessed |= guess
            collected.update(dict.fromkeys(patterns))
            is_implied &= patterns == [host_pattern(template)]
    if left_open:
        where = "list them under hosts in connector.yaml, or under trusted_hosts in conn.yaml"
        for name in dict.fromkeys(left_open):
            draft.losses.add(
                f"the hosts that may receive the credential, where an account sets them: {where}", clean_text(name, 80)
            )
    if is_implied or not urls:
        return []
    if guessed:
        draft.notes["hosts",] = "guess, from an example or a pattern in the entry"
    if not collected:
        draft.notes["hosts",] = "a placeholder: the entry has none"
        return [split_plain_url(PLACEHOLDER).netloc]
    return list(collected)[:_MOST_HOSTS]


def _find_patterns(draft: ConnectorDraft, url: str) -> tuple[list[str] | None, bool]:
    """Return the host patterns of a URL, and whether they are a guess. None if the URL leaves the host open."""
    host = _HOST.match(url)
    whole = _NAME.match(url)
    text = host[1] if host is not None else whole[0] if whole is not None else ""
    names = _NAME.findall(text)
    if not names:
        return ([text.lower()], False) if _PLAIN_HOST.fullmatch(text) else (None, False)
    choices = [_list_values(draft, name) for name in names]
    if all(choices):
        made = [_replace_names(text, values) for values in itertools.islice(itertools.product(*choices), _MOST_HOSTS)]
        return [one for one in made if one], False
    if _NAME.fullmatch(text):
        pattern = _guess_host_pattern(draft, names[0])
        return ([pattern], True) if pattern else (None, False)
    starred = _replace_names(text, ["*"] * len(names))
    ends = starred.rpartition("*")[2]
    return (
        ([starred], False)
        if ends.startswith(".") and ends.count(".") >= 2 and starred.count("*") < 4
        else (None, False)
    )


def _replace_names(text: str, values: "tuple[str, ...] | list[str]") -> str:
    turn: Iterator[str] = iter(values)
    return _NAME.sub(lambda _: next(turn), text).lower()


def _list_values(draft: ConnectorDraft, name: str) -> list[str]:
    options = _find_row(draft, name).get("enum")
    values = [str(one) for one in options] if isinstance(options, list) else []
    return values if all(_PLAIN_HOST.fullmatch(one) for one in values) else []


def _guess_host_pattern(draft: ConnectorDraft, name: str) -> str:
    """Guess the pattern of a host that is one value, from the end of its pattern or from its example."""
    row = _find_row(draft, name)
    end = re.search(r"\\\.((?:[a-z0-9-]+\\\.)+[a-z]{2,})\$$", str(row.get("pattern", "")))
    if end is not None:
        return "*." + end[1].replace("\\.", ".")
    example = re.sub(r"^https?://", "", str(row.get("example", ""))).partition("/")[0].lower()
    labels = example.split(".")
    if len(labels) < 3 or not _PLAIN_HOST.fullmatch(example) or _NOBODY.search(".".join(labels[1:])):
        return ""
    return ".".join(["*", *labels[1:]])
