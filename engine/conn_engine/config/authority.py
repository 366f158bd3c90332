"""Least authority: to which hosts a credential may go, which environment variables it may read, and who tries
to widen that.

Only the connector itself (the base level) and conn.yaml grant; an environment or an account can narrow, never
widen. Enforcing it on the wire is the transport's door.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.config.merge import Path_, leaves, lookup
from conn_engine.config.origins import Layer, Origin
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import dotted
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.transport.hosts import covered
from conn_engine.transport.ip_ranges import parse_network
from conn_engine.webhooks import NAMES

__all__ = [
    "all_texts",
    "base_hosts",
    "covered",
    "declared_names",
    "effective_hosts",
    "host_pattern",
    "names_read",
    "urls_of",
    "widening",
]

_ENV_NAME = re.compile(r"\benv\s*\.\s*`?([A-Za-z_][A-Za-z0-9_]*)`?")
_ENV_WHOLE = re.compile(r"\benv\b(?!\s*\.\s*`?[A-Za-z_])")
_TEMPLATE = "\0"
_URL_KEYS = frozenset({"url", "token_url", "refresh_url", "request_token_url", "access_token_url"})
# What an override may do with a secret: name it, join it with fixed text, encode it in a form that redaction knows.
_PLAIN_USE = re.compile(  # possessive throughout: the text is the attacker's
    r"""(?>\s++|"[^"\\]*+"|'[^'\\]*+'|(?!(?:and|or|in)\b)[A-Za-z_][A-Za-z0-9_]*+|`[^`]++`"""
    r"""|\$base64(?:encode)?(?=\s*\()|[.&()])*+"""
)
_EXPRESSION_KEYS = frozenset(
    {"path", "token_path", "token_field", "expression", "by", "content", "response", "expires", "active", "done"}
)
_PROVING_KEYS = frozenset({"signature", "content", "timestamp", "require", "each", "when", "token"})  # of a delivery
_SECRET_OF_PROOF = frozenset({"key", "content", "username", "password", "issuer", "audience"})
_CONSENT_KEY = "authorization_url"  # a person's browser goes there, no credential of ours: checked, but grants nothing


def host_pattern(url: str) -> str | None:
    """The host (and port) pattern of a URL: `{{…}}` inside the host becomes `*` for one label.

    None when the URL names no host, or so little of it that a pattern would fit strangers
    (`{{context.url}}`).
    """
    plain = _hide_templates(url)
    match = re.match(r"^https?://([^/?#\\]+)", plain, re.IGNORECASE)
    if match is None:
        return None
    authority = match.group(1)
    if "@" in authority:
        return None
    host, _, port = authority.partition(":") if not authority.startswith("[") else (authority, "", "")
    labels = host.lower().split(".")
    patterned = ["*" if _TEMPLATE in label else label for label in labels]
    while len(patterned) > 1 and patterned[0] == patterned[1] == "*":
        patterned.pop(0)
    if "*" in patterned and (patterned.index("*") > 0 or patterned.count("*") > 1 or len(patterned) < 3):
        return None
    if _TEMPLATE in port:
        port = "*"
    return ".".join(patterned) + (f":{port}" if port else "")


def _hide_templates(text: str) -> str:
    """The text with each {{…}} as one mark. A template ends where its braces are balanced."""
    out: list[str] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        out.append(text[at:start])
        depth, end = 0, start
        while end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
        out.append(_TEMPLATE)
        at = end
    out.append(text[at:])
    return "".join(out)


def base_hosts(base: Mapping[str, Any]) -> tuple[str, ...]:
    """The hosts that the connector itself names: its `hosts`, else those of its URLs."""
    said = base.get("hosts")
    if isinstance(said, list):
        return tuple(str(host).lower() for host in said)
    found = (host_pattern(url) for url in urls_of(base))
    return tuple(dict.fromkeys(host for host in found if host))


def urls_of(base: Mapping[str, Any]) -> Iterator[str]:
    """The URLs by which requests with a credential go: templates."""
    mappings = {"unified": base.get("unified", {})}  # the larger part, and a base_url is none there
    rest = {key: value for key, value in base.items() if key != "unified"}
    for path, leaf in (*leaves(rest), *_secret_leaves(mappings)):
        for where, value in _texts(leaf, path):
            if isinstance(value, str) and _is_url_place(where) and where[-1] != _CONSENT_KEY:
                yield value


def effective_hosts(layers: Sequence[Layer], trusted: Sequence[str]) -> tuple[str, ...]:
    """The hosts that may receive the credential: the connector's own, narrowed by overrides, and the trusted
    ones.
    """
    hosts = base_hosts(layers[0].data)
    for layer in layers[1:]:
        said = layer.data.get("hosts")
        if isinstance(said, list):
            hosts = tuple(str(host).lower() for host in said if covered(str(host), hosts))
    patterns = (host.lower() for host in trusted if parse_network(host) is None)  # a network receives no credential
    return (*hosts, *(host for host in patterns if host not in hosts))


def names_read(data: Mapping[str, Any]) -> dict[str, Path_]:
    """The environment variables that credentials and authorization read, each with a place that does."""
    found: dict[str, Path_] = {}
    for path, text in _authorized_texts(data):
        for name in _ENV_NAME.findall(text):
            found.setdefault(name, path)
    return found


def _authorized_texts(data: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    for path, value in _secret_leaves(data):
        yield from ((where, text) for where, text in _texts(value, path) if isinstance(text, str))


def all_texts(data: Mapping[str, Any]) -> Iterator[tuple[Path_, Any]]:
    """Every leaf, those inside lists too: a token request's `before` has URLs."""
    for path, value in leaves(data):
        yield from _texts(value, path)


def _texts(value: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            for inner, leaf in leaves(item, (*path, index)):
                yield from _texts(leaf, inner)
    else:
        yield path, value


def declared_names(base: Mapping[str, Any], workspace: Sequence[str]) -> tuple[str, ...]:
    """The environment variables that may be read: declared by the connector or conn.yaml, or used by the
    connector itself.
    """
    said = base.get("env")
    own = [str(name) for name in said] if isinstance(said, list) else []
    return tuple(dict.fromkeys([*own, *names_read(base), *workspace]))


def widening(layers: Sequence[Layer], trusted: Sequence[str], workspace_env: Sequence[str]) -> list[Diagnostic]:
    """Overrides that ask for more than the connector grants: a host, a variable, a URL on another host, an expression
    over a secret. Also a connector that authorizes its requests and grants no host."""
    base = layers[0].data
    own_hosts = base_hosts(base)
    hosts = (*own_hosts, *trusted)
    names = declared_names(base, workspace_env)
    found: list[Diagnostic] = [] if own_hosts else list(_nowhere_to_go(layers[0]))
    for layer in layers[1:]:
        found.extend(_hosts_asked(layer, hosts))
        found.extend(_urls_asked(layer, (*hosts, *_consent_hosts(base))))
        found.extend(_results_asked(layer, base))
        found.extend(_answers_asked(layer, base))
        found.extend(_names_asked(layer, names))
        found.extend(_computed(layer, layers))
    return found


def _nowhere_to_go(base: Layer) -> Iterator[Diagnostic]:
    said = base.data.get("authorization")
    if isinstance(said, dict) and said.get("format") != "none":
        yield diagnostic(
            "SEC112",
            "requests are authorized, but no host may receive the credential",
            _origin(base, ("base_url",)).span,
            path="base_url",
            hint="list the vendor's hosts under hosts, such as *.example.com",
        )


def _origin(layer: Layer, path: Path_) -> Origin:
    source = layer.source(path)
    return Origin(layer.level, path, lookup(layer.data, path), source.document, source.place(path))


def _hosts_asked(layer: Layer, hosts: Sequence[str]) -> Iterator[Diagnostic]:
    said = layer.data.get("hosts")
    for index, host in enumerate(said if isinstance(said, list) else []):
        if not covered(str(host), hosts):
            yield diagnostic(
                "SEC110",
                f'{layer.level} cannot let credentials go to "{host}": the connector does not name it',
                _origin(layer, ("hosts", index)).span,
                path="hosts",
                hint="name it in the connector's hosts, or in trusted_hosts of conn.yaml",
            )


def _urls_asked(layer: Layer, hosts: Sequence[str]) -> Iterator[Diagnostic]:
    for url_path, value in all_texts(layer.data):
        if not isinstance(value, str) or not _is_url_place(url_path):
            continue
        host = host_pattern(value)
        plain = f"http://{host}" if value.lower().startswith("http://") else str(host)
        if host is not None and not covered(host, hosts) and not covered(plain, hosts):
            yield diagnostic(
                "SEC110",
                f'{dotted(url_path)} is on "{host}", where the connector\'s credentials may not go',
                _origin(layer, url_path).span,
                path=dotted(url_path),
                hint="name the host in the connector's hosts, or in trusted_hosts of conn.yaml",
            )


def _results_asked(layer: Layer, base: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A job's result may be fetched from any host. Where that is, an override could compute from the answers, and so
    hand links that are credentials themselves to a stranger."""
    for path, value in leaves(layer.data):
        if path[:1] == ("resources",) and path[3:] == ("job", "download", "url") and value != lookup(base, path):
            yield diagnostic(
                "SEC110",
                f"{layer.level} cannot say where the result of a job is fetched from",
                _origin(layer, path).span,
                path=dotted(path),
                hint="say `url` of `download` in connector.yaml",
            )


def _answers_asked(layer: Layer, base: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Whoever sends a delivery gets its answer, and a request for keys goes where the delivery says: an override that
    says one could hand a secret to anybody."""
    for path, value in all_texts(layer.data):
        if path[:2] in _ANSWERING or (path[0] == "webhooks" and "key_request" in path):
            if value == lookup(base, path):
                continue
            yield diagnostic(
                "SEC113",
                f"{layer.level} cannot say how deliveries are answered, or where keys are asked for",
                _origin(layer, path).span,
                path=dotted(path),
                hint="write it into connector.yaml",
            )


def _consent_hosts(base: Mapping[str, Any]) -> list[str]:
    urls = (value for path, value in leaves(base) if path[-1] == _CONSENT_KEY and isinstance(value, str))
    return [host for host in map(host_pattern, urls) if host is not None]


def _is_url_place(path: Path_) -> bool:
    if path[0] == "webhooks":  # bounds itself, and is the connector's alone to say
        return False
    if path[-1] == "base_url":
        return path[0] != "unified"
    return path[-1] in (*_URL_KEYS, _CONSENT_KEY) and _is_secret_place(path)


_SECRET_SETTINGS = frozenset({"authorization", "signature"})
_ANSWERING = (("webhooks", "challenge"), ("webhooks", "reply"))


def _is_secret_place(path: Path_) -> bool:
    """Whether a secret is in scope there. A resource may have any name, `signature` too."""
    if path[0] == "webhooks":
        return path[:2] in (("webhooks", "verify"), *_ANSWERING)
    return path[0] == "credentials" or not _SECRET_SETTINGS.isdisjoint((*path[:1], *path[2:4]))


def _secret_leaves(data: Mapping[str, Any], path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """The leaves at secret places, without a look at all the others."""
    for key, value in data.items():
        here = (*path, key)
        if _is_secret_place(here):
            yield from leaves(value, here)
        elif len(here) < 4 and isinstance(value, dict):
            yield from _secret_leaves(value, here)


def _computed(layer: Layer, layers: Sequence[Layer]) -> Iterator[Diagnostic]:
    """Where an override computes with a secret: cut in pieces or reversed, nothing would recognise it any more."""
    known = {(path[0] == "webhooks", text) for path, text in _authorized_texts(layers[0].data)}
    for path, text in _authorized_texts(layer.data):
        if (path[0] == "webhooks", text) in known or _ENV_WHOLE.search(text):
            continue
        if "capture" in path[:-1]:
            what = "keeps a part of a token's answer as context"
        elif path[0] == "webhooks" and _setting(path) not in _SECRET_OF_PROOF and _uses(path, text, layers):
            # What is found there is cut up and compared piece by piece, and messages tell how far that went.
            what = "looks for the proof of a delivery in a secret"
        elif all(_PLAIN_USE.fullmatch(used) for used in _uses(path, text, layers)):
            continue
        else:
            what = "computes with a secret"
        yield diagnostic(
            "SEC113",
            f"{layer.level} {what}; it may only name one",
            _origin(layer, path).span,
            path=dotted(path),
            hint="write the expression into connector.yaml; here use a secret as it is, such as {{api_key}}",
        )


def _setting(path: Path_) -> str:
    """The setting that a text is of, also as one of a list."""
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _uses(path: Path_, text: str, layers: Sequence[Layer]) -> list[str]:
    """The expressions of a string under credentials or authorization that secrets are in scope of."""
    try:
        keys = _PROVING_KEYS if path[0] == "webhooks" else _EXPRESSION_KEYS
        whole = path[-1] in keys or _in_expression(path, layers)
        used = [text] if whole else [part for part, _ in template(text).expressions]
        harmless = _OF_DELIVERY if path[0] == "webhooks" else _HARMLESS
        return [part for part in used if not _reads_alone(part, harmless)]
    except ExpressionError:
        return []  # it does not parse: another finding says so, and it never runs


def _in_expression(path: Path_, layers: Sequence[Layer]) -> bool:
    """Whether the text belongs to an authorization that is an expression, whichever level says so."""
    places = [(*path[:end], "format") for end in range(1, len(path))]
    return any(lookup(layer.data, place) == "expression" for layer in layers for place in places)


_HARMLESS = frozenset({"context"})
_OF_DELIVERY = frozenset({*NAMES, "context", "timestamp", "parts", "item", "claims", "header"})


def _reads_alone(text: str, names: frozenset[str]) -> bool:
    roots = expression(text).roots()
    return roots is not None and roots <= names


def _names_asked(layer: Layer, names: Sequence[str]) -> Iterator[Diagnostic]:
    said = layer.data.get("env")
    asked: dict[str, Path_] = dict(names_read(layer.data))
    asked |= {str(name): ("env", index) for index, name in enumerate(said if isinstance(said, list) else [])}
    for name, path in asked.items():
        if name not in names:
            yield diagnostic(
                "SEC111",
                f'{layer.level} reads the environment variable "{name}", which is not declared',
                _origin(layer, path).span,
                path=dotted(path),
                hint=did_you_mean(name, names) or "declare it under env in connector.yaml or conn.yaml",
            )
    for path, text in _authorized_texts(layer.data):
        if _ENV_WHOLE.search(text):
            yield diagnostic(
                "SEC111",
                f"{layer.level} reads the environment as a whole; name one variable: env.NAME",
                _origin(layer, path).span,
                path=dotted(path),
            )
