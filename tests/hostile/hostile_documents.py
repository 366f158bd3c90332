"""Documents that mean harm: each is the text of one file of a workspace."""
# ruff: noqa: E501

from typing import Any

__all__ = ["DOCUMENTS"]

ACCOUNT = "connector: demo\n"
NAMES = "abcdefghij"


def _bomb(levels: int, width: int) -> str:
    lines = [f"{ACCOUNT}context:", f"  a0: &a0 [{', '.join('x' * width)}]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def _merges(levels: int) -> str:
    lines = [f"{ACCOUNT}context:", "  m0: &m0 {k: 1}"]
    lines += [f"  m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: *m{n - 1}}}" for n in range(1, levels)]
    return "\n".join(lines)


def _account(text: str) -> str:
    return f"{ACCOUNT}{text}"


TEXTS: dict[str, str | bytes] = {
    "aliases": _bomb(9, 10),
    "aliases-deep": _bomb(2000, 2),
    "aliases-many": _account("context: {a: &a [1], b: [" + "*a, " * 100_000 + "1]}\n"),
    "aliases-of-themselves": _account("context: &a {a: *a}\n"),
    "aliases-of-nothing": _account("context: {a: *nothing}\n"),
    "anchors-many": _account("context:\n" + "".join(f"  k{n}: &a{n} 1\n" for n in range(50_000))),
    "merge-keys": _merges(40),
    "merge-of-itself": _account("context: &a\n  <<: *a\n"),
    "merge-of-a-text": _account("context:\n  <<: text\n"),
    "deep-lists": _account("context: {a: " + "[" * 50_000 + "]" * 50_000 + "}\n"),
    "deep-objects": _account("context: " + "{a: " * 50_000 + "1" + "}" * 50_000 + "\n"),
    "deep-dashes": "- " * 100_000,
    "deep-questions": "? " * 100_000,
    "deep-indents": "".join(" " * n + "a:\n" for n in range(3000)),
    "open-brackets": "[" * 100_000,
    "open-braces": "{" * 100_000,
    "open-quote": 'connector: "' + "x" * 1_000_000,
    "one-long-line": _account("label: " + "x" * 30_000_000 + "\n"),
    "many-lines": "\n" * 10_000_000,
    "many-comments": "# x\n" * 2_000_000,
    "many-documents": "---\n" * 500_000,
    "many-directives": "%YAML 1.2\n" * 100_000,
    "many-keys": _account("context:\n" + "".join(f"  key_{n}: {n}\n" for n in range(60_000))),
    "same-keys": _account("context: {" + "a: 1, " * 20_000 + "}\n"),
    "key-of-lists": _account("context: {[a, b]: 1, {c: d}: 2}\n"),
    "key-long": _account(f"context: {{? {'k' * 1_000_000} : 1}}\n"),
    "key-null": _account("context: {null: 1, ~: 2, '': 3}\n"),
    "number-long": _account(f"context: {{a: {'9' * 100_000}}}\n"),
    "number-hex": _account(f"context: {{a: 0x{'f' * 100_000}}}\n"),
    "number-sexagesimal": _account("context: {a: " + "59:" * 50_000 + "59}\n"),
    "number-float": _account(f"context: {{a: {'1' * 50_000}.{'1' * 50_000}e99999}}\n"),
    "number-infinite": _account("context: {a: .inf, b: -.inf, c: .nan, d: 1e999}\n"),
    "number-octal": _account("context: {a: 0o" + "7" * 100_000 + "}\n"),
    "date-odd": _account("context: {a: 9999-99-99, b: 0000-00-00T99:99:99Z, c: 2024-02-30}\n"),
    "tag-python": _account("context: {a: !!python/object/apply:os.system ['touch pwned']}\n"),
    "tag-unknown": _account("context: {a: !<tag:example.com,2000:x> 1, b: !!binary '////'}\n"),
    "tag-long": _account(f"context: {{a: !{'t' * 100_000} 1}}\n"),
    "tag-include": _account("context: {a: !include /etc/passwd}\n"),
    "nul": _account("label: 'a\x00b'\n"),
    "nul-escaped": _account('label: "a\\0b"\n'),
    "control": _account('label: "\\e[31m\\u202e\\r::error::x"\n'),
    "surrogate": _account('label: "\\ud800"\ncontext: {"\\udfff": "\\udfff{{a}}"}\n'),
    "surrogate-expression": _account("override: {resources: {things: {list: {query: {a: \"{{ '\\ud800' }}\"}}}}}\n"),
    "surrogate-path": _account('override: {resources: {things: {list: {path: "/\\ud800/{{id}}"}}}}\n'),
    "surrogate-header": _account('override: {resources: {things: {list: {headers: {x-a: "\\ud800"}}}}}\n'),
    "bytes": b"connector: demo\nlabel: \xff\xfe\n",
    "bytes-overlong": b"connector: demo\nlabel: \xc0\xaf\xed\xa0\x80\n",
    "utf-16": "connector: demo\n".encode("utf-16"),
    "utf-32": "connector: demo\n".encode("utf-32"),
    "utf-7": b"connector: demo\nlabel: +ADw-\n",
    "marks": b"\xef\xbb\xbf\xef\xbb\xbfconnector: demo\n",
    "binary": bytes(range(256)) * 4000,
    "gzip": b"\x1f\x8b\x08\x00" + b"\x00" * 1000,
    "json-deep": '{"connector": "demo", "context": ' + '{"a":' * 50_000 + "1" + "}" * 50_001,
    "json-twice": '{"connector": "demo", "connector": "other"}',
    "json-number": '{"connector": "demo", "context": {"a": ' + "9" * 100_000 + "}}",
    "expression-long": _account("override: {resources: {things: {list: {query: {a: \"{{ " + "a&" * 50_000 + "a }}\"}}}}}\n"),
    "templates-many": _account("override: {resources: {things: {list: {query: {a: \"" + "{{a}}" * 20_000 + "\"}}}}}\n"),
    "templates-open": _account("override: {resources: {things: {list: {query: {a: \"" + "{{" * 50_000 + "\"}}}}}\n"),
    "pattern": _account("override: {fields: [{name: tenant, pattern: '(a+)+$'}]}\ncontext: {tenant: " + "a" * 4000 + "}\n"),
    "pattern-deep": _account("override: {fields: [{name: tenant, pattern: '" + "(" * 5000 + ")" * 5000 + "'}]}\n"),
    "stars": _account("override: {hosts: ['" + "*a" * 2000 + ".example']}\n"),
    "parents-many": _account("override: {resources: {things: {list: {parents: [" + "{as: a, values: '[1..9999]'}, " * 300 + "]}}}}\n"),
    "refers-to-itself": _account("override: {resources: {things: {list: {parents: {as: a, from: things.list}}}}}\n"),
    "resources-many": _account("override: {resources: {" + ", ".join(f"r{n}: {{list: {{path: /r}}}}" for n in range(3000)) + "}}\n"),
    "wrong-types": _account("override: [1]\ncontext: text\nenvironment: {a: 1}\nlabel: [x]\n"),
    "base-url": _account('override: {base_url: "http://[::1%25x]:99999/\\u0000"}\n'),
    "base-url-long": _account("override: {base_url: 'https://" + "a." * 100_000 + "example'}\n"),
}  # fmt: skip

DOCUMENTS: dict[str, tuple[str, Any]] = {
    **{name: ("accounts/acme.yaml", text) for name, text in TEXTS.items()},
    "connector-bomb": ("connectors/demo/connector.yaml", _bomb(9, 10)),
    "connector-deep": ("connectors/demo/connector.yaml", "resources: " + "{a: " * 50_000),
    "unified-bomb": ("connectors/demo/unified/crm.yaml", _bomb(9, 10)),
    "unified-wide": (
        "connectors/demo/unified/crm.yaml",
        "resources: {things: {list: {response_mapping: {"
        + ", ".join(f"f{n}: response.f{n}" for n in range(20_000))
        + "}}}}\n",
    ),
    "conn-bomb": ("conn.yaml", _bomb(9, 10)),
    "conn-hosts": ("conn.yaml", "trusted_hosts: [" + "'*', " * 50_000 + "]\n"),
    "recording-deep": ("connectors/demo/recordings/things.list.json", '{"exchanges": ' + "[" * 50_000),
    "recording-number": ("connectors/demo/recordings/things.list.json", '{"exchanges": [' + "9" * 1_000_000 + "]}"),
    "recording-bytes": ("connectors/demo/recordings/things.list.json", b"\xff\x00" * 500_000),
}
"""Name to a file's path and what is in it."""
