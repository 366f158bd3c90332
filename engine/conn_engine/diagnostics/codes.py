"""Every diagnostic code: its title, default severity, explanation. Nothing here decides when one is raised.

A code is a family and a number. Families: DOC (text of a document), CFG (configuration), REF
(references between documents), EXP (expressions), SEC (secrets), MAP (mappings on records), REC (recordings),
RUN (requests and answers), TST (test results), WHK (webhooks).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODES", "Code", "find_code"]

SeverityName = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding. `explanation` is Markdown for `conn explain`: what, why it matters, the mend."""

    id: str
    title: str
    severity: SeverityName
    explanation: str


def _build_table(*rows: Code) -> dict[str, Code]:
    table = {row.id: row for row in rows}
    if len(table) != len(rows):
        raise ValueError("a diagnostic code is defined twice")
    return table


CODES: dict[str, Code] = _build_table(
    Code(
        "DOC001",
        "document cannot be read",
        "error",
        "The file is missing, is no regular file, may not be read, or is not UTF-8. Check its name and "
        "permissions; save it as UTF-8.",
    ),
    Code(
        "DOC002",
        "not YAML or JSON",
        "error",
        "The text breaks the syntax of its format. Most often a value that starts with `{{`, `*`, `@` or "
        "holds `: ` needs quotes, or an expression is better written as a block:\n\n"
        '```yaml\nresponse_mapping: |\n  response.{ "id": id }\n```',
    ),
    Code(
        "DOC003",
        "key is there twice",
        "error",
        "A mapping gives the same key twice. Other readers silently keep the last one, so the first has no "
        "effect. Keep one.",
    ),
    Code(
        "DOC004",
        "alias cannot be expanded",
        "error",
        "A YAML alias (`*name`) names no anchor, repeats itself, or aliases together repeat so much that the "
        "document would not fit in memory. Write the value out, or quote a text that starts with `*`.",
    ),
    Code(
        "DOC005",
        "document is too large or too deep",
        "error",
        "Documents are bounded: 8 MiB, 100 levels of nesting, 250,000 values, integers of 4,000 digits. "
        "Split the document.",
    ),
    Code(
        "DOC006",
        "tag is not supported",
        "error",
        "Documents hold plain data: mappings, lists, texts, numbers, booleans, null. Language-specific YAML "
        "tags such as `!!python/object`, and dates, sets and binaries, are refused. Remove the tag; quote "
        "the value if it is a text.",
    ),
    Code(
        "DOC007",
        "document is no mapping",
        "error",
        "The top of the document must be `name: value` pairs. An empty file, a list or a text is none.",
    ),
    Code(
        "DOC008",
        "merge key",
        "error",
        "`<<` is a habit of YAML 1.1 and no part of YAML 1.2: other tools read it as a key of that name. "
        "What documents share belongs in the level below (connector, then environment, then account).",
    ),
    Code(
        "DOC009",
        "key is no text",
        "error",
        'A key is a list or a mapping. YAML reads an unquoted `{{id}}` so; write `"{{id}}"`.',
    ),
    Code(
        "DOC010",
        "file cannot be written",
        "error",
        "The file or its folder refuses the write, or a symbolic link points outside the folder. The old file "
        "is untouched.",
    ),
    Code(
        "DOC011",
        "comment silences nothing",
        "warning",
        "A `# conn: ignore` comment has no effect: it names no code or an unknown one, gives no reason, or names a "
        "finding that only conn.yaml can allow. A later reader must learn why the finding was accepted: write `# "
        "conn: ignore CODE -- reason` on the line itself or alone on the line above.",
    ),
    Code(
        "CFG101",
        "unknown key",
        "error",
        "The document has a key that its format does not know; it would have no effect. Mend the "
        "spelling, or remove it. Settings of a strategy stand under `config`, beside `format`.",
    ),
    Code(
        "CFG102",
        "wrong type",
        "error",
        "The value is of another type than the key takes, such as a text where an object belongs. In "
        'YAML, quote what is meant as text (`"123"`), and check the indentation.',
    ),
    Code("CFG103", "missing key", "error", "The document lacks a key that has no default. Add it."),
    Code(
        "CFG104",
        "value not allowed",
        "error",
        "The value has the right type but is none of those allowed, out of bounds, or does not go with "
        "its neighbours. Use one of those the finding or `conn schema` names.",
    ),
    Code(
        "CFG105",
        "unknown format",
        "error",
        "`format` names a strategy that does not exist. The settings under `config` were not looked at. "
        "Use one of the strategies that the finding lists.",
    ),
    Code(
        "CFG106",
        "said twice under two names",
        "error",
        "A key has several accepted spellings, and the document uses two of them. One would win silently. Keep one.",
    ),
    Code(
        "CFG107",
        "file is not read",
        "warning",
        "The file or folder lies where the workspace's documents are, but no command reads it, so it has no effect. "
        "Its folder, its ending or its name is wrong: a document ends in .yaml, .yml or .json, and its name has "
        "letters, digits, dot, dash and underscore, and starts with a letter or digit. Rename it, or move it.",
    ),
    Code(
        "REF101",
        "names something that is not there",
        "error",
        "An account names an unknown connector or environment, or conn.yaml an unknown environment. Correct the name, "
        "or add the document.",
    ),
    Code(
        "SEC110",
        "override widens where credentials may go",
        "error",
        "An environment or account sends requests to a host that the connector does not name, or lists "
        "such a host. Credentials go only to the connector's own `hosts`; whoever may edit an account "
        "must not be able to send them elsewhere. Name the host in connector.yaml, or under "
        "`trusted_hosts` in conn.yaml.",
    ),
    Code(
        "SEC112",
        "no host may receive the credential",
        "error",
        "The connector authorizes its requests, but names no host: its `base_url` comes from the account,"
        " or so much of its host does that the pattern would fit strangers. Every authorized request "
        "would be refused. List the vendor's hosts under `hosts`, such as `*.example.com`.",
    ),
    Code(
        "SEC160",
        "own URL on an unlisted host",
        "error",
        "The connector authorizes its requests, and one of its own URLs (`base_url`, a token URL) is on a host that "
        "its `hosts` do not list. Every authorized request to that URL is refused. Add the host to `hosts`, or remove "
        "`hosts`: without it, credentials may go to the hosts of the connector's URLs.",
    ),
    Code(
        "SEC111",
        "override widens what may be read from the environment",
        "error",
        "An environment or account reads an environment variable that neither the connector nor conn.yaml"
        " declares. Declare it under `env` there, after thinking about who may edit the override.",
    ),
    Code(
        "SEC113",
        "override uses a secret in its own way",
        "error",
        "An environment or account uses a stored credential or a variable where the connector does not use the same "
        "one, changes what decides where a secret goes (the name of a header, a format, the path of a token URL), "
        "computes with a secret, or captures a part of a token's answer as context. The vendor may show a secret that"
        " is sent in another field, query or path, and a secret that was cut or reversed is no longer recognized. "
        "Where the connector has a template, an override can use the same secret, join it with fixed text and encode "
        "it with `$base64encode`; write everything else in connector.yaml. Only the connector decides how webhooks "
        "are answered and subscribed to.\n\nOnly conn.yaml can allow another place, for one "
        "environment:\n\n```yaml\nenvironments:\n  sandbox: { allow: { placement: "
        "[credentials.config.client_authentication] } }\n```",
    ),
    Code(
        "SEC114",
        "override weakens the verification of webhooks",
        "error",
        "An environment or account verifies webhook deliveries differently from the connector: not at all, with a key"
        " that anyone knows, or over less of the delivery. Anyone who can edit an account could then invent events. "
        "Leave `webhooks.verify` to the connector, and sign your own deliveries with `conn webhook send`. An override"
        " can only leave out some of several ways (`any`). Only conn.yaml can allow more, for one environment: "
        "`environments: {sandbox: {allow: {verification: true}}}`.",
    ),
    Code(
        "SEC115",
        "override leaves the path of the base URL",
        "error",
        "A path of an environment or account leads above `base_url` (`..`, in any encoding), or its `base_url` has "
        "another path than the connector's. Requests, with the credential, would reach other services on the same "
        "host. Write a path below `base_url`. Only conn.yaml can allow another one, for one environment: "
        "`environments: {sandbox: {allow: {paths: [/sandbox/v3]}}}`. On a host of `trusted_hosts`, any path is "
        "allowed.",
    ),
    Code(
        "SEC116",
        "override leaves token requests at another host",
        "error",
        "An environment or account moves requests to another host with `base_url`, but not the URLs where a token is "
        "obtained, refreshed, introspected or revoked. A sandbox would renew its token at the production host. Add "
        "these URLs to the same override. If the token endpoint is the same for both, repeat its URL in the override "
        "to confirm that.",
    ),
    Code(
        "SEC117",
        "conn.yaml allows what overrides may not do",
        "info",
        "An environment or account uses an exception that conn.yaml makes for the environment (`environments: "
        "{sandbox: {allow: …}}`). Nothing is wrong. The finding shows that a secret can go where the connector does "
        "not send it, and that this applies to every account of the environment.",
    ),
    Code(
        "REC001",
        "recording cannot be used",
        "error",
        "The file is no recording as `schemas/recording.schema.json` describes it: it cannot be read, "
        "a key is unknown or missing, or a request or response says its body twice. Mend it, or "
        "record it again.",
    ),
    Code(
        "REC002",
        "secret in a recording",
        "error",
        "After redaction, the recording still contained a secret of the run, so the file was not kept. That happens "
        "when the secret is also an ordinary word of the file. Record with another secret. In an imported file, it "
        "may be something that looks like a credential (a private key, a JSON Web Token, a bearer token): remove it "
        "from that file, and import it again.",
    ),
    Code(
        "REC003",
        "nothing recorded for a request",
        "error",
        "In replay the operation asked for something that its recording does not answer. The hint "
        "names the nearest recorded request and the parts that differ. Either the configuration "
        "changed what is asked, or the recording is old: record it again with `conn record`.",
    ),
    Code(
        "REC004",
        "HAR file cannot be used",
        "error",
        "The file is not HAR 1.2, or no answered request in it went to the wanted hosts. Export it "
        "again from the browser's network panel, with content.",
    ),
    Code(
        "REC005",
        "personal data cannot be replaced",
        "error",
        "In recordings of live accounts, pseudonyms replace names, addresses and numbers of people, and each "
        "recording is replayed before it is kept. This replay behaved differently, or a value was still found, so the"
        " file was not kept. Most often, an expression computes something from a value (a digest, its first letters) "
        "and the vendor's answer depends on it. Record another person's data, or invented data. If the account has no"
        " real people, run the command with `--keep-personal-data`.",
    ),
    Code(
        "EXP301",
        "expression failed",
        "error",
        "An expression parses but fails on a record or an answer: a function got a value of the "
        "wrong type, or a limit of time, depth or size was reached. The caret shows where. Try it "
        "alone: `conn eval 'EXPR' -i FILE`.",
    ),
    Code(
        "EXP302",
        "unresolved name in a template",
        "error",
        "A `{{…}}` is undefined for this call. Templates never reach the wire as text. Give the "
        "value (an account's `context`, `--param`), or write a default: `{{query.limit ? "
        "query.limit : 100}}`. In `query` and `headers` a result of null leaves the entry out.",
    ),
    Code(
        "MAP101",
        "response_path matches nothing",
        "error",
        "The answer has nothing at `response_path`: a mistyped path or a changed vendor, and "
        "never silently zero records. An empty listing says `[]` or null at the path. If the "
        "vendor leaves the key out when there is nothing, write `$exists(key) ? key : []`.",
    ),
    Code(
        "MAP201",
        "mapped field is empty in every record",
        "warning",
        "A field is mapped and no recorded record has a value for it. The hint shows what the "
        "expression reads and what the record has instead. If the vendor really never sends it in "
        "the recordings, record a scenario that does.",
    ),
    Code(
        "MAP202",
        "no record has the cursor",
        "warning",
        "An operation is incremental, and `cursor_field` finds nothing in any recorded record: the state would never "
        "move, and each run would read everything. It is an expression over the record as it is delivered, after "
        "`record_mapping`: `updated_at`, `attributes.updated_at`. If the records have no cursor, leave `cursor_field` "
        "out: the state is then the end of the window that was read.",
    ),
    Code(
        "MAP203",
        "no record has the place of a type",
        "warning",
        "`record_types` names a place that no delivered record has: `record_mapping` does not make such a field. Use "
        "the name in the delivered record (`price`, `lines[].sku`): correct it, or remove it.",
    ),
    Code(
        "MAP130",
        "unknown field of $base",
        "error",
        "`$base` is what the levels below make of the record, and none of them makes a field of this name, so the "
        "expression gives nothing. Check the spelling: `$base.name` reads a field of the unified record, by the "
        "model's name and not by the vendor's.",
    ),
    Code(
        "MAP131",
        "use of $base without a level below",
        "error",
        "`$base` is what the levels below make. The lowest level of a mapping, and one under `replace`, has nothing "
        "below, so the expression gives nothing, and a mapping that is only this gives empty records. Write the "
        "expression over `response` (or `body`).",
    ),
    Code(
        "MAP132",
        "null for a field that needs a value",
        "error",
        "The mapping sets a field to null, and the unified model requires a value there, or does not take null. Every "
        "result would break the model. Map the field, or delete the line. In an override, null removes the field.",
    ),
    Code(
        "MAP134",
        "field that only a write or only a read has",
        "info",
        "A write sends a field of the model that no read returns, or an override adds a field to a read that no write "
        "sends. The customer cannot see, or cannot change, what is stored there. If the vendor has the field on the "
        "other side, map it there, too.",
    ),
    Code(
        "MAP133",
        "override empties a field",
        "error",
        "An expression of an environment or an account leaves a field empty in every recorded record, and the levels "
        "below fill it. Most often it reads a name that the vendor does not have. Correct the expression. To remove "
        "the field, write `null`. If the shared recording lacks what this account's records have, record the "
        "account's own: `conn record OPERATION --account ACCOUNT --own`.",
    ),
    Code(
        "MAP301",
        "result breaks the unified model",
        "error",
        "A unified record does not satisfy its JSON Schema (`conn schema MODEL.RECORD`). "
        "Customers rely on it. Convert the value in the mapping, for example with "
        "`$string(response.id)`.",
    ),
    Code(
        "MAP302",
        "no schema for the unified record",
        "warning",
        "Results cannot be checked: neither the workspace's `models/` nor the bundle has a schema "
        "for this record. Add `models/<model>/<record>.schema.json`, or set `record` in the "
        "unified mapping.",
    ),
    Code(
        "MAP401",
        "mapping is not portable",
        "error",
        "The mapping gives another result under the second evaluator (`--cross-check`). Usually a "
        "null is handed to a function, or the order of an object's keys matters. Rewrite it so "
        "that both agree.",
    ),
    Code(
        "REC101",
        "operation without a recording",
        "warning",
        "Nothing is recorded for this operation, so that nothing can be said about what a change "
        "does to it: it is unknown, never unchanged. `conn record OPERATION --account ACCOUNT` "
        "makes one.",
    ),
    Code(
        "REC102",
        "event without a recorded delivery",
        "warning",
        "No recorded delivery tells of this unified event, so that nothing shows whether its condition holds and its "
        "record is found. `conn webhook listen --record` keeps what comes; `conn webhook record NAME FILE` keeps a "
        "delivery from a file, or from the vendor's documentation with `--contract`.",
    ),
    Code(
        "REC103",
        "recorded exchanges were not asked for",
        "warning",
        "The run ended before the recording did: paging stopped early, or the recording is older "
        "than the configuration. Record the scenario again.",
    ),
    Code(
        "REC200",
        "recorded answer breaks the vendor's schema",
        "warning",
        "A recorded answer breaks the vendor's own schema of it (`response_schema`): a field has another type, or one "
        "that is always there is missing. Either the schema is out of date, or the answer has changed. Correct the "
        "schema, or record the operation again.",
    ),
    Code(
        "RUN101",
        "the vendor answers with an error",
        "error",
        "The answer is an error by the rules of `errors` (or the defaults). If it is no error for "
        "your customers, add a rule: `{when: …, then: ok|empty|skip}`. If the recording is there "
        "to show this error, keep it: `conn test --update`.",
    ),
    Code(
        "RUN102",
        "write not sent",
        "info",
        "A live test leaves out what would change something at the vendor. Add `--send` to really send it.",
    ),
    Code(
        "RUN201",
        "credential missing or refused",
        "error",
        "The account has no stored credential, or the vendor refuses it. `conn auth status`, then "
        "`conn auth login ACCOUNT`.",
    ),
    Code(
        "RUN301",
        "operation could not be run",
        "error",
        "The configuration lacks what the operation needs. The message says what.",
    ),
    Code(
        "RUN130",
        "unknown key in a body",
        "error",
        "The caller's body has a key that the operation does not know: it is not a field of the unified model, no "
        "mapping or step reads it, and `request_schema` does not have it. It would be missing from what is sent. "
        "Correct the spelling, remove the key, or map it: `request_body_mapping: {vendor_name: body.key}`.",
    ),
    Code(
        "RUN401",
        "delivery accepted or refused against its purpose",
        "error",
        "A recorded delivery is not shown to be the vendor's: the message says why. Either `webhooks.verify` changed, "
        "or the delivery is no true one; record it again with `conn webhook record`. One that is there to be refused "
        "says `refused: true`, and it is an error when that is accepted.",
    ),
    Code(
        "TST101",
        "result differs from the golden",
        "error",
        "Records are not what was kept as right. The line shown is the one that sets the field. "
        "If the change is wanted, `conn test --update` and review the golden's diff in the pull "
        "request.",
    ),
    Code(
        "TST102",
        "requests differ from the golden",
        "error",
        "The operation asks the vendor something else than what was kept as right: another path, "
        "query, body, or number of requests. If that is wanted, keep it: `conn test --update`; if not, "
        "look for the change of the configuration that did it.",
    ),
    Code(
        "TST103",
        "no golden result",
        "warning",
        "The replay ran, and nothing says what it should give. Look at the result, then keep it: "
        "`conn test OPERATION --update`.",
    ),
    Code(
        "TST104",
        "error differs from the golden",
        "error",
        "The operation ended with another error than what was kept as right, or with one where "
        "there was none. If that is wanted, keep it: `conn test --update`.",
    ),
    Code(
        "TST105",
        "answer to a delivery differs from the golden",
        "error",
        "The vendor would get another answer, or the delivery is proved in another way or taken for another challenge "
        "than what was kept as right. If that is wanted, keep it: `conn test --update`.",
    ),
    Code(
        "TST106",
        "way back differs from the golden",
        "error",
        "The `prev_cursor` of a page leads elsewhere than what was kept as right, or to nowhere. If that is "
        "wanted, keep it: `conn test --update`; if not, look at what `pagination` says of the page before.",
    ),
    Code(
        "TST107",
        "verdict on the listing differs from the golden",
        "error",
        "The listing is incomplete and the golden does not say so, or the reverse: fewer records arrived than "
        "`total_field` says, or `has_more` is true at the end. Correct `pagination`. If the change is intended, "
        "accept it: `conn test --update`.",
    ),
    Code(
        "TST108",
        "credential is sent differently than in the golden",
        "error",
        "A request carries its credential in another header than in the golden, with another scheme or other text "
        "around it, or in no header. Correct `authorization` or `signature`. If the change is intended, accept it: "
        "`conn test --update`.",
    ),
    Code(
        "TST109",
        "credential would go to a host that `hosts` do not allow",
        "error",
        "A live run refuses this request: it carries the credential, and no pattern of `hosts` fits its host. A replay "
        "sends nothing, so it finds a recorded response nevertheless. Correct `hosts`, or the URL.",
    ),
    Code(
        "CHG180",
        "accepted effect that the change does not have",
        "error",
        "A document of `changes/` accepts exactly the effects of the change that it comes with. One of them does not "
        "occur any more, or differs: another value, another number of records. Accept what the change does now "
        '(`conn ci --accept --reason "…"`), or delete the document.',
    ),
    Code(
        "EXP101",
        "expression does not parse",
        "error",
        "The JSONata text is not well-formed. The caret shows where the parser gave up: a "
        "bracket, a quote or an operator is missing near there. In a mapping a fixed text needs "
        "quotes of its own: `\"'lead'\"`.",
    ),
    Code(
        "EXP102",
        "unknown function",
        "error",
        "A `$function` is called that neither JSONata nor Conn has. Check the spelling; names are case-sensitive.",
    ),
    Code(
        "EXP103",
        "unknown name",
        "error",
        "An expression begins with a name that nothing brings into scope there, so it is always "
        "undefined. A vendor record's fields are under `response`, the caller's under `query`, "
        "`body` and `id`, the account's under `context`.",
    ),
    Code(
        "EXP104",
        "secret out of scope",
        "error",
        "`env` and stored credentials can be read only in `credentials` and `authorization`, where a request is "
        "authorised, and where `webhooks` prove and answer a delivery. Mappings, URLs and queries never see them, so "
        "that whoever edits a mapping cannot read a secret. Use a value of the account's `context` instead, or move "
        "the header to `authorization`.",
    ),
    Code(
        "EXP130",
        "filter by a constant text",
        "error",
        "In JSONata, brackets filter: `response['name']` keeps everything, as a text that is not empty is true. To "
        "read a field, write `response.name`, with backticks around a name that is not a word: response.`full name`.",
    ),
    Code(
        "EXP131",
        "texts added as numbers",
        "error",
        "`+` adds numbers, so an expression such as `first + ' ' + last` fails or gives nothing. Write `&` to join "
        "texts: `first & ' ' & last`. A value that is missing is then an empty text.",
    ),
    Code(
        "SEC101",
        "literal secret",
        "error",
        "A credential is written into a document, and so into version control. Remove it, revoke "
        "it at the vendor, and keep the new one in the keyring (`conn auth login`) or read it "
        "from the environment as `{{env.NAME}}`.",
    ),
    Code(
        "CFG130",
        "single braces in a path",
        "error",
        "`{id}` is text: the vendor receives the braces. A template has two: write `/contacts/{{id}}`. Single braces "
        "have one meaning in a path: they are the place of a credential, `authorization: {format: path, config: {name: "
        "token}}`.",
    ),
    Code(
        "CFG201",
        "dead override",
        "warning",
        "The override says what the level below says already, or removes what is not there. It "
        "changes nothing today and will silently hold the old value when the level below changes. "
        "Delete it.",
    ),
    Code(
        "CFG150",
        "override of some operations only",
        "warning",
        "An environment or account changes a field in the mapping of one operation, such as `list`, and the other "
        "operations of the resource keep the old value: the same record then differs between a listing, a read, a "
        "write and the events. Set the mapping for the resource, which every operation but `delete` takes:\n\n"
        "```yaml\noverride:\n  unified:\n    crm:\n      contacts:\n        response_mapping:\n"
        "          job_title: response.title\n```\n\n"
        "Where only one operation has the field, say so: `# conn: ignore CFG150 -- only the listing has it`.",
    ),
    Code(
        "CFG151",
        "mapping that no operation takes",
        "warning",
        "A resource sets a `response_mapping` or a `request_body_mapping`, and none of its operations takes it: the "
        "resource's name is misspelt, or it has no such operation. `delete` takes no response mapping; a request "
        "mapping is for `create`, `update` and operations that have a `request_body_mapping`. An operation with "
        "`response_mapping: null` or `each: page` is left out.",
    ),
    Code(
        "PAG101",
        "listing cannot end",
        "warning",
        "The pagination says after every page that there is another one, so the listing only ends in an error. Read "
        "what tells the next page from the answer, or add a `stop` or `has_more` rule.",
    ),
    Code(
        "PAG102",
        "setting of paging to no effect",
        "warning",
        "What asks for the next page, or for a page size, goes into no part of the request: a body that a GET does not "
        "send, or no place at all. Every page would be the first. Name the vendor's parameter (`page_param`, "
        "`offset_param`, `cursor_param`, `size_param`), or use `{{page.…}}` in a template.",
    ),
    Code(
        "PAG103",
        "page size above the most",
        "warning",
        "The connector asks for more records per page than `max_size` says that the vendor gives. Vendors cut it or "
        "refuse the request. Write the size that is meant, or correct `max_size`.",
    ),
    Code(
        "PAG104",
        "key of paging that no recording has",
        "warning",
        "A setting of `pagination` names a key (`cursor_field`, `next_url_field`, `has_more`, `total_field` …) that "
        "no recorded answer of the operation has, so a listing would end after its first page. Correct the setting. "
        "If the vendor leaves the key out of short listings, record one with two pages.",
    ),
    Code(
        "PAG110",
        "listing is incomplete",
        "error",
        "The listing ended before all of its records arrived: fewer than `total_field` says, a page that repeats, a "
        "next page that was there before, or `has_more` that is true at the end. Look at `pagination`. If the vendor's "
        "total is an estimate, set `complete: warn` in the operation.",
    ),
    Code(
        "PAG111",
        "end of the listing is unknown",
        "warning",
        "No answer of the run has the key that leads to the next page, and the page is full. Either the setting is "
        "misspelt and only the first page arrived, or the vendor leaves the key out of short listings. Correct the "
        "setting, or set a page size: a page with fewer records is the last one.",
    ),
    Code(
        "PAG112",
        "step cannot read all of its listing",
        "error",
        "A step or an enrichment reads all pages of an operation that lists, 10,000 records at most. Narrow its "
        "request by `query`, or use `parents` to run an operation once for each record. If one page is enough, name "
        "an operation with `pagination: {format: none}`. An operation with pages needs a `response_path`.",
    ),
    Code(
        "ERR101",
        "error rule that never holds",
        "warning",
        "The first rule that holds decides. This one cannot: no answer fits its condition (`status` is a number, so "
        "`status = '404'` is never true), or the rules before it take every answer that does. Mend the condition, or "
        "put the rule further up.",
    ),
    Code(
        "ERR102",
        "retry to no effect",
        "warning",
        "A write that may have been carried out is not sent again, so `retry` on it goes straight to what follows "
        "the retries. If the vendor tells repeated requests apart, say `idempotent: true` and send its idempotency "
        "key; else write `fail`. A request that was refused because of too many (`rate_limited`) is sent again in any "
        "case.",
    ),
    Code(
        "ERR103",
        "nothing to narrow",
        "warning",
        "`narrow` asks for half of a window, and the operation has no windows: its requests name no start and end. Say "
        "`incremental`, or what is to be done instead.",
    ),
    Code(
        "SEC130",
        "request without encryption",
        "error",
        "A URL of a public host starts with `http://`: everyone on the way can read and change its requests, and no "
        "credential is sent there. Write `https://`. If the host has no TLS, confirm it in conn.yaml with a pattern "
        "that says so: `trusted_hosts: ['http://data.example.com']`.",
    ),
    Code(
        "SEC102",
        "credential in a URL",
        "warning",
        "URLs are kept in logs of proxies and servers, and are shown by tools. Send a token in the header "
        "(`authorization: {format: bearer}`). A secret in an account's `context` belongs to the credential. If the "
        "vendor takes it in the URL only, say so in a comment: `# conn: ignore SEC102 -- the vendor takes it nowhere "
        "else`; the engine redacts credentials in everything that it prints itself.",
    ),
    Code(
        "SEC103",
        "credential that no request carries",
        "warning",
        "`credentials` says what an account stores; `authorization` (or `signature`) says how a request carries it, "
        "and nothing says that. The vendor would answer 401. Add `authorization: {format: bearer}` or another, or say "
        "`credentials: {format: none}`.",
    ),
    Code(
        "SEC104",
        "no place in the path for the credential",
        "error",
        "`authorization: {format: path}` puts the credential where its name stands in `path` or `base_url`, in single "
        "braces (`/bot{token}/messages`), and this operation has it nowhere: it could not be sent. Write it there, or "
        "say another `authorization` on the operation, such as `{format: none}`.",
    ),
    Code(
        "SEC105",
        "part of a path that may be left out",
        "warning",
        "An account may leave out a part of its credential that says `required: false`; a header, a query parameter or "
        "a field of the body is left out with it, and a part of the path cannot be: the operation fails for such an "
        "account. Make the part required, or give the path a choice of two authorizations (`{format: choice}`).",
    ),
    Code(
        "SEC106",
        "no token endpoint",
        "error",
        "With these credentials a token comes from the vendor's token endpoint, and `credentials` has neither "
        "`token_url` nor a `request` of its own: every run would stop before its first request. Under `config`, add "
        "`token_url: https://auth.example.com/token`. It may be a template, such as "
        "`https://{{context.domain}}/oauth/token`.",
    ),
    Code(
        "DEP101",
        "operation past its sunset",
        "warning",
        "The vendor announced that it may refuse this operation from a day (`deprecated.sunset`) that has come. Use "
        "what replaces it. The finding appears by itself on that day, without any change of a document.",
    ),
    Code(
        "DEP102",
        "operation before its sunset",
        "warning",
        "The vendor announced a day from which it may refuse this operation (`deprecated.sunset`). The finding says "
        "how many days are left. Use what replaces it before that day, when this becomes DEP101.",
    ),
    Code(
        "CFG202",
        "incremental to no effect",
        "warning",
        "An operation says `incremental`, but its requests say neither where the window begins nor from where the "
        "state goes on, and nothing leaves older records out: each run reads everything. Say where the start goes "
        "(`start_param`, `start_header`, `start_body`, `start_form`, or `{{window.start}}` in a template), or "
        "`filter: true`, or `stop_when_older: true` for a listing in descending order.",
    ),
    Code(
        "REF102",
        "operation does not exist",
        "error",
        "A unified operation, a step, `verify`, `parents`, `chunk` or `enrich` names a vendor operation that the "
        "connector does not have. Add it under `resources`, or mend the name. Or a unified event has no unified "
        "operation that maps its record: write its mapping, or name another with `method`.",
    ),
    Code(
        "REF104",
        "parents lead back to themselves",
        "error",
        "An operation is repeated for the records of another one, which is repeated for the records of the first: "
        "neither could ever begin. Name another operation in `from`. Records within records of the same operation "
        "(folders in folders) are `recurse`.",
    ),
    Code(
        "REF130",
        "verify needs a value",
        "error",
        "`verify` is sent by itself after a log-in, so its operation cannot have a value from a caller, such as "
        "`{{id}}`. Name an operation that needs nothing: the vendor's `me`, or a listing.",
    ),
    Code(
        "REF200",
        "key that the vendor's schema does not know",
        "warning",
        "A mapping or a body sets a key that the vendor's own schema of the request (`request_schema`, `query_schema`) "
        "does not have: the vendor ignores or refuses it. Correct its spelling. If the vendor takes it all the same, "
        "add it to the schema.",
    ),
    Code(
        "REF201",
        "key that the vendor's schema needs",
        "warning",
        "The vendor's own schema of the request (`request_schema`) requires a key that the mapping does not set: the "
        "vendor refuses the write. Map it, or correct the schema.",
    ),
    Code(
        "REF103",
        "account lacks a value",
        "error",
        "The connector's `fields` ask for a value that the account does not supply under "
        "`context`, or that has another form. Add or mend it in accounts/ACCOUNT.yaml.",
    ),
    Code(
        "WHK101",
        "delivery that nothing proves",
        "warning",
        "`verify: {format: none}` takes what anybody sends who finds the address, and the events are made of it. Say "
        "how the vendor proves its deliveries. If it does not, take them as hints: `fetch: event.record_id` reads the "
        "record from the vendor, and a false delivery costs no more than a request.",
    ),
    Code(
        "WHK102",
        "signature that does not cover the body",
        "warning",
        "The signature proves something, but not what the events are made of: whoever sees one delivery can send "
        "others with its signature, until that is too old. Read the body in `content` (`text`, `body_sha256`) if the "
        "vendor signs it; of a JWT compare its hash in `require`. If it does not, fetch the record: `fetch: "
        "event.record_id`.",
    ),
    Code(
        "WHK103",
        "secret in every delivery",
        "info",
        "A token, or a user name and password, stands in each delivery and covers nothing: whoever sees one (a proxy, "
        "a log of URLs) can send others. If the vendor signs deliveries too, use that. Else fetch the record (`fetch: "
        "event.record_id`), or accept it with a comment that says why.",
    ),
    Code(
        "WHK104",
        "challenge that signs for anybody",
        "warning",
        "A challenge that needs no proof is asked by anybody, and its answer is made with the secret that proves "
        "deliveries: of what the caller sends. He can have a text signed that is the text of a delivery, and send "
        "that. Bound with `require` what is signed, so that no delivery's text fits: its form (`$match(body.token, "
        "/^[A-Za-z0-9_-]{22}$/)`), or a second secret that the caller must know. Use `verified: true` if the vendor "
        "signs its challenges.",
    ),
    Code(
        "WHK105",
        "delivery however old",
        "info",
        "`tolerance_seconds: 0` lets a delivery be sent again years later by whoever has seen it. Write how old the "
        "vendor's may be; 300 is usual. If its time is none of the sending, keep the ids of events that came: a "
        "repeated delivery has the same.",
    ),
    Code(
        "WHK106",
        "event that cannot be made",
        "error",
        "A unified event lacks what it is made of: the connector says nothing of its deliveries, or the event has no "
        "record, or reads what `webhooks.events` does not say. Every such delivery would fail. Add what the finding "
        "names.",
    ),
    Code(
        "WHK107",
        "events that no account gets",
        "warning",
        "`webhooks.account` gives an event to the account whose context has a value, by a name that no account can "
        "have: no field, no step of `connect`, no captured value and no account's document says it. Every event would "
        "be left out. Add it to `fields`, or mend the name.",
    ),
    Code(
        "WHK108",
        "challenge that is never asked",
        "warning",
        "The first challenge whose condition holds answers. This one's never does, or one before it takes all that "
        "fit. Mend the condition, put it further up, or delete it.",
    ),
    Code(
        "WHK109",
        "override without a proof",
        "warning",
        "An environment or account turns the verification of deliveries off, which conn.yaml allows: anyone can send "
        "events there. Delete the line. To try deliveries without the vendor, sign them with a secret of your own "
        "(`conn webhook send`).",
    ),
    Code(
        "WHK210",
        "event type outside the signature",
        "info",
        "`webhooks.events.type` reads a header or a parameter that the signature does not cover: anyone who has a "
        "delivery can send it again as an event of another type. Read the type from the signed body if the vendor "
        "repeats it there. If it does not, check in `when` of the unified event for something that only such a body "
        "has, or fetch the record.",
    ),
    Code(
        "MAP303",
        "field the unified model does not have",
        "error",
        "The model's JSON Schema allows no such field, so every result would break it. Use the "
        "model's name for it (`conn schema MODEL.RECORD`), or put it under `custom_fields`.",
    ),
)


def find_code(code: str) -> Code | None:
    """The entry of a code, whatever its letter case; None when there is no such code."""
    return CODES.get(code.upper())
