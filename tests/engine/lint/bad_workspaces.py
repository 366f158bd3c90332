"""A small good workspace, and one smallest change of it per diagnostic code with the place where it must be found."""

from dataclasses import dataclass, field
from pathlib import Path

CONNECTOR = """\
base_url: https://api.example.com
credentials: {format: bearer}
authorization: {format: bearer}
pagination: {format: cursor, config: {cursor_field: next}}
resources:
  contacts:
    list: {method: get, path: /contacts, response_path: data}
    get: {method: get, path: "/contacts/{{id}}"}
"""
UNIFIED = """\
resources:
  contacts:
    list:
      response_mapping:
        id: response.id
        email: response.email
"""
TOKENS = """\
hosts: ["*.example.com"]
credentials: {format: oauth2_client_credentials, config: {token_url: https://api.example.com/token}}"""
RECORDING = """\
{"format": 1, "connector": "demo", "operation": "crm.contacts.list", "scenario": "default", "source": "sample",
 "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.example.com", "call": {},
 "exchanges": [{"request": {"method": "GET", "url": "https://api.example.com/contacts"},
                "response": {"status": 200, "body": {"next": null, "data": [{"id": "1", "email": "a@b.c"}]}}}]}
"""
GOLDEN = """\
{"operation": "crm.contacts.list", "scenario": "default", "requests": [{"method": "GET", "url": "/contacts"}],
 "records": [{"id": "1", "email": "a@b.c"}]}
"""
GOOD: dict[str, str] = {
    "conn.yaml": "version: 1\n",
    "connectors/demo/connector.yaml": CONNECTOR,
    "connectors/demo/unified/crm.yaml": UNIFIED,
    "connectors/demo/recordings/crm.contacts.list.json": RECORDING,
    "connectors/demo/expected/crm.contacts.list.json": GOLDEN,
    "environments/production.yaml": "connectors: {}\n",
    "accounts/me.yaml": "connector: demo\n",
}
HTTP, MAPPING, ACCOUNT = "connectors/demo/connector.yaml", "connectors/demo/unified/crm.yaml", "accounts/me.yaml"
CONTRACT = "connectors/demo/contract.yaml"
TAPE, KEPT = "connectors/demo/recordings/crm.contacts.list.json", "connectors/demo/expected/crm.contacts.list.json"
LONG_NAMES, LONG_LIST = "connectors/demo/unified/long.yaml", "{resource: contacts, response_mapping: {id: response.id}}"

Found = tuple[str, str, int, int]


@dataclass(frozen=True)
class Bad:
    """A change of the good workspace.

    `files` are written over the good ones, None leaves one out; `swap` replaces one text in one of them. `found` is
    all that is found.
    """

    name: str
    found: list[Found]
    files: dict[str, str | bytes | None] = field(default_factory=dict)
    swap: tuple[str, str, str] | None = None


def make(root: Path, bad: Bad | None = None) -> Path:
    """Write a workspace."""
    files: dict[str, str | bytes | None] = {**GOOD, **(bad.files if bad else {})}
    if bad and bad.swap:
        file, old, new = bad.swap
        text = files[file]
        assert isinstance(text, str)
        assert old in text, f"{file} has no {old!r}"
        files[file] = text.replace(old, new, 1)
    for name, content in files.items():
        if content is None:
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def one(code: str, file: str, line: int, column: int) -> list[Found]:
    """Exactly one finding."""
    return [(code, file, line, column)]


DOCUMENTS = [
    Bad("latin-1", one("DOC001", ACCOUNT, 2, 9), {ACCOUNT: "connector: demo\nlabel: M\u00fcller\n".encode("latin-1")}),
    Bad("no yaml", one("DOC002", ACCOUNT, 2, 9), {ACCOUNT: "connector: demo\nlabel: a: b\n"}),
    Bad("json comma", one("DOC002", TAPE, 1, 14), {TAPE: '{"format": 1,}'}),
    Bad("key twice", one("DOC003", ACCOUNT, 2, 1), {ACCOUNT: "connector: demo\nconnector: demo\n"}),
    Bad("no anchor", one("DOC004", ACCOUNT, 2, 8), {ACCOUNT: "connector: demo\nlabel: *nothing\n"}),
    Bad(
        "too deep",
        one("DOC005", ACCOUNT, 2, 112),
        {ACCOUNT: "connector: demo\ncontext: {a: " + "[" * 400 + "]" * 400 + "}\n"},
    ),
    Bad("python tag", one("DOC006", ACCOUNT, 2, 8), {ACCOUNT: "connector: demo\nlabel: !!python/name:os.system x\n"}),
    Bad("merge key", one("DOC008", ACCOUNT, 3, 1), {ACCOUNT: "connector: demo\ncontext: &a {}\n<<: *a\n"}),
    Bad("key is a mapping", one("DOC009", ACCOUNT, 2, 10), {ACCOUNT: "connector: demo\ncontext: {{{id}}: 1}\n"}),
    Bad("leading zeros", one("DOC170", ACCOUNT, 2, 18), {ACCOUNT: "connector: demo\ncontext: { zip:  01234 }\n"}),
    Bad(
        "conflict of a merge",
        one("DOC190", ACCOUNT, 2, 1),
        {ACCOUNT: "connector: demo\n<<<<<<< yours\nlabel: A\n=======\nlabel: B\n>>>>>>> bundled 1\n"},
    ),
    Bad(
        "comment without a reason", one("DOC011", ACCOUNT, 1, 17), {ACCOUNT: "connector: demo # conn: ignore CFG101\n"}
    ),
    Bad("empty account", one("CFG102", ACCOUNT, 1, 1), {ACCOUNT: ""}),
    Bad("a list", one("CFG102", ACCOUNT, 1, 1), {ACCOUNT: "- connector: demo\n"}),
    Bad(
        "no connector.yaml", one("DOC001", "connectors/other/connector.yaml", 1, 1), {"connectors/other/notes.txt": "x"}
    ),
]

SYNC = "syncs/people.yaml"
SOURCE = "source: {connector: demo, resource: contacts}\n"
MAPPED_SOURCE = "source: {connector: demo, resource: crm.contacts}\n"
TO_FILE = "emit: {type: file, to: out/}\n"
ENRICHING = """\
steps:
  - {action: fetch_resource, connector: demo, resource: crm.contacts}
  - {action: enrich, resource: contacts.get, params: {id: "{{record.id}}"}, into: details}
  - {action: deliver, type: file, to: out/}
"""


HOOKED = """\
fields: [{name: webhook_secret, secret: true, required: false}]
webhooks: {verify: {format: hmac, config: {signature: headers.sig}}, events: {type: body.type}}
"""


def endpoint(name: str, code: str, column: int, claims: str, url: str = "http://localhost:8080") -> Bad:
    text = f"version: 1\nendpoints: {{e: {{url: '{url}', claim_check: {{{claims}}}}}}}\n"
    return Bad(name, one(code, "conn.yaml", 2, column), {"conn.yaml": text})


def sync(name: str, code: str, line: int, column: int, text: str, **files: str) -> Bad:
    """A workspace whose fault is in a sync."""
    return Bad(name, one(code, SYNC, line, column), {SYNC: text, **files})


def override_sync(name: str, code: str, line: int, column: int, text: str) -> Bad:
    """A workspace whose fault is in what an account sets for a sync, and only there."""
    own = f"connector: demo\nlabel: Me\nsyncs:\n  people:\n    {text}\n"
    return Bad(name, one(code, ACCOUNT, line, column), {SYNC: f"{SOURCE}{TO_FILE}", ACCOUNT: own})


SYNCS = [
    sync("fetches nothing", "SYN101", 1, 1, "trigger: manual\n"),
    sync("unknown resource", "SYN101", 1, 9, "source: {connector: demo, resource: nothing}\n"),
    sync(
        "setting of another action",
        "SYN101",
        2,
        71,
        "steps:\n- {action: fetch_resource, connector: demo, resource: contacts, body: x}\n",
    ),
    sync("file of no format", "SYN101", 2, 24, f"{SOURCE}emit: {{type: file, to: people.xls}}\n"),
    sync("database without a file", "SYN101", 2, 7, f"{SOURCE}emit: {{type: duckdb}}\n"),
    sync("condition of a sweep", "SYN101", 2, 28, f"{SOURCE}deletes: {{by: sweep, when: record.gone}}\n{TO_FILE}"),
    sync("six fields", "SYN102", 2, 11, f"{SOURCE}schedule: '* * * * * *'\n{TO_FILE}"),
    sync("never comes", "SYN102", 2, 11, f"{SOURCE}schedule: 0 0 30 2 *\n{TO_FILE}"),
    sync("no such zone", "SYN102", 2, 11, f"{SOURCE}timezone: Europe/Wien\n{TO_FILE}"),
    sync("no duration", "SYN102", 2, 11, f"{SOURCE}lookback: 10m\n{TO_FILE}"),
    override_sync("schedule of an account", "SYN102", 5, 15, "schedule: '99 * * * *'"),
    override_sync("time zone of an account", "SYN102", 5, 15, "timezone: Mars/Phobos"),
    override_sync("duration of an account", "SYN102", 5, 15, "lookback: banana"),
    override_sync("filter of an account", "EXP101", 5, 18, "filter: 'id ='"),
    override_sync("transform of an account", "EXP101", 5, 28, "transform: {name: 'id ='}"),
    override_sync("parameter of an account", "EXP101", 5, 30, "params: {since: '{{ id = }}'}"),
    sync("unknown connector", "SYN103", 1, 21, "source: {connector: dmo, resource: contacts}\n"),
    sync("unknown account", "SYN103", 2, 12, f"{SOURCE}accounts: [you]\n{TO_FILE}"),
    sync("unknown tag", "SYN103", 2, 19, f"{SOURCE}accounts: {{tags: [eu]}}\n{TO_FILE}"),
    sync("unknown endpoint", "SYN103", 2, 18, f"{SOURCE}emit: {{endpoint: app}}\n"),
    sync("unknown sync", "SYN103", 2, 17, f"{SOURCE}trigger: {{sync: other}}\n{TO_FILE}"),
    sync(
        "parameter that is not read",
        "SYN104",
        1,
        60,
        f"source: {{connector: demo, resource: crm.contacts, params: {{since: x}}}}\n{TO_FILE}",
    ),
    sync(
        "other pagination",
        "SYN106",
        1,
        59,
        f"source: {{connector: demo, resource: contacts, pagination: {{type: offset}}}}\n{TO_FILE}",
    ),
    Bad(
        "parameter that the contract does not have",
        one("SYN105", SYNC, 1, 59),
        {
            SYNC: f"source: {{connector: demo, resource: contacts, params:    {{since: x}}}}\n{TO_FILE}",
            HTTP: CONNECTOR.replace("/contacts,", "/contacts, query_schema: {properties: {limit: {}}},", 1),
        },
    ),
    sync("no endpoint", "SYN107", 2, 7, f"{SOURCE}emit: {{event: contact.updated}}\n"),
    sync("backfill without a range", "SYN108", 2, 11, f"{SOURCE}backfill: {{}}\n{TO_FILE}"),
    sync(
        "half of a window", "SYN108", 2, 20, f'{SOURCE}backfill: {{params: {{a: "{{{{window.start}}}}"}}}}\n{TO_FILE}'
    ),
    sync("a sync after itself", "SYN109", 2, 17, f"{SOURCE}trigger: {{sync: people}}\n{TO_FILE}"),
    sync("event without webhooks", "SYN110", 2, 20, f"{SOURCE}trigger: {{webhook: contacts.updated}}\n{TO_FILE}"),
    Bad(
        "events that are dropped",
        one("SYN111", SYNC, 2, 10),
        {
            SYNC: 'source: {connector: demo, resource: contacts, params: {of: "{{event.id}}"}}\n'
            f"trigger: {{webhook: changed}}\n{TO_FILE}",
            HTTP: f"{CONNECTOR}{HOOKED}",
        },
    ),
    sync(
        "deleted records that no field shows",
        "SYN122",
        2,
        10,
        f"source: {{resource: crm.contacts}}\ndeletes: {{by: record}}\n{TO_FILE}",
    ),
    endpoint("validity of a signature", "SYN115", 70, "expires: P8D"),
    endpoint("validity without a unit", "SYN115", 70, "expires: 7 days"),
    endpoint("storage of another kind", "SYN115", 68, "store: ftp://files/events"),
    endpoint("web server as storage", "SYN115", 68, "store: https://files.example.com/events"),
    endpoint("folder for another machine", "SYN116", 65, "above: 1000", "https://app.example.com/in"),
    sync("drift of no operation", "SYN117", 2, 22, f"kind: drift\ndrift: {{operations: [crm.deals.*]}}\n{TO_FILE}"),
    sync(
        "drift without a recording", "SYN117", 2, 22, f"kind: drift\ndrift: {{operations: [contacts.list]}}\n{TO_FILE}"
    ),
    sync(
        "accounts that record in turn",
        "SYN118",
        2,
        17,
        f"kind: drift\ndrift: {{record: all}}\n{TO_FILE}",
        **{"accounts/you.yaml": "connector: demo\n"},
    ),
    sync("drift with a source", "SYN101", 2, 9, f"kind: drift\n{SOURCE}{TO_FILE}"),
    sync("drift of a sync", "SYN101", 2, 8, f"{SOURCE}drift: {{pages: 2}}\n{TO_FILE}"),
    sync("drift of an unknown connector", "SYN103", 2, 20, f"kind: drift\ndrift: {{connector: other}}\n{TO_FILE}"),
    sync("broken filter", "EXP101", 2, 20, f"{SOURCE}filter: record.id =\n{TO_FILE}"),
    Bad(
        "settings of no sync",
        one("REF101", ACCOUNT, 2, 9),
        {ACCOUNT: "connector: demo\nsyncs: {x: {enabled: false}}\n"},
    ),
]

CONFIGURATION = [
    Bad("unknown key", one("CFG101", HTTP, 2, 1), swap=(HTTP, "credentials:", "credntials:")),
    Bad("key of an operation", one("CFG101", HTTP, 7, 42), swap=(HTTP, "response_path", "respnse_path")),
    Bad("key of a strategy", one("CFG101", HTTP, 4, 39), swap=(HTTP, "cursor_field", "cursor_feild")),
    Bad(
        "flat key of a strategy",
        one("CFG101", HTTP, 4, 30),
        swap=(HTTP, "config: {cursor_field: next}", "cursor_feild: next"),
    ),
    Bad(
        "setting next to config",
        one("CFG106", HTTP, 4, 60),
        swap=(HTTP, "config: {cursor_field: next}", "config: {cursor_field: next}, size: 5"),
    ),
    Bad("wrong type", one("CFG102", HTTP, 7, 31), swap=(HTTP, "path: /contacts,", "path: [/contacts],")),
    Bad("missing key", one("CFG103", HTTP, 7, 5), swap=(HTTP, "method: get, path: /contacts, ", "method: get, ")),
    Bad(
        "no network",
        one("CFG104", "conn.yaml", 2, 29),
        files={"conn.yaml": "version: 1\ntrusted_hosts: [10.0.0.0/8, 10.0.0.1/8, localhost:80]\n"},
    ),
    Bad("not allowed", one("CFG104", HTTP, 7, 20), swap=(HTTP, "list: {method: get", "list: {method: gte")),
    Bad("unknown pagination", one("CFG105", HTTP, 4, 22), swap=(HTTP, "format: cursor", "format: cursr")),
    Bad(
        "unknown credentials",
        one("CFG105", HTTP, 2, 23),
        swap=(HTTP, "credentials: {format: bearer", "credentials: {format: berer"),
    ),
    Bad(
        "unknown authorization",
        one("CFG105", HTTP, 3, 25),
        swap=(HTTP, "authorization: {format: bearer", "authorization: {format: nonsense"),
    ),
    Bad(
        "said twice",
        one("CFG106", HTTP, 4, 59),
        swap=(HTTP, "cursor_field: next", "cursor_field: next, cursor_path: next"),
    ),
    Bad(
        "name that cannot be asked for",
        [("CFG107", "accounts/my account.yaml", 1, 1)],
        {"accounts/my account.yaml": "connector: demo\n"},
    ),
    Bad(
        "dead override",
        one("CFG201", ACCOUNT, 3, 13),
        {ACCOUNT: "connector: demo\noverride:\n  base_url: https://api.example.com\n"},
    ),
    Bad(
        "override of some operations only",
        one("CFG150", ACCOUNT, 7, 38),
        {
            MAPPING: UNIFIED + "    get: { response_mapping: { id: response.id, email: response.email } }\n",
            ACCOUNT: "connector: demo\noverride:\n  unified:\n    crm:\n      contacts:\n        list:\n"
            "          response_mapping: { email: response.mail }\n",
            "connectors/demo/recordings/crm.contacts.get.json": RECORDING.replace(
                "crm.contacts.list", "crm.contacts.get"
            ),
        },
    ),
    Bad(
        "mapping that no operation takes",
        one("CFG151", MAPPING, 7, 5),
        {MAPPING: UNIFIED + "    request_body_mapping: { name: body.name }\n"},
    ),
    Bad(
        "path of a resource that no operation uses",
        one("CFG151", HTTP, 7, 5),
        swap=(HTTP, "  contacts:\n", "  contacts:\n    path: /people\n"),
    ),
    Bad(
        "path of a resource that does not exist",
        one("CFG151", ACCOUNT, 2, 37),
        {ACCOUNT: "connector: demo\noverride: { resources: { contcts: { path: /people } } }\n"},
    ),
    Bad("key of a contract", one("CFG101", CONTRACT, 1, 1), {CONTRACT: "not_offerd: {deletes: None.}\n"}),
    Bad(
        "what nobody expects",
        one("CFG101", CONTRACT, 2, 3),
        {CONTRACT: "not_offered:\n  crm.contacts.titel: The vendor has none.\n"},
    ),
    Bad("gap of no operation", one("CFG101", CONTRACT, 2, 3), {CONTRACT: "gaps:\n  contacts.lst: {reason: Old.}\n"}),
    Bad("bad conn.yaml", one("CFG101", "conn.yaml", 2, 1), {"conn.yaml": "version: 1\nmodls: []\n"}),
    Bad("no such connector", one("REF101", ACCOUNT, 1, 12), {ACCOUNT: "connector: dmo\n"}),
    Bad(
        "no such connector in an environment",
        one("REF101", "environments/production.yaml", 1, 15),
        {"environments/production.yaml": "connectors: { dmo: { timeout_seconds: 5 } }\n"},
    ),
    Bad("no such environment", one("REF101", ACCOUNT, 2, 14), {ACCOUNT: "connector: demo\nenvironment: staging\n"}),
    Bad(
        "no such operation",
        one("REF102", MAPPING, 4, 17),
        swap=(MAPPING, "    list:\n", "    list:\n      resource: people\n"),
    ),
    Bad(
        "override of a setting that each operation sets",
        one("CFG160", ACCOUNT, 3, 22),
        {
            HTTP: CONNECTOR.replace(
                "response_path: data}", "response_path: data, pagination: {format: page, size: 10, size_param: n}}"
            ),
            ACCOUNT: "connector: demo\noverride:\n  pagination: {size: 50}\n",
        },
    ),
    Bad(
        "override that drops a filter",
        one("CFG161", ACCOUNT, 3, 48),
        {
            HTTP: CONNECTOR.replace("response_path: data}", "response_path: data, record_filter: record.id}"),
            ACCOUNT: "connector: demo\noverride:\n  resources: {contacts: {list: {record_filter: record.email}}}\n",
        },
    ),
    Bad(
        "override that drops settings of the other format",
        one("CFG162", ACCOUNT, 3, 24),
        {
            HTTP: CONNECTOR.replace("cursor_field: next}", "cursor_field: next, size: 10, size_param: n}"),
            ACCOUNT: "connector: demo\noverride:\n  pagination: {format: page, page_param: p}\n",
        },
    ),
    Bad(
        "override of an unknown resource",
        one("REF142", ACCOUNT, 3, 15),
        {ACCOUNT: "connector: demo\noverride:\n  resources: {contcts: {headers: {X-A: b}}}\n"},
    ),
    Bad(
        "override without the model",
        one("REF142", ACCOUNT, 4, 5),
        {
            ACCOUNT: "connector: demo\noverride:\n  unified:\n    contacts:\n      response_mapping:\n"
            "        email: response.mail\n"
        },
    ),
    Bad(
        "disabled operation behind a unified one",
        one("REF141", MAPPING, 4, 7),
        swap=(HTTP, "list: {method: get, path", "list: {enabled: false, method: get, path"),
    ),
    Bad(
        "no such parents",
        one("REF102", HTTP, 8, 74),
        swap=(HTTP, '"/contacts/{{id}}"}', '"/contacts/{{id}}", parents: {as: id, from: contact.list}}'),
    ),
    Bad(
        "no such parents in a product",
        [("REF102", HTTP, 8, 97)],
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", parents: [{as: a, values: [1]}, {as: id, from: contacts.lst}]}',
        ),
    ),
    Bad(
        "no such operation of an enrichment",
        [("REF102", HTTP, 8, 91)],
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", enrich: [{name: who, request: {resource: people, method: get}}]}',
        ),
    ),
    Bad(
        "a policy of no field",
        one("MAP205", MAPPING, 4, 35),
        swap=(MAPPING, "      response_mapping:", "      on_error: {id: fail, emial: fail}\n      response_mapping:"),
    ),
    Bad(
        "a type of no field",
        one("MAP203", HTTP, 8, 102),
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", record_mapping: {id: record.id}, record_types: {ID: text, id: text}}',
        ),
    ),
    Bad(
        "parents of themselves",
        one("REF104", HTTP, 8, 74),
        swap=(HTTP, '"/contacts/{{id}}"}', '"/contacts/{{id}}", parents: {as: id, from: contacts.get}}'),
    ),
    Bad(
        "incremental to no effect",
        one("CFG202", HTTP, 8, 63),
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", incremental: {format: integer, config: {record_cursor: n}}}',
        ),
    ),
    Bad(
        "a name of no window",
        [("EXP103", HTTP, 8, 64)],
        swap=(HTTP, '"/contacts/{{id}}"}', '"/contacts/{{id}}", query: {q: "{{window.start}}"}}'),
    ),
    Bad(
        "a name of no job",
        [("EXP103", HTTP, 8, 75)],
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", job: {poll: {path: "/j/{{created.id}}", status: body.s, done: [x]}}}',
        ),
    ),
    Bad(
        "a name of no partition",
        [("EXP103", HTTP, 8, 64)],
        swap=(
            HTTP,
            '"/contacts/{{id}}"}',
            '"/contacts/{{id}}", query: {q: "{{bord}}"}, parents: {as: board, values: [1]}}',
        ),
    ),
    Bad(
        "lacks a value", one("REF103", ACCOUNT, 1, 1), swap=(HTTP, "resources:", "fields: [{name: region}]\nresources:")
    ),
    Bad(
        "no recording",
        one("REC101", MAPPING, 8, 7),
        swap=(MAPPING, "email\n", "email\n    get:\n      response_mapping: {id: response.id}\n"),
    ),
    Bad("no recording format", one("REC001", TAPE, 1, 1), {TAPE: "{}\n"}),
    Bad(
        "an old recording",
        one("REC180", TAPE, 1, 1),
        {TAPE: RECORDING.replace('"sample"', '"live"').replace("2026-01-01", "2020-01-01")},
    ),
]

EXPRESSIONS = [
    Bad(
        "braces of another language", one("CFG130", HTTP, 8, 41), swap=(HTTP, '"/contacts/{{id}}"', '"/contacts/{id}"')
    ),
    Bad(
        "a verification of one record",
        one("REF130", HTTP, 1, 9),
        swap=(HTTP, "base_url", "verify: contacts.get\nbase_url"),
    ),
    Bad(
        "a parameter that the vendor does not have",
        one("REF200", MAPPING, 4, 23),
        {HTTP: CONNECTOR.replace("/contacts,", "/contacts, query_schema: {properties: {limit: {}}},", 1)},
        swap=(MAPPING, "response_mapping", "query_mapping: {limt: query.limit}\n      response_mapping"),
    ),
    Bad(
        "a write that lacks what the vendor requires",
        [("REC101", MAPPING, 7, 13), ("REF201", MAPPING, 7, 36)],
        {
            HTTP: f"{CONNECTOR}    create: {{method: post, path: /contacts, request_schema: {{required: [email, id], "
            "properties: {email: {}, id: {readOnly: true}, name: {}}}}\n",
            MAPPING: f"{UNIFIED}    create: {{request_body_mapping: {{name: body.email}}, response_mapping: {{id: "
            "response.id}}\n",
        },
    ),
    Bad(
        "a schema that is not there",
        one("CFG104", HTTP, 7, 59),
        swap=(HTTP, "path: /contacts,", "path: /contacts, response_schema: schemas/none.json,"),
    ),
    Bad("no TLS", one("SEC130", HTTP, 1, 11), swap=(HTTP, "https://api", "http://api")),
    Bad("an internal host", one("SEC131", HTTP, 1, 11), swap=(HTTP, "https://api.example.com", "https://10.1.2.3")),
    Bad("no expression", one("EXP101", MAPPING, 6, 26), swap=(MAPPING, "response.email", "response.(")),
    Bad("template left open", one("EXP101", HTTP, 8, 41), swap=(HTTP, "{{id}}", "{{id")),
    Bad("no function", one("EXP102", MAPPING, 6, 16), swap=(MAPPING, "response.email", "$lowecase(response.email)")),
    Bad("a name in brackets", one("EXP130", MAPPING, 6, 24), swap=(MAPPING, "response.email", "response['email']")),
    Bad(
        "texts with a plus",
        one("EXP131", MAPPING, 6, 31),
        swap=(MAPPING, "response.email", "response.email + ' ' + response.name"),
    ),
    Bad(
        "a filtered list before a step",
        one("EXP132", MAPPING, 6, 22),
        swap=(MAPPING, "response.email", "$join([response.email, response.mail][$ != ''].$lowercase())"),
    ),
    Bad(
        "a path that is sent",
        one("EXP140", HTTP, 7, 78),
        swap=(HTTP, "response_path: data", "response_path: data, query: {limit: query.limit}"),
    ),
    Bad(
        "quotes that are sent",
        one("EXP141", HTTP, 7, 79),
        swap=(HTTP, "response_path: data", "response_path: data, query: {state: \"'open'\"}"),
    ),
    Bad(
        "a filter of the page",
        one("EXP142", HTTP, 7, 78),
        swap=(HTTP, "response_path: data", "response_path: data, record_filter: response.active"),
    ),
    Bad("a body in the body", one("EXP143", HTTP, 4, 53), swap=(HTTP, "cursor_field: next", "cursor_field: body.next")),
    Bad(
        "a header in capitals",
        one("EXP144", HTTP, 2, 17),
        swap=(HTTP, "credentials", "errors: [{when: headers.Retry = 'no', then: empty}]\ncredentials"),
    ),
    Bad("no name", one("EXP103", MAPPING, 6, 16), swap=(MAPPING, "response.email", "respnse.email")),
    Bad("secret in a mapping", one("EXP104", MAPPING, 6, 16), swap=(MAPPING, "response.email", "env.TOKEN")),
    Bad(
        "secret in a header", one("EXP104", HTTP, 1, 17), swap=(HTTP, "base_url", 'headers: {x: "{{env.T}}"}\nbase_url')
    ),
    Bad(
        "a field that the levels below do not make",
        one("MAP130", ACCOUNT, 3, 80),
        {
            ACCOUNT: "connector: demo\noverride:\n"
            "  unified: {crm: {contacts: {list: {response_mapping: {email: $lowercase($base.emial)}}}}}\n"
        },
    ),
    Bad("nothing below", one("MAP131", MAPPING, 6, 16), swap=(MAPPING, "response.email", "$base.email")),
    Bad("no id", one("MAP132", MAPPING, 5, 13), swap=(MAPPING, "id: response.id", "id: null")),
    Bad(
        "a field that is written and not read",
        one("MAP134", MAPPING, 7, 50),
        {TAPE.replace("list", "add"): RECORDING.replace("contacts.list", "contacts.add")},
        (MAPPING, "email\n", "email\n    add: {method: get, request_body_mapping: {n: body.title}}\n"),
    ),
    Bad("no field", one("MAP303", MAPPING, 6, 9), swap=(MAPPING, "email: response", "emial: response")),
    Bad(
        "password of the store",
        one("SEC101", "conn.yaml", 2, 8),
        files={"conn.yaml": "version: 1\nstore: postgresql://conn:0a1b2c3d@db/conn\n"},
    ),
    Bad(
        "literal secret",
        one("SEC101", HTTP, 1, 22),
        swap=(HTTP, "base_url", "headers: {x-api-key: 0a1b2c3d4e5f}\nbase_url"),
    ),
    Bad(
        "literal secret in authorization",
        one("SEC101", HTTP, 3, 62),
        swap=(
            HTTP,
            "{format: bearer}\npagination",
            "{format: header, config: {name: X-Key, value: 0a1b2c3d}}\npagination",
        ),
    ),
    Bad(
        "literal secret in an account's context",
        one("SEC101", ACCOUNT, 2, 20),
        {ACCOUNT: "connector: demo\ncontext: {api_key: 0a1b2c3d4e5f}\n"},
    ),
    Bad(
        "an environment that is not there",
        one("REF101", "conn.yaml", 1, 16),
        {"conn.yaml": "environments: {prodution: {allow: {env: [APP]}}}\n"},
    ),
    Bad(
        "a proxy for a connector that is not there",
        one("REF101", "conn.yaml", 1, 9),
        {"conn.yaml": "proxy: {dmo: {paths: [{path: /contacts}]}}\n"},
    ),
    Bad(
        "a proxy for everything",
        one("SRV101", "conn.yaml", 1, 31),
        {"conn.yaml": "proxy: {demo: {paths: [{path: /**}]}}\n"},
    ),
    Bad(
        "a proxy for tokens",
        one("SRV102", "conn.yaml", 1, 31),
        {"conn.yaml": "proxy: {demo: {paths: [{path: /token}]}}\n"},
        (HTTP, "credentials: {format: bearer}", TOKENS),
    ),
    Bad(
        "names that do not fit into the tools of an agent",
        [("SRV103", LONG_NAMES, 2, 3), *(("REC101", LONG_NAMES, line, 92) for line in range(2, 28))],
        {
            LONG_NAMES: "resources:\n"
            + "".join(f"  {name * 80}: {{list: {LONG_LIST}}}\n" for name in "abcdefghijklmnopqrstuvwxyz")
        },
    ),
    Bad(
        "a header that the proxy never passes on",
        one("CFG104", "conn.yaml", 1, 37),
        {"conn.yaml": "proxy: {demo: {paths: [], headers: [Cookie]}}\n"},
    ),
    Bad(
        "a comment on what only conn.yaml allows",
        [*one("SEC110", ACCOUNT, 3, 13), *one("DOC011", ACCOUNT, 3, 38)],
        {ACCOUNT: "connector: demo\noverride:\n  base_url: https://evil.example.net # conn: ignore SEC110 -- me\n"},
    ),
    Bad(
        "wider hosts",
        one("SEC110", ACCOUNT, 3, 13),
        {ACCOUNT: "connector: demo\noverride:\n  base_url: https://evil.example.net\n"},
    ),
    Bad(
        "wider environment",
        one("SEC111", ACCOUNT, 3, 34),
        {ACCOUNT: "connector: demo\noverride:\n  authorization: {config: {path: env.AWS_KEY}}\n"},
    ),
    Bad(
        "computes with a secret",
        one("SEC113", ACCOUNT, 3, 34),
        {ACCOUNT: 'connector: demo\noverride:\n  authorization: {config: {path: "$substring(token, 1)"}}\n'},
        (HTTP, "{format: bearer}\npagination", "{format: bearer, config: {path: token}}\npagination"),
    ),
    Bad(
        "a credential in another header",
        one("SEC113", ACCOUNT, 3, 36),
        {ACCOUNT: "connector: demo\noverride:\n  authorization: {config: {header: X-Note}}\n"},
    ),
    Bad(
        "above the base URL",
        one("SEC115", ACCOUNT, 3, 39),
        {ACCOUNT: "connector: demo\noverride:\n  resources: {contacts: {list: {path: /%2e%2e/users}}}\n"},
    ),
    Bad(
        "beside the base URL",
        one("SEC115", ACCOUNT, 3, 13),
        {ACCOUNT: "connector: demo\noverride:\n  base_url: https://api.example.com/v2\n"},
        (HTTP, "https://api.example.com", "https://api.example.com/v1"),
    ),
    Bad(
        "a token from the host of before",
        one("SEC116", ACCOUNT, 3, 13),
        {
            ACCOUNT: "connector: demo\noverride:\n  base_url: https://sandbox.example.com\n",
            HTTP: CONNECTOR.replace("credentials: {format: bearer}", TOKENS),
        },
    ),
    Bad(
        "conn.yaml allows it",
        one("SEC117", ACCOUNT, 3, 36),
        {
            ACCOUNT: "connector: demo\noverride:\n  authorization: {config: {header: X-Note}}\n",
            "conn.yaml": "environments: {production: {allow: {placement: [authorization]}}}\n",
        },
    ),
    Bad(
        "endpoint of an account on another host",
        one("SEC118", ACCOUNT, 2, 24),
        {
            ACCOUNT: "connector: demo\nendpoints: {own: {url: https://app.example.net/in}}\n",
            "conn.yaml": "version: 1\nendpoint_hosts: ['*.example.com']\n",
        },
    ),
    Bad(
        "endpoint of an account with the secret of another one",
        one("SEC118", ACCOUNT, 2, 60),
        {
            ACCOUNT: "connector: demo\nendpoints: {own: {url: https://app.example.com/in, secret: '{{env.OTHER}}'}}\n",
            "conn.yaml": "endpoint_hosts: ['*.example.com']\nenv: [OTHER]\nendpoint_secrets: {b: [OTHER]}\n",
        },
    ),
    Bad(
        "secret of an endpoint",
        one("SEC101", "conn.yaml", 2, 58),
        {"conn.yaml": "version: 1\nendpoints: {e: {url: https://app.example.com/in, secret: whsec_c2VjcmV0}}\n"},
    ),
    Bad("no host", one("SEC112", HTTP, 1, 11), swap=(HTTP, "https://api.example.com", '"https://{{context.host}}"')),
    Bad("hosts leave out the own one", one("SEC160", HTTP, 1, 11), {HTTP: CONNECTOR + "hosts: [other.example.com]\n"}),
]

CURSOR = "{format: cursor, config: {cursor_field: next}}"
GET = '    get: {method: get, path: "/contacts/{{id}}"}\n'

BEHAVIOUR = [
    Bad(
        "paging that cannot end",
        one("PAG101", HTTP, 4, 47),
        swap=(HTTP, CURSOR, '{format: page, config: {has_more: "true"}}'),
    ),
    Bad(
        "a cursor that no GET sends",
        one("PAG102", HTTP, 4, 72),
        swap=(HTTP, CURSOR, "{format: cursor, config: {cursor_field: next, cursor_body: /after}}"),
    ),
    Bad(
        "more per page than there are",
        one("PAG103", HTTP, 4, 80),
        swap=(HTTP, CURSOR, "{format: cursor, config: {cursor_field: next, size_param: n, size: 500, max_size: 100}}"),
    ),
    Bad(
        "a page is compared with a size that nobody sets",
        one("PAG105", HTTP, 4, 64),
        swap=(HTTP, CURSOR, "{format: page, config: {size_param: n, full_pages: size}}"),
    ),
    Bad(
        "a status that does not exist",
        one("ERR101", HTTP, 5, 17),
        swap=(HTTP, "resources:", "errors: [{when: status = 600, then: empty}]\nresources:"),
    ),
    Bad(
        "a write that is retried",
        one("ERR102", HTTP, 9, 78),
        swap=(
            HTTP,
            GET,
            GET + "    add: {method: post, path: /contacts, errors: [{when: status = 503, then: retry}]}\n",
        ),
    ),
    Bad(
        "windows that are not there are narrowed",
        one("ERR103", HTTP, 9, 77),
        swap=(
            HTTP,
            GET,
            GET + "    all: {method: get, path: /contacts, errors: [{when: status = 413, then: {narrow: {}}}]}\n",
        ),
    ),
    Bad(
        "a token in the URL",
        one("SEC102", HTTP, 3, 25),
        swap=(
            HTTP,
            "authorization: {format: bearer}",
            "authorization: {format: query, config: {name: t, value: '{{token}}'}}",
        ),
    ),
    Bad("a variable that nothing sets", one("EXP103", MAPPING, 6, 16), swap=(MAPPING, "response.email", "$bse.email")),
    Bad(
        "a base where there are no levels",
        one("EXP103", HTTP, 7, 78),
        swap=(HTTP, "response_path: data", "response_path: data, record_filter: $base.a"),
    ),
    Bad(
        "a key that the credential does not have",
        one("EXP103", HTTP, 3, 16),
        swap=(HTTP, "authorization: {format: bearer}", "authorization: {format: header, config: {name: X-Key}}"),
    ),
    Bad(
        "a credential that nothing sends",
        one("SEC103", HTTP, 2, 14),
        swap=(HTTP, "{format: bearer}\nauthorization: {format: bearer}", "{format: api_key}"),
    ),
    Bad(
        "no place for the credential",
        [*one("SEC104", HTTP, 7, 31), *one("SEC104", HTTP, 8, 30)],
        swap=(
            HTTP,
            "authorization: {format: bearer}",
            "authorization: {format: path, config: {name: key, value: '{{token}}'}}",
        ),
    ),
    Bad(
        "a client without a token endpoint",
        one("SEC106", HTTP, 2, 14),
        swap=(HTTP, "credentials: {format: bearer}", "credentials: {format: oauth2_client_credentials}"),
    ),
    Bad(
        "a path that needs its credential",
        one("SEC105", HTTP, 3, 16),
        swap=(
            HTTP,
            CONNECTOR.partition("pagination")[0],
            "base_url: https://api.example.com/{key}\ncredentials: {format: bearer, config: {required: false}}\n"
            "authorization: {format: path, config: {name: key, value: '{{token}}'}}\n",
        ),
    ),
    Bad(
        "before its sunset",
        one("DEP102", HTTP, 7, 84),
        swap=(HTTP, "response_path: data", "response_path: data, deprecated: {sunset: 9999-12-31}"),
    ),
    Bad(
        "past its sunset",
        one("DEP101", HTTP, 7, 84),
        swap=(HTTP, "response_path: data", "response_path: data, deprecated: {sunset: 2020-01-31}"),
    ),
]

SIGNED = "verify: {format: hmac, config: {signature: headers.sig}}"
DELIVERIES = f"""\
fields: [{{name: webhook_secret, secret: true, required: false}}]
webhooks:
  {SIGNED}
  events: {{type: body.type, record: body.record, record_id: body.id}}
"""
EVENTS = """\
    get:
      response_mapping: {id: response.id, email: response.email}
    events:
      updated: {when: 'event.type = "changed"'}
"""


def hooked(  # noqa: PLR0917
    name: str,
    found: list[Found],
    old: str = "",
    new: str = "",
    account: str = "connector: demo\n",
    conn: str = GOOD["conn.yaml"],
) -> Bad:
    """A workspace with webhooks, in whose connector or mapping `old` is `new`."""
    connector, mapping = CONNECTOR + DELIVERIES, UNIFIED + EVENTS
    assert old in connector + mapping, f"neither has {old!r}"
    files = (
        {HTTP: connector.replace(old, new, 1), MAPPING: mapping.replace(old, new, 1)}
        if old
        else {HTTP: connector, MAPPING: mapping}
    )
    tape = RECORDING.replace("contacts.list", "contacts.get").replace('contacts"}', 'contacts/1"}')
    tape = (
        tape.replace('"call": {}', '"call": {"id": "1"}')
        .replace('{"next": null, "data": [', "")
        .replace('"}]}}', '"}}')
    )
    told = '{"events": [{"type": "crm.contact.updated"}]}'
    got = {
        "connectors/demo/recordings/crm.contacts.get.json": tape,
        "connectors/demo/expected/deliveries/changed.json": told,
    }
    return Bad(name, found, {**files, **got, ACCOUNT: account, "conn.yaml": conn})


WEBHOOKS = [
    hooked("good webhooks", []),
    hooked("nothing proves it", one("WHK101", HTTP, 11, 20), SIGNED, "verify: {format: none}"),
    hooked("another text is signed", one("WHK102", HTTP, 11, 20), "headers.sig", "headers.sig, content: headers.date"),
    hooked(
        "a password with each delivery",
        one("WHK103", HTTP, 11, 20),
        SIGNED,
        'verify: {format: basic, config: {username: me, password: "{{webhook_secret}}"}}',
    ),
    hooked(
        "signs for anybody",
        one("WHK104", HTTP, 12, 57),
        "  events: {type",
        "  challenge: [{when: query.ask, verified: false, reply: {body: \"{{$sign(query.ask, 'SHA-256', "
        'webhook_secret)}}"}}]\n  events: {type',
    ),
    hooked(
        "however old",
        one("WHK105", HTTP, 11, 130),
        "headers.sig",
        "headers.sig, content: text & timestamp, timestamp: headers.date, tolerance_seconds: 0",
    ),
    hooked("a type that is not signed", one("WHK210", HTTP, 12, 18), "type: body.type", "type: headers.topic"),
    hooked("no record", one("WHK106", MAPPING, 10, 16), "record: body.record, ", ""),
    hooked(
        "whose is it",
        one("WHK107", HTTP, 12, 39),
        "  events: {type",
        "  account: {value: body.org, context: tenant}\n  events: {type",
    ),
    hooked(
        "never asked",
        one("WHK108", HTTP, 12, 41),
        "  events: {type",
        "  challenge: [{when: query.ask}, {when: query.ask}]\n  events: {type",
    ),
    hooked(
        "an override without a proof",
        one("SEC114", ACCOUNT, 4, 22),
        account="connector: demo\noverride:\n  webhooks:\n    verify: {format: none}\n",
    ),
    hooked(
        "an override without a proof, which conn.yaml allows",
        [*one("SEC117", ACCOUNT, 4, 22), *one("WHK109", ACCOUNT, 4, 22)],
        account="connector: demo\noverride:\n  webhooks:\n    verify: {format: none}\n",
        conn="environments: {production: {allow: {verification: true}}}\n",
    ),
    hooked("no delivery", one("REC102", MAPPING, 10, 16), "updated:", "changed:"),
    hooked("nothing of this name in an event", one("EXP103", MAPPING, 10, 23), "event.type", "event.tpye"),
    hooked("nothing of this name in a delivery", one("EXP103", HTTP, 12, 18), "body.type", "bdy.type"),
    hooked("nothing of this name stored", one("EXP103", HTTP, 11, 11), "name: webhook_secret", "name: webhook_sekret"),
    hooked("a secret in an event", one("EXP104", HTTP, 12, 18), "body.type", "env.TYPE"),
    hooked("no function for a key", one("EXP102", HTTP, 11, 46), "headers.sig", "$lowecase(headers.sig)"),
    hooked("no expression for an event", one("EXP101", MAPPING, 10, 32), "event.type", "event.("),
    hooked("no operation for an event", one("REF102", MAPPING, 10, 57), "'}", "', method: find}"),
]

DELIVERY = """\
{"received_at": "2026-01-01T00:00:00Z", "url": "https://us.example/in",
 "headers": [["sig", "SIG"]], "secrets": {"webhook_secret": "s3cret"},
 "body": "{\\"type\\": \\"changed\\", \\"id\\": \\"1\\", \\"record\\": {\\"id\\": \\"1\\", \\"email\\": \\"a@b.c\\"}}"}
""".replace("SIG", "229e86790a93a22856deed5d3c8203e0260fc8af0ac62016f0f60fb2baafec09")
DELIVERED = """\
{"reply": {"status": 200, "headers": {}, "body": ""}, "proved": "hmac", "challenge": null,
 "events": [{"id": "evt_17d711288ff5e7c85e04ea77221b4465", "type": "crm.contact.updated", "connector": "demo",
             "occurred_at": null, "data": {"id": "1", "email": "a@b.c"}, "vendor": {"type": "changed"}}]}
"""
DELIVERIES_OF = "connectors/demo/deliveries/changed.json"
GOT = GOLDEN.replace("contacts.list", "contacts.get").replace('/contacts"}', '/contacts/1"}')


def delivered(name: str, found: list[Found], delivery: str = DELIVERY, golden: str = DELIVERED, **more: str) -> Bad:
    """The workspace with webhooks, and a recorded delivery with its golden."""
    own = hooked(name, found, **more)
    expected = {
        "connectors/demo/expected/crm.contacts.get.json": GOT,
        "connectors/demo/expected/deliveries/changed.json": golden,
    }
    return Bad(name, found, {**own.files, DELIVERIES_OF: delivery, **expected})


LINTED = [*DOCUMENTS, *SYNCS, *CONFIGURATION, *EXPRESSIONS, *BEHAVIOUR, *WEBHOOKS]

REPLAYED = [
    Bad(
        "disabled",
        one("REF140", MAPPING, 4, 16),
        swap=(MAPPING, "    list:\n", "    list:\n      enabled: false\n"),
    ),
    Bad("field fails", one("MAP204", MAPPING, 6, 31), swap=(MAPPING, "response.email", "response.email + 1")),
    Bad(
        "a null in a new mapping",
        [("TST103", TAPE, 1, 1), ("MAP206", MAPPING, 6, 16)],
        {
            KEPT: None,
            TAPE: RECORDING.replace('"a@b.c"}]', '"a@b.c"}, {"id": "2", "email": null}]'),
            MAPPING: UNIFIED.replace("response.email", "$uppercase(response.email)"),
        },
    ),
    Bad("expression fails", one("EXP301", MAPPING, 5, 25), swap=(MAPPING, "response.id", "response.id + 1")),
    Bad("no value", one("EXP302", HTTP, 7, 44), swap=(HTTP, "path: /contacts,", 'path: "/contacts/{{context.list}}",')),
    Bad("path matches nothing", one("MAP101", HTTP, 7, 57), swap=(HTTP, "response_path: data", "response_path: dta")),
    Bad(
        "empty field",
        [("MAP201", MAPPING, 7, 15)],
        swap=(MAPPING, "response.email\n", "response.email\n        name: response.name\n"),
    ),
    Bad(
        "an override that empties a field",
        one("MAP133", ACCOUNT, 3, 63),
        {
            ACCOUNT: "connector: demo\noverride:\n"
            "  unified: {crm: {contacts: {list: {response_mapping: {email: response.emial}}}}}\n"
        },
    ),
    Bad(
        "no token",
        [("MAP202", HTTP, 7, 121)],
        swap=(
            HTTP,
            "response_path: data",
            "response_path: data, incremental: {format: token, token_param: t, token_field: tokn}",
        ),
    ),
    Bad(
        "no cursor",
        [("MAP202", HTTP, 7, 132)],
        swap=(
            HTTP,
            "response_path: data",
            "response_path: data, incremental: {format: integer, config: {filter: true, record_cursor: emial}}",
        ),
    ),
    Bad(
        "a key of paging that no answer has",
        [("PAG104", HTTP, 4, 53)],
        swap=(HTTP, "cursor_field: next", "cursor_field: nxt, cursor_param: after"),
    ),
    Bad(
        "breaks the model",
        [("MAP301", MAPPING, 5, 13), ("TST101", MAPPING, 5, 13)],
        swap=(MAPPING, "id: response.id", "id: 1"),
    ),
    Bad(
        "another answer than the vendor's schema has",
        one("REC200", TAPE, 1, 1),
        {
            TAPE: RECORDING.replace('"sample"', '"live"'),
            HTTP: CONNECTOR.replace(
                "path: /contacts,",
                "path: /contacts, response_schema: {properties: {data: {items: {properties: {id: {type: integer}}}}}},",
                1,
            ),
        },
    ),
    Bad(
        "no model",
        one("MAP302", "connectors/demo/recordings/hr.people.list.json", 1, 1),
        {
            "connectors/demo/unified/hr.yaml": "resources:\n  people:\n    list:\n      resource: contacts\n"
            "      response_mapping: {id: response.id}\n",
            "connectors/demo/recordings/hr.people.list.json": RECORDING.replace("crm.contacts", "hr.people"),
            "connectors/demo/expected/hr.people.list.json": GOLDEN.replace("crm.contacts", "hr.people").replace(
                ', "email": "a@b.c"', ""
            ),
        },
    ),
    Bad("nothing recorded", one("REC003", TAPE, 1, 1), swap=(HTTP, "path: /contacts,", "path: /people,")),
    Bad(
        "never asked for",
        [("REC103", TAPE, 1, 1)],
        {TAPE: RECORDING.replace("[{", "[{" + RECORDING.partition("[{")[2].removesuffix("]}\n") + ", {", 1)},
    ),
    Bad(
        "the vendor's error",
        one("RUN101", TAPE, 1, 1),
        {TAPE: RECORDING.replace('"status": 200', '"status": 400'), KEPT: None},
    ),
    Bad(
        "another error",
        one("TST104", KEPT, 1, 1),
        {
            TAPE: RECORDING.replace('"status": 200', '"status": 400'),
            KEPT: GOLDEN.partition(' "records"')[0]
            + '"error": {"kind": "not_found", "message": "x", "status": 404}}\n',
        },
    ),
    Bad(
        "another result", one("TST101", MAPPING, 6, 16), swap=(MAPPING, "response.email", "$uppercase(response.email)")
    ),
    Bad(
        "another request",
        one("TST102", KEPT, 1, 1),
        {TAPE: RECORDING.replace('contacts"}', 'contacts", "query": {"a": "1"}}')},
        (HTTP, "path: /contacts,", "path: /contacts, query: {a: '1'},"),
    ),
    sync(
        "a record without a key",
        "SYN120",
        1,
        1,
        f"{MAPPED_SOURCE}{TO_FILE}transform: {{email: record.email}}\n",
    ),
    Bad(
        "a field that no record has",
        [("TST103", TAPE, 1, 1), ("SYN121", SYNC, 3, 34)],
        {SYNC: f"{MAPPED_SOURCE}{TO_FILE}transform: {{id: record.id, mail: record.emial}}\n"},
    ),
    Bad(
        "a call of enrich without a recording",
        [("TST103", TAPE, 1, 1), ("SYN119", SYNC, 3, 83)],
        {SYNC: ENRICHING},
    ),
    Bad("no golden", one("TST103", TAPE, 1, 1), {KEPT: None}),
    delivered("a good delivery", []),
    delivered("a delivery with an invalid signature", one("RUN401", HTTP, 11, 3), DELIVERY.replace("a@b.c", "e@b.c")),
    delivered(
        "another answer",
        one("TST105", "connectors/demo/expected/deliveries/changed.json", 1, 1),
        golden=DELIVERED.replace('"status": 200', '"status": 202'),
    ),
]
