"""The table of diagnostic codes: title, default severity and explanation. The rules that raise them are elsewhere.

A code is a family and a number: DOC (text of a document), CFG (configuration), REF (references between documents), EXP
(expressions), SEC (secrets), MAP (mappings of records), PAG (pagination), ERR (error rules), REC (recordings), RUN
(requests and responses), TST (test results), CHG (accepted changes), DEP (deprecated operations), WHK (webhooks), SYN
(syncs), SRV (the service).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODES", "Code", "find_code"]

SeverityName = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding. `explanation` is Markdown for `conn explain`: the cause, the effect and the fix."""

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
        "The file is missing, is not a regular file, cannot be read with the current permissions, or is not UTF-8. "
        "Check its name and permissions, and save it as UTF-8.",
    ),
    Code(
        "DOC002",
        "not YAML or JSON",
        "error",
        "The text breaks the syntax of its format. Most often, a value that starts with `{{`, `*` or `@`, or contains "
        "`: `, needs quotes. A long expression is easier to write as a block:\n\n```yaml\nresponse_mapping: |\n  "
        'response.{ "id": id }\n```',
    ),
    Code(
        "DOC003",
        "duplicate key",
        "error",
        "A mapping has the same key twice. Many tools use the last one without a warning, so the first has no effect. "
        "Keep one.",
    ),
    Code(
        "DOC004",
        "alias cannot be expanded",
        "error",
        "A YAML alias (`*name`) refers to an unknown anchor or to itself, or the aliases together repeat so much that "
        "the document would not fit in memory. Write the value out, or quote text that starts with `*`.",
    ),
    Code(
        "DOC005",
        "document is too large or too deep",
        "error",
        "A document can have at most 8 MiB, 100 levels of nesting, 250,000 values, and integers of 4,000 digits. "
        "Split the document.",
    ),
    Code(
        "DOC006",
        "unsupported tag",
        "error",
        "Documents contain plain data: mappings, lists, text, numbers, booleans and null. Language-specific YAML "
        "tags such as `!!python/object` are refused, and so are dates, sets and binary data. Remove the tag. If the "
        "value is text, quote it.",
    ),
    Code(
        "DOC007",
        "document is not a mapping",
        "error",
        "The top level of the document must be `name: value` pairs. An empty file, a list or text is not accepted.",
    ),
    Code(
        "DOC008",
        "merge key",
        "error",
        "`<<` is a merge key only in YAML 1.1. In YAML 1.2, it is an ordinary key named `<<`, and other tools read it "
        "that way. Put settings that several documents share in the level below (connector, then environment, then "
        "account).",
    ),
    Code(
        "DOC009",
        "key is not text",
        "error",
        'A key is a list or a mapping. YAML reads an unquoted `{{id}}` as a mapping: write `"{{id}}"`.',
    ),
    Code(
        "DOC010",
        "file cannot be written",
        "error",
        "The file or its folder refuses the write, or a symbolic link points outside the folder. The existing file is "
        "unchanged. Check the permissions, or choose another path.",
    ),
    Code(
        "DOC011",
        "comment has no effect",
        "warning",
        "A `# conn: ignore` comment has no effect: it names no code or an unknown one, gives no reason, or names a "
        "finding that only conn.yaml can allow. Later readers need to know why the finding was accepted: write `# "
        "conn: ignore CODE -- reason` at the end of the line, or on a line of its own above it.",
    ),
    Code(
        "DOC170",
        "number with leading zeros",
        "warning",
        "YAML reads digits without quotes as a number, and a number has no leading zeros: `zip: 01234` is 1234. If the "
        'zeros matter, as in a postal code, a phone number or an ID, quote the value: `zip: "01234"`. In a mapping, a '
        "fixed text needs both kinds of quotes: `zip: '\"01234\"'`.",
    ),
    Code(
        "DOC190",
        "conflict of a merge is not resolved",
        "error",
        "`conn update` or Git has merged two changes of the same value, and marked both. The document cannot be used "
        "until one is chosen. The lines of the workspace are between `<<<<<<<` and `=======`, and those of the other "
        "version end at `>>>>>>>`. Write the lines that are right, and delete the three marks:\n\n```text\n"
        "<<<<<<< yours\ntimeout_seconds: 20\n=======\ntimeout_seconds: 30\n>>>>>>> bundled 0dda7cd3e567\n```",
    ),
    Code(
        "CFG101",
        "unknown key",
        "error",
        "The document has a key that its format does not define, so it would have no effect. Correct the spelling, or "
        "remove the key. The settings of a strategy go under `config`, next to `format`.",
    ),
    Code(
        "CFG102",
        "wrong type",
        "error",
        "The value has a different type than the key accepts, such as text instead of an object. In YAML, quote a "
        'value that is meant as text (`"123"`), and check the indentation.',
    ),
    Code(
        "CFG103",
        "missing key",
        "error",
        "The document lacks a required key. Add it.",
    ),
    Code(
        "CFG104",
        "value not allowed",
        "error",
        "The value has the right type, but it is not one of the allowed values, is out of range, or conflicts with "
        "another key. Use a value that the finding or `conn schema` lists.",
    ),
    Code(
        "CFG105",
        "unknown format",
        "error",
        "`format` names a strategy that does not exist, so its settings were not checked. Use one of the strategies "
        "that the finding lists.",
    ),
    Code(
        "CFG106",
        "key is set twice under two names",
        "error",
        "A key has several accepted spellings, and the document uses two of them, so one value would be ignored. Keep "
        "one. The settings of a strategy are either next to `format` or below `config`, not in both places. In an "
        "override, a value has either a dotted place or a nested one, and nothing is set below a single value.",
    ),
    Code(
        "CFG107",
        "file is not read",
        "warning",
        "The file or folder is where the workspace's documents are, but no command reads it, so it has no effect. Its "
        "folder, its extension or its name is wrong: a document ends in .yaml, .yml or .json, and its name contains "
        "only letters, digits, dots, dashes and underscores, and starts with a letter or digit. Rename it, or move it.",
    ),
    Code(
        "REF101",
        "unknown connector or environment",
        "error",
        "An account names an unknown connector or environment, or conn.yaml names an unknown environment. Correct the "
        "name, or add the document.",
    ),
    Code(
        "SEC110",
        "override sends credentials to another host",
        "error",
        "An environment or account sends requests to a host that the connector does not list, or adds such a host to "
        "`hosts`. Credentials go only to the connector's own `hosts`, so that someone who can edit an account cannot "
        "send them elsewhere. Add the host to `hosts` in connector.yaml, or to `trusted_hosts` in conn.yaml.",
    ),
    Code(
        "SEC112",
        "no host may receive the credential",
        "error",
        "The connector authorizes its requests but lists no host: its `base_url` comes from the account, or its host "
        "is mostly a template, so a pattern would also match hosts of strangers. Every authorized request would be "
        "refused. List the vendor's hosts under `hosts`, for example `*.example.com`.",
    ),
    Code(
        "SEC160",
        "connector URL on an unlisted host",
        "error",
        "The connector authorizes its requests, and one of its own URLs (`base_url`, a token URL) is on a host that "
        "its `hosts` do not list. Every authorized request to that URL is refused. Add the host to `hosts`, or remove "
        "`hosts`: without it, credentials may go to the hosts of the connector's URLs.",
    ),
    Code(
        "SEC111",
        "override reads an undeclared environment variable",
        "error",
        "An environment or account reads an environment variable that neither the connector nor conn.yaml declares. "
        "If everyone who can edit the override may read the variable, declare it under `env` in connector.yaml or "
        "conn.yaml.",
    ),
    Code(
        "SEC113",
        "override uses a secret differently",
        "error",
        "An environment or account uses a stored credential or a variable where the connector does not use it, "
        "changes a setting that decides where a secret is sent (the name of a header, a format, the path of a token "
        "URL), computes with a secret, or captures a part of a token response as context. The vendor may show a "
        "secret that is sent in another field, query or path, and a secret that was cut or reversed can no longer be "
        "redacted. Where the connector has a template, an override can use the same secret, join it with fixed text "
        "and encode it with `$base64encode`. Set everything else in connector.yaml. Only the connector decides how to "
        "reply to webhooks and how to subscribe to them.\n\nOnly conn.yaml can allow another place, for one "
        "environment:\n\n```yaml\nenvironments:\n  sandbox: { allow: { placement: "
        "[credentials.config.client_authentication] } }\n```",
    ),
    Code(
        "SEC114",
        "override weakens the verification of webhooks",
        "error",
        "An environment or account verifies webhook deliveries differently from the connector: not at all, with a "
        "publicly known key, or over less of the delivery. Anyone who can edit an account could then invent events. "
        "Leave `webhooks.verify` to the connector, and sign your own deliveries with `conn webhook send`. If the "
        "connector accepts several ways (`any`), an override can remove some of them. Only conn.yaml can allow more, "
        "for one environment: `environments: {sandbox: {allow: {verification: true}}}`.",
    ),
    Code(
        "SEC115",
        "override leaves the path of the base URL",
        "error",
        "A path of an environment or account points above `base_url` (`..`, in any encoding), or its `base_url` has a "
        "different path than the connector's. Requests, with the credential, would reach other services on the same "
        "host. Write a path below `base_url`. Only conn.yaml can allow another path, for one environment: "
        "`environments: {sandbox: {allow: {paths: [/sandbox/v3]}}}`. On a host of `trusted_hosts`, any path is "
        "allowed.",
    ),
    Code(
        "SEC116",
        "override moves requests but not token requests",
        "error",
        "An environment or account moves requests to another host with `base_url`, but not the URLs that issue, "
        "refresh, introspect or revoke tokens. A sandbox would renew its token at the production host. Add these URLs "
        "to the same override. If the token endpoint is the same for both, repeat its URL in the override to confirm "
        "that.",
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
        "SEC118",
        "endpoint of an account is not allowed",
        "error",
        "An account delivers its events to a host that `endpoint_hosts` in conn.yaml does not allow, signs them with "
        "an environment variable that conn.yaml does not list for it under `endpoint_secrets`, or has more endpoints "
        "than `endpoints_per_account`. A customer may have written the account, so it must not reach internal "
        "services or sign with the secret of another customer. Add the host, such as `endpoint_hosts: "
        '["*.example.com"]`, or the variable, if both belong to the customer. `endpoint_hosts: ["*"]` allows every '
        "public host.",
    ),
    Code(
        "REC001",
        "recording cannot be used",
        "error",
        "The file does not match `schemas/recording.schema.json`: it cannot be read, a key is unknown or missing, or "
        "a request or response has two bodies. Correct the file, or record it again.",
    ),
    Code(
        "REC002",
        "secret in a recording",
        "error",
        "After redaction, the recording still contained a secret of the run, so the file was not written. That "
        "happens when the secret is also an ordinary word in the file. Record with another secret. In an imported "
        "file, something looks like a credential (a private key, a JSON Web Token, a bearer token): remove it from "
        "that file, and import it again.",
    ),
    Code(
        "REC003",
        "request is not recorded",
        "error",
        "During a replay, the operation sent a request for which its recording has no response. The fix names the "
        "nearest recorded request and the parts that differ. Either the configuration changed the request, or the "
        "recording is out of date. Correct the configuration, or record the operation again with `conn record`.",
    ),
    Code(
        "REC004",
        "HAR file cannot be used",
        "error",
        "The file is not HAR 1.2, or none of its requests to the selected hosts has a response. Export it again from "
        "the browser's network panel, with content.",
    ),
    Code(
        "REC005",
        "personal data cannot be replaced",
        "error",
        "In recordings of live accounts, pseudonyms replace the names, addresses and numbers of people, and each "
        "recording is replayed before it is written. This replay behaved differently, or still contained an original "
        "value, so the file was not written. Most often, an expression computes something from a value (a digest, its "
        "first letters) and the vendor's response depends on it. Record another person's data, or invented data. If "
        "the account contains no real people, run the command with `--keep-personal-data`.",
    ),
    Code(
        "EXP301",
        "expression failed",
        "error",
        "An expression is valid but fails on a record or a response: a function received a value of the wrong type, "
        "or a limit of time, depth or size was reached. The caret shows where. To try the expression separately, run "
        "`conn eval 'EXPR' -i FILE`.",
    ),
    Code(
        "EXP302",
        "unresolved name in a template",
        "error",
        "A `{{…}}` has no value in this call, and a template is never sent as text. Supply the value (in the "
        "account's `context`, or with `--param`), or write a default: `{{query.limit ? query.limit : 100}}`. In "
        "`query` and `headers`, a result of null omits the entry.",
    ),
    Code(
        "MAP101",
        "response_path matches nothing",
        "error",
        "The response has nothing at `response_path`: the path is misspelled, or the vendor changed the response. "
        "Conn does not treat this as zero records. An empty listing has `[]` or null at the path. If the vendor omits "
        "the key when there are no records, write `$exists(key) ? key : []`.",
    ),
    Code(
        "MAP201",
        "mapped field is empty in every record",
        "warning",
        "A field is mapped, and no recorded record has a value for it. The fix shows what the expression reads and "
        "what the record has instead. If the recordings contain no record with this field, record one that has it.",
    ),
    Code(
        "MAP202",
        "nothing has the cursor",
        "warning",
        "An operation is incremental, and `record_cursor` finds no value in any recorded record, or `token_field` or "
        "`url_field` finds none in the last recorded page. The state would never "
        "advance, and each run would read everything. `record_cursor` is an expression over the record after "
        "`record_mapping`, such as `updated_at` or `attributes.updated_at`. If the records have no cursor, remove "
        "`record_cursor`: the state is then the end of the window.",
    ),
    Code(
        "MAP203",
        "no record has the field of a type",
        "warning",
        "`record_types` names a field that no delivered record has, because `record_mapping` does not set it. Use the "
        "name in the delivered record (`price`, `lines[].sku`), or remove the entry.",
    ),
    Code(
        "MAP204",
        "field fails on some records",
        "error",
        "The expression of a mapped field fails on records, for example because `$number` receives text such as "
        "`n/a`. The field is empty in these records, and all other fields are as usual. A failure that is due to null "
        "is not reported: the field is empty, like a path that finds nothing. Correct the expression for these "
        "records. `on_error: {field: fail}` ends the run instead. `conn run` reports the failures as a warning.",
    ),
    Code(
        "MAP205",
        "on_error for a field that cannot be empty",
        "warning",
        "`on_error` names a field that the response mapping does not set, so the entry has no effect. Use the dotted "
        "name of a mapped field, or of an object that contains it: `custom_fields.score`.",
    ),
    Code(
        "MAP206",
        "field is empty because of a null",
        "info",
        "The expression of a mapped field fails on some records because a value that it uses is null, such as "
        "`$uppercase(null)`. The field is empty in these records, like a path that finds nothing. `conn map` reports "
        "it, and `conn test` does until the result is accepted as a golden. To give the field a value, write a "
        "condition: `response.email ? $uppercase(response.email) : 'none'`.",
    ),
    Code(
        "MAP130",
        "unknown field of $base",
        "error",
        "`$base` is the result of the levels below, and none of them sets a field of this name, so the expression "
        "returns nothing. Check the spelling: `$base.name` reads a field of the unified record, so it uses the "
        "model's name, not the vendor's.",
    ),
    Code(
        "MAP131",
        "use of $base without a level below",
        "error",
        "`$base` is the result of the levels below. The lowest level of a mapping, and one under `replace`, has no "
        "level below, so the expression returns nothing. If a mapping contains nothing else, its records are empty. "
        "Write the expression over `response` (or `body`).",
    ),
    Code(
        "MAP132",
        "null for a field that needs a value",
        "error",
        "The mapping sets a field to null, but the unified model requires the field or does not allow null. Every "
        "result would violate the model. Map the field, or delete the line. In an override, null removes the field.",
    ),
    Code(
        "MAP134",
        "field is mapped in one direction only",
        "info",
        "A write sends a field of the model that no read returns, or an override adds a field to a read that no write "
        "sends. The customer cannot see, or cannot change, the stored value. If the vendor supports the field in the "
        "other direction, map it there too.",
    ),
    Code(
        "MAP133",
        "override empties a field",
        "error",
        "An expression of an environment or an account leaves a field empty in every recorded record, although the "
        "levels below fill it. Most often, it reads a name that the vendor does not have. Correct the expression. To "
        "remove the field, write `null`. If the account's records have data that the shared recording lacks, record "
        "them: `conn record OPERATION --account ACCOUNT --own`.",
    ),
    Code(
        "MAP301",
        "result violates the unified model",
        "error",
        "A unified record does not satisfy its JSON Schema (`conn schema MODEL.RECORD`), and customers rely on it. "
        "Convert the value in the mapping, for example with `$string(response.id)`.",
    ),
    Code(
        "MAP302",
        "no schema for the unified record",
        "warning",
        "Results cannot be checked: neither the workspace's `models/` nor Conn itself has a schema for this record. "
        "Add `models/<model>/<record>.schema.json`, or set `record` in the unified mapping.",
    ),
    Code(
        "MAP401",
        "mapping is not portable",
        "error",
        "The second evaluator (`--cross-check`) returns a different result for the mapping. Usually, a function "
        "receives null, or the order of an object's keys matters. Rewrite the mapping so that both agree.",
    ),
    Code(
        "REC101",
        "operation without a recording",
        "warning",
        "Nothing is recorded for this operation, so the effect of a change on it is unknown. To record it, run `conn "
        "record OPERATION --account ACCOUNT`.",
    ),
    Code(
        "REC102",
        "event without a recorded delivery",
        "warning",
        "No recorded delivery contains this unified event, so nothing shows that its condition matches and its record "
        "is found. `conn webhook listen --record` records the deliveries that arrive. `conn webhook record NAME FILE` "
        "records a delivery from a file, or with `--contract` from the vendor's documentation.",
    ),
    Code(
        "REC103",
        "recorded exchanges were not used",
        "warning",
        "The run ended before the recording did: pagination stopped early, or the recording is older than the "
        "configuration. If pagination stopped too early, correct it. Otherwise, record the operation again.",
    ),
    Code(
        "REC180",
        "live recording is old",
        "warning",
        "The recording was made longer ago than `recordings.max_age` in conn.yaml allows (default: P180D), so the "
        "vendor may respond differently by now. Record it again with the suggested command, then look at `conn test`. "
        "`conn drift` shows whether the vendor has changed. Recordings from a contract, a sample or a HAR file never "
        "get too old. Set `recordings: {max_age: never}` to switch the check off.",
    ),
    Code(
        "REC200",
        "recorded response violates the vendor's schema",
        "warning",
        "A recorded response violates the vendor's own schema (`response_schema`): a field has another type, or a "
        "required field is missing. Either the schema is out of date, or the response has changed. Correct the "
        "schema, or record the operation again.",
    ),
    Code(
        "RUN101",
        "vendor returned an error",
        "error",
        "The response is an error according to the `errors` rules (or the default rules). If it is not an error for "
        "your customers, add a rule: `{when: …, then: ok|empty|skip}`. If the recording is meant to show this error, "
        "accept it: `conn test --update`.",
    ),
    Code(
        "RUN102",
        "write not sent",
        "info",
        "A live test does not send requests that would change data at the vendor. To send them, add `--send`.",
    ),
    Code(
        "RUN201",
        "credential missing or refused",
        "error",
        "The account has no stored credential, or the vendor refuses it. Check it with `conn auth status`, then run "
        "`conn auth login ACCOUNT`.",
    ),
    Code(
        "RUN301",
        "operation could not run",
        "error",
        "The configuration lacks something that the operation needs. The message names it: add it.",
    ),
    Code(
        "RUN130",
        "unknown key in a body",
        "error",
        "The caller's body has a key that the operation does not use: it is not a field of the unified model, no "
        "mapping or step reads it, and `request_schema` does not contain it. The vendor would not receive it. Correct "
        "the spelling, remove the key, or map it: `request_body_mapping: {vendor_name: body.key}`.",
    ),
    Code(
        "RUN401",
        "delivery is verified incorrectly",
        "error",
        "A recorded delivery fails verification: the message gives the reason. Either `webhooks.verify` changed, or "
        "the delivery is not valid: record it again with `conn webhook record`. A delivery that is meant to fail has "
        "`refused: true`, and then it is an error if the delivery is accepted.",
    ),
    Code(
        "TST101",
        "result differs from the golden",
        "error",
        "The records differ from the accepted result. The finding points to the line that sets the field. If the "
        "change is intended, run `conn test --update`, and review the golden's diff in the pull request.",
    ),
    Code(
        "TST102",
        "requests differ from the golden",
        "error",
        "The operation sends different requests than the accepted ones: another path, query or body, or another "
        "number of requests. If the change is intended, accept it: `conn test --update`. If not, find the "
        "configuration change that caused it.",
    ),
    Code(
        "TST103",
        "no golden result",
        "warning",
        "The replay ran, but there is no accepted result to compare it with. Check the result, then accept it: `conn "
        "test OPERATION --update`.",
    ),
    Code(
        "TST104",
        "error differs from the golden",
        "error",
        "The operation ended with a different error than the accepted one, or with an error where none was accepted. "
        "If the change is intended, accept it: `conn test --update`.",
    ),
    Code(
        "TST105",
        "reply to a delivery differs from the golden",
        "error",
        "The vendor would receive a different reply, or the delivery is verified in another way or matches another "
        "challenge. If the change is intended, accept it: `conn test --update`.",
    ),
    Code(
        "TST106",
        "previous page differs from the golden",
        "error",
        "The `prev_cursor` of a page leads to another page than the accepted one, or to none. If the change is "
        "intended, accept it: `conn test --update`. If not, check the settings for the previous page in `pagination`.",
    ),
    Code(
        "TST107",
        "completeness of the listing differs from the golden",
        "error",
        "The listing is incomplete and the golden does not say so, or the reverse: fewer records arrived than "
        "`total_field` reports, or `has_more` is true at the end. Correct `pagination`. If the change is intended, "
        "accept it: `conn test --update`.",
    ),
    Code(
        "TST108",
        "credential is sent differently than in the golden",
        "error",
        "A request sends its credential in another header than in the golden, with another scheme or other text "
        "around it, or in no header. Correct `authorization` or `signature`. If the change is intended, accept it: "
        "`conn test --update`.",
    ),
    Code(
        "TST109",
        "credential would go to a host that is not in `hosts`",
        "error",
        "A live run refuses this request: it contains the credential, and no pattern in `hosts` matches its host. The "
        "replay found a recorded response only because it sends nothing. Correct `hosts`, or the URL.",
    ),
    Code(
        "CHG180",
        "accepted effect does not occur",
        "error",
        "A document in `changes/` accepts exactly the effects of the change that it belongs to. One of them no longer "
        "occurs, or differs: another value, or another number of records. Accept the current effects (`conn ci "
        '--accept --reason "…"`), or delete the document.',
    ),
    Code(
        "EXP101",
        "expression does not parse",
        "error",
        "The JSONata text is not well-formed. The caret shows where parsing stopped: a bracket, a quote or an "
        "operator is missing near there. In a mapping, a fixed text needs its own quotes: `\"'lead'\"`.",
    ),
    Code(
        "EXP102",
        "unknown function",
        "error",
        "The expression calls a `$function` that neither JSONata nor Conn defines. Check the spelling; names are "
        "case-sensitive. Or it calls a function in the style of another language, such as `len(tags)` or "
        "`name.trim()`: write `$count(tags)` and `$trim(name)`.",
    ),
    Code(
        "EXP103",
        "unknown name",
        "error",
        "An expression starts with a name that is not defined there, so it always returns nothing. The fields of a "
        "vendor record are under `response`, the caller's values under `query`, `body` and `id`, and the account's "
        "values under `context`. Where `stop`, `has_more` and error rules read a response, its fields are under "
        "`body`. A fixed text in a mapping needs its own quotes: `\"'lead'\"`.",
    ),
    Code(
        "EXP104",
        "secret out of scope",
        "error",
        "`env` and stored credentials are available only in `credentials` and `authorization`, which authorize "
        "requests, and where `webhooks` verifies a delivery and replies. Mappings, URLs and queries cannot read them, "
        "so that someone who edits a mapping cannot read a secret. Use a value of the account's `context` instead, or "
        "move the header to `authorization`.",
    ),
    Code(
        "EXP130",
        "filter by constant text",
        "error",
        "In JSONata, brackets filter: `response['name']` keeps everything, because text that is not empty counts as "
        "true. To read a field, write `response.name`. Put backticks around a name that is not a plain word: "
        "response.`full name`.",
    ),
    Code(
        "EXP131",
        "text added as a number",
        "error",
        "`+` adds numbers, so an expression such as `first + ' ' + last` fails or returns nothing. To join text, "
        "write `&`: `first & ' ' & last`. A missing value then counts as empty text.",
    ),
    Code(
        "EXP132",
        "filtered list before a step",
        "warning",
        "`[a, b][$ != ''].{'number': $}` is right for two items, but JSONata gives nothing, or each letter of a text, "
        "if the filter leaves one. Put the list in parentheses: `([a, b])[$ != ''].{'number': $}`.",
    ),
    Code(
        "EXP140",
        "path that is sent as text",
        "warning",
        "What is sent is text, and only `{{…}}` in it is evaluated: `limit: query.limit` sends the text `query.limit`. "
        'Write `limit: "{{query.limit}}"`. If the vendor expects exactly this text, add a comment: `# conn: ignore '
        "EXP140 -- the name of a field of the vendor`.",
    ),
    Code(
        "EXP141",
        "quotes that are sent",
        "warning",
        "What is sent is text and needs no quotes: `state: \"'open'\"` sends `'open'` with the quotes. Write "
        "`state: open`. Only where a setting is an expression, as in a mapping, does fixed text need its own quotes. "
        "If the vendor expects the quotes, add a comment: `# conn: ignore EXP141 -- the vendor expects quotes`.",
    ),
    Code(
        "EXP142",
        "filter that does not read the record",
        "warning",
        "The setting decides about each record, but its expression reads only `response`, the body of the page, which "
        "is the same for all records: either all of them pass or none. Write `record` for the record: `record.active`.",
    ),
    Code(
        "EXP143",
        "name before a field of the body",
        "warning",
        "`response_path`, `cursor_field` and similar settings are expressions over the body itself (or over the record "
        "itself), so `body.items` reads a field `body` of the body. Write `items`. If the vendor's body has a field of "
        "this name, add a comment: `# conn: ignore EXP143 -- the body has this field`.",
    ),
    Code(
        "EXP144",
        "header name that never matches",
        "error",
        "In expressions, the names of headers are in lower case, and a name with a hyphen is in backticks: write "
        "``headers.`x-total` ``. `headers.X-Total` is the header `X` minus a value `Total`. Settings that name a "
        "header, such as `rate_limit`, accept any case.",
    ),
    Code(
        "SEC101",
        "literal secret",
        "error",
        "A credential is written in a document, and so is in version control. Remove it, and revoke it at the vendor. "
        "Store the new one in the keyring (`conn auth login`), or read it from the environment as `{{env.NAME}}`.",
    ),
    Code(
        "CFG130",
        "placeholder of another tool in a path",
        "error",
        "`{id}`, `${id}` and `:id` are sent as text. A template has two braces: write `/contacts/{{id}}`. "
        "Single braces in a path mark only the place of a credential: `authorization: {format: path, name: "
        "token}`.",
    ),
    Code(
        "CFG160",
        "override of a setting that operations set themselves",
        "warning",
        "An environment or account sets something for the connector or a resource, such as the size of a page, and "
        "each operation that would inherit it sets its own, so nothing changes. If only some operations set their own, "
        "the finding is for information. Set it where the finding says:\n\n```yaml\noverride:\n  resources: {contacts: "
        "{list: {pagination: {config: {size: 50}}}}}\n```",
    ),
    Code(
        "CFG161",
        "override drops a filter or steps",
        "warning",
        "An override replaces the `record_filter` of the level below, so records that the connector leaves out are "
        "returned, or it replaces a list of steps and lacks some of them. In a filter, `$base` is the filter of the "
        "level below: write `$base and record.active`. Repeat the steps. To drop them on purpose, add `# conn: ignore "
        "CFG161 -- reason`.",
    ),
    Code(
        "CFG162",
        "override drops settings of another format",
        "warning",
        "An override gives a strategy, such as `pagination`, another `format`. This drops all settings of the level "
        "below, also those that the new format has too, such as the size of a page. Repeat the settings that the "
        "finding names, or set them to null.",
    ),
    Code(
        "CFG201",
        "override has no effect",
        "warning",
        "The override sets the same value as the level below, or removes something that is not there. It changes "
        "nothing today, and it will keep the old value when the level below changes. Delete it.",
    ),
    Code(
        "CFG150",
        "override of some operations only",
        "warning",
        "An environment or account changes a field in the mapping of one operation, such as `list`, and the other "
        "operations of the resource keep the old value. The same record then differs between a listing, a read, a "
        "write and the events. Set the mapping for the resource, which applies to every operation except "
        "`delete`:\n\n```yaml\noverride:\n  crm.contacts.response_mapping.job_title: response.title\n"
        "```\n\nIf only one operation has the field, add a comment: `# conn: ignore CFG150 "
        "-- only the listing has it`.",
    ),
    Code(
        "CFG151",
        "setting of a resource that no operation uses",
        "warning",
        "A resource sets a `path`, a `response_path` or an `incremental` that none of its operations uses: the name of "
        "the resource is misspelled, or the operations set their own. Only list, create, get, update and delete have "
        "the path of their resource, and only listings inherit the other two. A unified resource sets a "
        "`response_mapping` or a `request_body_mapping`: `delete` uses no response mapping, a request mapping applies "
        "to `create`, `update` and operations that have a `request_body_mapping`, and an operation with "
        "`response_mapping: null` or `each: page` does not use the resource's mapping.",
    ),
    Code(
        "PAG101",
        "listing cannot end",
        "warning",
        "The pagination reports another page after every page, so the listing can only end with an error. Read the "
        "next page from the response, or add a `stop` or `has_more` rule.",
    ),
    Code(
        "PAG102",
        "pagination setting is not sent",
        "warning",
        "The value that requests the next page, or a page size, is not sent: it is in a body that a GET request does "
        "not send, or no parameter is set for it. Every page would be the first. Name the vendor's parameter "
        "(`page_param`, `offset_param`, `cursor_param`, `size_param`), or use `{{page.…}}` in a template.",
    ),
    Code(
        "PAG103",
        "page size above the maximum",
        "warning",
        "The connector requests more records per page than `max_size` allows. Vendors then return fewer records or "
        "refuse the request. Lower the size, or correct `max_size`.",
    ),
    Code(
        "PAG104",
        "pagination key that no recording has",
        "warning",
        "A setting of `pagination` names a key (`cursor_field`, `next_url_field`, `has_more`, `total_field` …) that "
        "no recorded response of the operation has, so a listing would end after its first page. Correct the setting. "
        "If the vendor omits the key in short listings, record one with two pages.",
    ),
    Code(
        "PAG105",
        "page size is unknown",
        "warning",
        "`full_pages: size` ends a listing at a page with fewer records than the page size, but neither `size` nor the "
        "operation's request sets one. The setting then only has an effect if the caller passes a limit. Set `size`. "
        "If the vendor fixes the size and no parameter requests it, `size` is enough.",
    ),
    Code(
        "PAG110",
        "listing is incomplete",
        "error",
        "The listing ended before all of its records arrived: there are fewer than `total_field` reports, a page "
        "repeats, a next page leads back to an earlier one, or `has_more` is true at the end. Check `pagination`. If "
        "the vendor's total is an estimate, set `complete: warn` in the operation.",
    ),
    Code(
        "PAG111",
        "end of the listing is unknown",
        "warning",
        "No response of the run has the key that leads to the next page, and the page is full. Either the setting is "
        "misspelled and only the first page arrived, or the vendor omits the key in short listings. Correct the "
        "setting, or set a page size: a page with fewer records is then the last one.",
    ),
    Code(
        "PAG112",
        "step cannot read all of its listing",
        "error",
        "If a step or an enrichment names an operation that lists, it reads all pages, up to 10,000 records. Narrow "
        "its request with `query`, or use `parents` to run an operation once for each record. If one page is enough, "
        "name an operation with `pagination: {format: none}`. An operation with pages needs a `response_path`.",
    ),
    Code(
        "ERR101",
        "error rule never applies",
        "warning",
        "The first matching rule applies. This one never does: no response matches its condition (`status` is a "
        "number, so `status = '404'` is never true), or earlier rules match every response that it matches. Correct "
        "the condition, or move the rule up.",
    ),
    Code(
        "ERR102",
        "retry without effect",
        "warning",
        "A write that may already have been carried out is not sent again, so `retry` does nothing here and the "
        "action after the retries applies immediately. If the vendor recognizes repeated requests, set `idempotent: "
        "true` and send its idempotency key. If not, write `fail`. A request that was refused by a rate limit "
        "(`rate_limited`) is always sent again.",
    ),
    Code(
        "ERR103",
        "nothing to narrow",
        "warning",
        "`narrow` halves the window of an incremental operation, and this operation has no window: its requests have "
        "no start and end. Set `incremental`, or choose another action.",
    ),
    Code(
        "SEC130",
        "request without encryption",
        "error",
        "A URL of a public host starts with `http://`: anyone on the network path can read and change its requests, "
        "so no credential is sent there. Write `https://`. If the host has no TLS, confirm it in conn.yaml with a "
        "pattern that includes the scheme: `trusted_hosts: ['http://data.example.com']`.",
    ),
    Code(
        "SEC131",
        "requests to an internal address are refused",
        "warning",
        "A URL leads to this machine or to a private network, and conn.yaml does not trust the host. Every request to "
        "it is refused, so that a document cannot reach services that only this machine can reach. If the host is "
        "meant to be internal, add it in conn.yaml, such as `trusted_hosts: ['127.0.0.1:8080']`. If not, correct the "
        "URL.",
    ),
    Code(
        "SEC102",
        "credential in a URL",
        "warning",
        "Proxies and servers write URLs to logs, and tools display them. Send a token in the header (`authorization: "
        "{format: bearer}`). If an account's `context` contains a secret, move it to the credential. If the vendor "
        "accepts the secret only in the URL, add a comment: `# conn: ignore SEC102 -- the vendor accepts it only "
        "there`. Conn redacts credentials in everything that it prints itself.",
    ),
    Code(
        "SEC103",
        "credential is not sent",
        "warning",
        "`credentials` defines what an account stores, and `authorization` (or `signature`) defines how a request "
        "sends it. For a token and for a user name with a password, this follows from the credentials. For an API key "
        "it does not, because vendors expect it in different places, so the vendor would return 401. Add the line from "
        "the finding, with the place that the vendor's documentation names, or set `credentials: {format: none}`.",
    ),
    Code(
        "SEC104",
        "no placeholder in the path for the credential",
        "error",
        "`authorization: {format: path}` inserts the credential where its name appears in single braces in `path` or "
        "`base_url` (`/bot{token}/messages`). This operation has no such placeholder, so the credential cannot be "
        "sent. Add it, or set another `authorization` for the operation, such as `{format: none}`.",
    ),
    Code(
        "SEC105",
        "optional part of the credential in the path",
        "warning",
        "An account can omit a part of its credential that has `required: false`. A header, a query parameter or a "
        "body field is then omitted too, but a part of the path cannot be, so the operation fails for such an "
        "account. Make the part required, or give the path a choice of two authorizations (`{format: choice}`).",
    ),
    Code(
        "SEC106",
        "no token endpoint",
        "error",
        "With these credentials, a token comes from the vendor's token endpoint, but `credentials` sets neither "
        "`token_url` nor a custom `request`. Every run would stop before its first request. Under `config`, add "
        "`token_url: https://auth.example.com/token`. It may be a template, such as "
        "`https://{{context.domain}}/oauth/token`.",
    ),
    Code(
        "SEC107",
        "copy from Git with an unconfirmed host or variable",
        "error",
        "A connector from a Git repository of somebody else uses only the hosts and environment variables that a "
        "person has confirmed, which conn.lock lists. This one uses another, because its file or conn.lock was changed "
        "in the workspace. If it is right, add it to `confirmed` in conn.lock. If not, restore the file from version "
        "control.",
    ),
    Code(
        "SEC108",
        "base copy that is not that of conn.lock",
        "error",
        "`.conn/base` has the files of a copied connector as they were at the commit that conn.lock names, and "
        "conn.lock has their digest. Somebody has changed one of the two, so it is unknown what was checked and what "
        "you have changed. Restore both from version control, or add the connector again with `conn new NAME --from "
        "GIT --force`.",
    ),
    Code(
        "DEP101",
        "operation past its sunset",
        "warning",
        "The vendor announced a day from which it may refuse this operation (`deprecated.sunset`), and that day has "
        "passed. Use the replacement. This finding appears on that day without a change to any document.",
    ),
    Code(
        "DEP102",
        "operation before its sunset",
        "warning",
        "The vendor announced a day from which it may refuse this operation (`deprecated.sunset`). The finding shows "
        "how many days are left. Use the replacement before that day, when this finding becomes DEP101.",
    ),
    Code(
        "CFG202",
        "incremental without effect",
        "warning",
        "An operation sets `incremental`, but its requests send neither the start of the window nor the state, and no "
        "setting leaves out older records, so each run reads everything. Send the start (`start_param`, "
        "`start_header`, `start_body`, `start_form`, or `{{window.start}}` in a template), or set `filter: true`, or, "
        "for a listing in descending order, `stop_when_older: true`.",
    ),
    Code(
        "REF102",
        "unknown operation",
        "error",
        "A unified operation, a step, `verify`, `parents`, `chunk` or `enrich` names a vendor operation that the "
        "connector does not have. Add it under `resources`, or correct the name. Or no unified operation maps the "
        "record of a unified event: add its mapping, or name another operation with `method`.",
    ),
    Code(
        "REF104",
        "parents form a cycle",
        "error",
        "An operation runs for the records of another one, which runs for the records of the first, so neither could "
        "ever start. Name another operation in `from`. For records inside records of the same operation (folders in "
        "folders), use `recurse`.",
    ),
    Code(
        "REF130",
        "verify needs a value",
        "error",
        "Conn runs the operation of `verify` itself after a login, so it cannot need a value from a caller, such as "
        "`{{id}}`. Name an operation that needs no value: the vendor's `me`, or a listing.",
    ),
    Code(
        "REF140",
        "operation is disabled",
        "error",
        "The called operation has `enabled: false`, in the connector, an environment or an account, or it calls a "
        "vendor operation that has. Nothing is sent. Webhook events keep the mapping of a disabled operation. To "
        "enable the operation, remove the line that the finding names, or set `enabled: true` in the environment or "
        "the account:\n\n```yaml\noverride:\n  crm.contacts.delete.enabled: true\n```",
    ),
    Code(
        "REF141",
        "uses a disabled operation",
        "warning",
        "A unified operation, a step, an event with `fetch`, `verify`, `parents`, `chunk` or `enrich` names an "
        "operation with `enabled: false`. It fails whenever it calls that operation. Enable the operation, name "
        "another one, or disable what uses it too.",
    ),
    Code(
        "REF142",
        "override of something unknown",
        "error",
        "An environment or account sets something for a resource, an operation or a unified model that the connector "
        "does not have, so it has no effect. Correct the name. The place of a unified resource starts with its model: "
        "`crm.contacts`, and that of a vendor's resource with `resources`. To add an operation, give it a `path`.",
    ),
    Code(
        "REF200",
        "key is not in the vendor's schema",
        "warning",
        "A mapping or a body sets a key that the vendor's own schema of the request (`request_schema`, "
        "`query_schema`) does not have: the vendor ignores or refuses it. Correct the spelling. If the vendor does "
        "accept the key, add it to the schema.",
    ),
    Code(
        "REF201",
        "key that the vendor's schema requires",
        "warning",
        "The vendor's own schema of the request (`request_schema`) requires a key that the mapping does not set, so "
        "the vendor refuses the write. Map the key, or correct the schema.",
    ),
    Code(
        "REF103",
        "account lacks a value",
        "error",
        "The connector's `fields` require a value that is missing from the account's `context`, or that has another "
        "form. Add or correct it in accounts/ACCOUNT.yaml.",
    ),
    Code(
        "WHK101",
        "deliveries are not verified",
        "warning",
        "With `verify: {format: none}`, anyone who knows the address can send a delivery, and events are created from "
        "it. Declare how to verify the vendor's deliveries. If the vendor does not sign them, fetch the record: with "
        "`fetch: event.record_id`, Conn reads it from the vendor, and a false delivery costs only one request.",
    ),
    Code(
        "WHK102",
        "signature does not cover the body",
        "warning",
        "The signature is valid, but it does not cover the data that events are created from: anyone who sees one "
        "delivery can send others with its signature until it expires. If the vendor signs the body, include it in "
        "`content` (`text`, `body_sha256`); for a JWT, compare its hash in `expect`. If not, fetch the record: "
        "`fetch: event.record_id`.",
    ),
    Code(
        "WHK103",
        "secret in every delivery",
        "info",
        "Each delivery contains a token, or a user name and password, and nothing is signed: anyone who sees one "
        "delivery (a proxy, a log of URLs) can send others. If the vendor can sign deliveries, use that. If not, "
        "fetch the record (`fetch: event.record_id`), or accept the finding with a comment that gives the reason.",
    ),
    Code(
        "WHK104",
        "challenge signs for anyone",
        "warning",
        "Anyone can send a challenge that is not verified, and the reply is computed from the caller's text with the "
        "secret that verifies deliveries. A caller can have the text of a delivery signed, and then send that "
        "delivery. With `expect`, limit the text so that no delivery matches: by its form (`$match(body.token, "
        "/^[A-Za-z0-9_-]{22}$/)`), or by a second secret that the caller must know. If the vendor signs its "
        "challenges, set `verified: true`.",
    ),
    Code(
        "WHK105",
        "deliveries never expire",
        "info",
        "With `tolerance_seconds: 0`, anyone who has seen a delivery can send it again years later. Set the maximum "
        "age of a delivery; 300 is usual. If the time in the delivery is not the time of sending, store the ids of "
        "received events: a repeated delivery has the same id.",
    ),
    Code(
        "WHK106",
        "event cannot be created",
        "error",
        "A unified event lacks something that it needs: the connector declares no deliveries, or the event has no "
        "record, or it reads a value that `webhooks.events` does not define. Every such delivery would fail. Add what "
        "the finding names.",
    ),
    Code(
        "WHK107",
        "events reach no account",
        "warning",
        "`webhooks.account` selects the account by a value in its context, and no account can have that value: no "
        "field, no step of `connect`, no captured value and no account's document sets it. No event would reach an "
        "account. Add the name to `fields`, or correct it.",
    ),
    Code(
        "WHK108",
        "challenge is never used",
        "warning",
        "Conn uses the first challenge whose condition is true. The condition of this one is never true, or an earlier "
        "challenge matches every delivery that it matches. Correct the condition, move the challenge up, or delete it.",
    ),
    Code(
        "WHK109",
        "override turns off verification",
        "warning",
        "An environment or account turns off the verification of deliveries, which conn.yaml allows: anyone can send "
        "events there. Delete the line. To try deliveries without the vendor, sign them with your own secret (`conn "
        "webhook send`).",
    ),
    Code(
        "WHK210",
        "event type is not signed",
        "info",
        "`webhooks.events.type` reads a header or a parameter that the signature does not cover: anyone who has a "
        "delivery can send it again as an event of another type. If the vendor repeats the type in the signed body, "
        "read it from there. If not, check in the `when` of the unified event for something that only such a body "
        "has, or fetch the record.",
    ),
    Code(
        "SRV101",
        "proxy passes every path on",
        "warning",
        "A caller of the service with the scope `proxy:read` or `proxy:write` can send any request to the vendor with "
        "the account's credential, also one that creates users or keys, or exports everything. List the paths that "
        "callers need:\n\n```yaml\nproxy:\n  shop:\n    paths:\n      - { path: /notes/** }\n```",
    ),
    Code(
        "SRV102",
        "proxy path that is never passed on",
        "warning",
        "The connector obtains, renews, revokes or inspects credentials at this path, and responses there contain "
        "them. The proxy never passes such a request on, whatever conn.yaml lists. Remove the path.",
    ),
    Code(
        "SRV103",
        "tools for agents are too long with names",
        "info",
        "An agent reads the definitions of all its tools with each request, so that they have at most 700 tokens "
        "(about 2,800 characters). The names of this account's resources do not fit: agents get them from the tool "
        "`list_resources` instead, with one more call, and a wrong name is found later. Disable operations that "
        "agents do not need (`enabled: false`), or give models and resources shorter names. With more "
        "than 30 resources, the names are never in the definitions.",
    ),
    Code(
        "SYN101",
        "sync cannot run",
        "error",
        "The steps of the sync cannot be carried out: it fetches nothing or several resources, a step has a setting of "
        "another action or stands in the wrong place, or the connector of an account does not have the resource. Write "
        "`for_each` first, then one `fetch_resource`, then what happens to its records, and the delivery last.",
    ),
    Code(
        "SYN102",
        "invalid schedule or duration",
        "error",
        "`schedule` is not a cron expression with five fields or a name such as `@daily`, no date fits it (`0 0 30 2 "
        "*` never comes), `timezone` is unknown, or a duration is not written as ISO 8601, such as `PT10M`.",
    ),
    Code(
        "SYN103",
        "sync names something unknown",
        "error",
        "The workspace does not have the connector, account, tag, endpoint or sync that the sync names. Correct the "
        "name, or add what it means.",
    ),
    Code(
        "SYN104",
        "parameter that the operation does not read",
        "error",
        "The mapping of the unified operation does not read this parameter, so it would be ignored and the sync would "
        "read everything. Map it in `query_mapping`, or fetch the vendor's own resource.",
    ),
    Code(
        "SYN105",
        "parameter that the vendor may not know",
        "info",
        "The schema of the operation's parameters, which comes from the vendor's contract, does not have this one. "
        "Many vendors ignore unknown parameters, and then each run reads everything.",
    ),
    Code(
        "SYN106",
        "pagination differs from the connector",
        "warning",
        "A sync uses the pagination of its connector; `pagination` in the sync only repeats it for readers. Write "
        "`pagination: auto`, or leave it out.",
    ),
    Code(
        "SYN107",
        "no endpoint for the events",
        "info",
        "The sync delivers events to the endpoint `default`, which neither conn.yaml nor the environment has. Until it "
        "is added under `endpoints`, a run needs `--to`.",
    ),
    Code(
        "SYN108",
        "backfill cannot be limited to a range",
        "error",
        "`backfill` has no parameters that use both `window.start` and `window.end`, so every chunk would read the "
        "same. Write both, or leave `params` out if the `incremental` of the operation has `start_param` and "
        "`end_param`.",
    ),
    Code(
        "SYN109",
        "syncs start each other in a circle",
        "error",
        "Each of these syncs runs after another of them, so that they would never stop. Give one of them a "
        "schedule instead of `trigger`.",
    ),
    Code(
        "SYN110",
        "event that never arrives",
        "error",
        "`trigger.webhook` or `deletes` names an event that the connector does not have, or the connector receives no "
        "events. A unified event is named as in `crm.contact.updated`; any other name is a type of the vendor. A sync "
        "of the vendor's own resource has to name the event that reports deleted records.",
    ),
    Code(
        "SYN111",
        "events are dropped during a run",
        "warning",
        "The parameters of the sync use `event`, so that each run fetches what one event is about. With `overlap: "
        "skip`, an event that arrives while another run is open starts no run. Use `overlap: queue`.",
    ),
    Code(
        "SYN115",
        "data of large events cannot be stored",
        "error",
        "`claim_check.store` of an endpoint is not a folder or a URL of object storage, or `expires` is not an ISO "
        "8601 duration of at most seven days, the longest time that a signature of object storage is valid. Write "
        "`store: s3://bucket/events` and `expires: P1D`, for example.",
    ),
    Code(
        "SYN116",
        "receiver cannot read the data of large events",
        "warning",
        "`claim_check.store` is a folder, whose files only programs on this machine can read, and the endpoint is on "
        "another machine. Use object storage, whose URLs are signed for the receiver: `store: s3://bucket/events`.",
    ),
    Code(
        "SYN117",
        "drift of nothing",
        "warning",
        "A sync with `kind: drift` sends the calls of recordings again and compares the responses. There is no "
        "recording of what it names, or no such operation, so that it would find no difference whatever the vendor "
        "changes. Record the operation (`conn record`), or correct the name.",
    ),
    Code(
        "SYN118",
        "accounts record over each other",
        "warning",
        "With `drift.record`, each account that a sync with `kind: drift` runs for records the operations of its "
        "connector again, and the recordings are shared. Name one account per connector in `accounts`.",
    ),
    Code(
        "SYN119",
        "enriching call without a recording",
        "warning",
        "An `enrich` step calls an operation for each record. In a case, that call is answered by a recording of the "
        "operation, and none of them has the response for this record, so the case does not test the field. Record the "
        "call with the ID of the record, with a scenario of its own: `conn record contacts.get -p id=7 --scenario 7`.",
    ),
    Code(
        "SYN120",
        "sync cannot process recorded records",
        "error",
        "On a recording of what the sync fetches, `transform`, `filter` or `key` fails, or a record has no key. A run "
        "would stop there, or leave these records out if `on_error` allows it. Correct the expression, for example "
        "for records without the field: `email ? $lowercase(email)`.",
    ),
    Code(
        "SYN121",
        "field of an event that no record has",
        "warning",
        "A field of `transform` has no value in any event that the recordings lead to. Its expression probably has a "
        "typing error. Correct it, or record records that have what it reads.",
    ),
    Code(
        "SYN122",
        "deleted records that the listing does not show",
        "error",
        "The sync has `deletes: { by: record }`, but the unified operation that it fetches does not map `deleted`. Map "
        "it to what the vendor says, or set `deletes.when` to another condition.",
    ),
    Code(
        "MAP303",
        "unknown field of the unified model",
        "error",
        "The model's JSON Schema does not allow this field, so every result would violate the schema. Use the model's "
        "name for the field (`conn schema MODEL.RECORD`), or put it under `custom_fields`. A field that only an "
        "environment or an account adds is reported for information, and its records pass the check, unless its name "
        "is like that of a field of the model: it is probably misspelled.",
    ),
)


def find_code(code: str) -> Code | None:
    """Return the entry of a code in any letter case, or None if the code is unknown."""
    return CODES.get(code.upper())
