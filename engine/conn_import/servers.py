"""Where a vendor is reached: a document's server URL as a `base_url` template with the fields it needs."""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.urls import split_plain_url
from conn_import.contract import Contract
from conn_import.words import clean_text, to_identifier

__all__ = ["Server", "build_server_url", "is_usable_url", "set_server"]

_VARIABLE = re.compile(r"\{\{?([^{}]+)\}\}?")
_PLACEHOLDER = re.compile(r"your.*|my[-_].*|(?:example|company|tenant|subdomain|domain|acme|site)(?:[-_].*)?")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_MOST_HOSTS = 200
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True)
class Server:
    """A server of a document. `url` has variables in braces, which `variables` describes."""

    url: str
    variables: Mapping[str, Any] = field(default_factory=dict)


def set_server(contract: Contract, server: Server | None, *, given: str = "") -> None:
    """Set `base_url`, `fields` and `context` of a contract. `given` is a URL that the caller has chosen."""
    if given:
        contract.base_url = given.rstrip("/")
        return
    url = server.url.strip().rstrip("/") if server else ""
    if server is None or (not url.lower().startswith(("http://", "https://")) and not _VARIABLE.match(url)):
        path = url if url.startswith("/") and "{" not in url else ""
        contract.base_url = f"https://api.example.com{path}"
        contract.losses.add(
            "the host: the document has none, so base_url is a placeholder (set it, or import with --base-url)"
        )
        return
    text = build_server_url(contract, server)
    contract.base_url = _replace_placeholder(contract, text) if "{{" not in text else text
    if not is_usable_url(contract.base_url):
        contract.losses.add(f"the server {clean_text(url)}: not a valid URL, so base_url is a placeholder")
        contract.base_url, contract.fields, contract.context = "https://api.example.com", [], {}
        contract.hosts = []
    elif contract.base_url.startswith("http://") and split_plain_url(contract.base_url).hostname not in _LOOPBACK:
        contract.losses.add("the http server: credentials are sent only over https or to this machine")


def build_server_url(contract: Contract, server: Server) -> str:
    """Build a template for a server's URL. Its variables become fields of the contract. If the document lists the
    values of variables in the host, all hosts are listed."""
    url, variables = server.url.strip().rstrip("/"), server.variables
    if (first := _VARIABLE.match(url)) is not None:
        if url.startswith("://", first.end()):
            url = f"https{url[first.end() :]}"
        else:
            url = _read_host_variable(contract, url, first, variables)
    contract.hosts += [host for host in _list_hosts(url, variables) if host not in contract.hosts]
    return _VARIABLE.sub(lambda found: _add_variable(contract, found[1], variables), url)


def _list_hosts(url: str, variables: Mapping[str, Any]) -> list[str]:
    """Return each possible host of a URL if the document lists the values of all its variables, or an empty list."""
    host = url.partition("://")[2].partition("/")[0]
    names = list(dict.fromkeys(_VARIABLE.findall(host)))
    choices = [_list_options(variables.get(name)) for name in names]
    if not names or not all(choices) or math.prod(map(len, choices)) > _MOST_HOSTS:
        return []
    found = []
    for values in itertools.product(*choices):
        chosen = dict(zip(names, values, strict=True))
        found.append(_VARIABLE.sub(lambda match, chosen=chosen: chosen[match[1]], host).lower())  # type: ignore[misc]
    return [one for one in found if _HOST.fullmatch(one)]


def _list_options(variable: Any) -> list[str]:
    options = variable.get("enum") if isinstance(variable, Mapping) else None
    return [str(option) for option in options[:100]] if isinstance(options, list) else []


def is_usable_url(url: str) -> bool:
    """Return whether a base URL is absolute, has a host, and contains only valid characters."""
    bare = re.sub(r"\{\{context\.[A-Za-z0-9_]+\}\}", "x", url)
    parts = split_plain_url(bare)
    return (
        parts.scheme in ("http", "https")
        and bool(_HOST.fullmatch(parts.netloc))
        and not parts.query
        and not parts.fragment
        and not re.search(r"[\s{}]", bare)
        and len(url) <= 2000
    )


def _read_host_variable(contract: Contract, url: str, found: re.Match[str], variables: Mapping[str, Any]) -> str:
    """Handle `{instance_url}/v1`, a variable that is a complete URL: the account then sets only the host."""
    if url.startswith(".", found.end()):  # `{subdomain}.vendor.com` without a scheme
        return f"https://{url}"
    variable = variables.get(found[1])
    default = str(variable.get("default", "")) if isinstance(variable, Mapping) else ""
    host = split_plain_url(default).netloc if "://" in default else default
    name = to_identifier(found[1], "host")
    _add_field(contract, name, {}, host or "api.example.com", "The host name, without https://.")
    labels = host.split(".")
    contract.hosts = [f"*.{'.'.join(labels[-2:])}" if len(labels) > 2 else host] if host else ["api.example.com"]
    contract.losses.add("the hosts that may receive the credential: the document leaves the host open, so check hosts")
    return f"https://{{{{context.{name}}}}}{url[found.end() :]}"


def _add_variable(contract: Contract, variable: str, variables: Mapping[str, Any]) -> str:
    if variable.startswith("context."):
        return f"{{{{{variable}}}}}"
    description = variables.get(variable)
    description = description if isinstance(description, Mapping) else {}
    default = description.get("default")
    name = to_identifier(variable)
    _add_field(
        contract, name, description, str(default) if isinstance(default, str | int) and default != "" else "example"
    )
    return f"{{{{context.{name}}}}}"


def _add_field(
    contract: Contract, name: str, description_object: Mapping[str, Any], sample: str, description: str = ""
) -> None:
    if name in contract.context:
        return
    row: dict[str, Any] = {"name": name}
    text = clean_text(description_object.get("description") or description)
    if text:
        row["description"] = text
    if options := _list_options(description_object):
        row["options"] = options
        sample = sample if sample in row["options"] else row["options"][0]
        row["default"] = sample
    elif not description and "default" in description_object and not _PLACEHOLDER.fullmatch(sample.lower()):
        row["default"] = sample
    else:
        row["pattern"] = "^[A-Za-z0-9.-]+$"
        if not re.fullmatch(r"[A-Za-z0-9.-]+", sample):
            sample = "example"
    contract.fields.append(row)
    contract.context[name] = sample


def _replace_placeholder(contract: Contract, url: str) -> str:
    """`https://your-domain.vendor.com`: a placeholder that the account fills."""
    scheme, _, rest = url.partition("://")
    label, dot, others = rest.partition(".")
    if (
        not dot
        or others.count(".") < 1
        or not label.lower().startswith(("your", "my-", "{"))
        or not _PLACEHOLDER.fullmatch(label.lower())
    ):
        return url
    contract.fields.append(
        {
            "name": "domain",
            "description": f"Replaces {clean_text(label)} in {clean_text(rest)}",
            "pattern": "^[A-Za-z0-9-]+$",
        }
    )
    contract.context["domain"] = "example"
    return f"{scheme}://{{{{context.domain}}}}.{others}"
