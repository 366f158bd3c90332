"""The names that expressions can use: JSONata's `$` and `$$`, Conn's `$base`, and the names of each scope."""

from typing import Any, Final

from conn_engine.expressions.language.entries import LanguageEntry

__all__ = ["VARIABLE_ENTRIES"]

Row = tuple[str, str, str, Any, Any]

_DATE: Final = "2026-11-27"

# fmt: off
_CALL: Final[tuple[Row, ...]] = (
    ("query", "The query parameters: the caller's, or as sent to the vendor in settings that read a response.",
     "query.limit", 50, {"query": {"limit": 50}}),
    ("raw_query", "The query as the caller passed it, where `query` is the one sent to the vendor.",
     "raw_query.email", "a@b.co", {"raw_query": {"email": "a@b.co"}}),
    ("body", "The body: the caller's record, or the decoded body in settings that read a response or a delivery.",
     "body.name", "Ann", {"body": {"name": "Ann"}}),
    ("id", "The ID of the record that the caller asks for.", "'/contacts/' & id", "/contacts/7", {"id": "7"}),
    ("headers", "The headers of the call, the response or the delivery. The names are in lower case.",
     "headers.`retry-after`", "30", {"headers": {"retry-after": "30"}}),
    ("context", "The values of the account: `context` of its document, and what the login captured.",
     "context.portal_id", "551", {"context": {"portal_id": "551"}}),
    ("params", "All parameters of the call by name: query, ID and fan-out values.", "params.board", "B1",
     {"params": {"board": "B1"}}),
    ("before", "The results of the operation's `before` steps, by name.", "before.company.id", 3,
     {"before": {"company": {"id": 3}}}),
    ("after", "The results of the operation's `after` steps, by name.", "after.owner.name", "Bo",
     {"after": {"owner": {"name": "Bo"}}}),
    ("result", "The unified record of the operation, as its `after` steps and error mapping see it.", "result.id",
     "7", {"result": {"id": "7"}}),
    ("partition", "The current value of each fan-out, by name.", "partition.board", 7, {"partition": {"board": 7}}),
    ("parent", "The records that the fan-out values come from, by name.", "parent.board.name", "Sales",
     {"parent": {"board": {"name": "Sales"}}}),
    ("state", "What an incremental listing remembers of its last run, such as `cursor`.", "state.cursor", _DATE,
     {"state": {"cursor": _DATE}}),
    ("window", "The part of the time that one request covers: `start`, `end`, `length`, `first` and `last`.",
     "window.start", _DATE, {"window": {"start": _DATE}}),
    ("connect", "The results of the connector's `connect` steps, by name.", "connect.site.id", "s1",
     {"connect": {"site": {"id": "s1"}}}),
)
_RESPONSES: Final[tuple[Row, ...]] = (
    ("response", "The vendor's answer: in a mapping one record, elsewhere the decoded body.",
     "response.properties.email", "a@b.co", {"response": {"properties": {"email": "a@b.co"}}}),
    ("record", "One record of the vendor.", "record.archived = false", True, {"record": {"archived": False}}),
    ("records", "The records of a page, as the vendor returned them.", "records[-1].id", 9,
     {"records": [{"id": 8}, {"id": 9}]}),
    ("page",
     "In a mapping, the complete response; elsewhere, the position in the listing, such as `number` or `cursor`.",
     "page.number", 2, {"page": {"number": 2}}),
    ("status", "The HTTP status of the response.", "status = 404", True, {"status": 404}),
    ("text", "The body as text, as it was received.", "$contains(text, 'quota')", True, {"text": "quota exceeded"}),
    ("request",
     "The request that was sent, or is about to be: `method`, `url`, `path`, `query`, `headers` and `body`.",
     "request.method", "GET", {"request": {"method": "GET"}}),
    ("link", "The links of the response's `Link` header, by relation.", "link.next", "/c?page=2",
     {"link": {"next": "/c?page=2"}}),
    ("error", "The error that an operation ends with: `kind`, `status` and `message`.", "error.kind", "not_found",
     {"error": {"kind": "not_found"}}),
    ("fault", "Why there is no usable response, such as a broken connection. Not set if there is one.",
     "$exists(fault)", False, {}),
    ("attempt", "The number of the attempt at a request; the first is 1.", "attempt < 3", True, {"attempt": 1}),
    ("job", "The responses of a job so far, such as `created` and `polled`.", "job.created.id", "j1",
     {"job": {"created": {"id": "j1"}}}),
    ("keys", "The keys of the records of a batch, for which an enrichment requests more data.", "$join(keys, ',')",
     "1,2", {"keys": ["1", "2"]}),
    ("item", "One item of the list that a setting goes through, such as one event of a delivery.", "item.objectId", 5,
     {"item": {"objectId": 5}}),
    ("cookies", "The cookies that a login response sets, by name.", "cookies.SESSION", "c1",
     {"cookies": {"SESSION": "c1"}}),
    ("cookie", "All cookies of a login response, as a `Cookie` header lists them.", "cookie", "SESSION=c1",
     {"cookie": "SESSION=c1"}),
    ("callback", "The parameters with which the vendor redirects after consent.", "callback.realm", "r1",
     {"callback": {"realm": "r1"}}),
)
_DELIVERIES: Final[tuple[Row, ...]] = (
    ("method", "The HTTP method of a webhook delivery.", "method = 'POST'", True, {"method": "POST"}),
    ("url", "The address that the vendor calls with deliveries.", "url", "https://a.co/h", {"url": "https://a.co/h"}),
    ("host", "The host that a delivery was sent to.", "host", "a.co", {"host": "a.co"}),
    ("path", "The path that a delivery was sent to.", "path", "/h", {"path": "/h"}),
    ("target", "The path and query that a delivery was sent to.", "target", "/h?a=1", {"target": "/h?a=1"}),
    ("body_sha256", "The SHA-256 digest of a delivery's body, in hex.", "$length(body_sha256)", 4,
     {"body_sha256": "9f86"}),
    ("event", "One event of a delivery.", "event.type", "contact", {"event": {"type": "contact"}}),
    ("claims", "The claims of the JWT that verified a delivery.", "claims.iss", "shop", {"claims": {"iss": "shop"}}),
    ("parts", "The values of a signature header by name.", "parts.v1", "5257", {"parts": {"v1": "5257"}}),
    ("env", "The variables of the environment that connector.yaml declares, such as the secret of the vendor's app.",
     "env.region", "eu", {"env": {"region": "eu"}}),
    ("timestamp", "The time at which a request is signed, in seconds since 1970.", "timestamp & '.' & text",
     "1700000000.{}", {"timestamp": 1700000000, "text": "{}"}),
    ("timestamp_ms", "The time at which a request is signed, in milliseconds since 1970.", "timestamp_ms",
     1700000000000, {"timestamp_ms": 1700000000000}),
    ("date", "The time at which a request is signed, as the `Date` header writes it.", "$substringBefore(date, ',')",
     "Fri", {"date": "Fri, 27 Nov 2026 00:00:00 GMT"}),
    ("nonce", "A random text for one signed request.", "$length(nonce)", 4, {"nonce": "5f1c"}),
    ("subscription", "A webhook subscription at the vendor, as the step that created it returned it.",
     "subscription.id", "w1", {"subscription": {"id": "w1"}}),
    ("new_secret", "A random secret for a vendor that accepts one when a subscription is created.",
     "$length(new_secret)", 4, {"new_secret": "77ab"}),
)
_SYNCS: Final[tuple[Row, ...]] = (
    ("last_run_at", "When the last completed run of a sync began, minus its `lookback`; null in the first run.",
     "last_run_at", _DATE, {"last_run_at": _DATE}),
    ("account", "The name of the account that a sync runs for.", "account & '-' & id", "acme-7",
     {"account": "acme", "id": "7"}),
    ("results", "The records of a page that a sync transforms; the same as `records`.", "$count(results)", 2,
     {"results": [{"id": 8}, {"id": 9}]}),
)
# fmt: on

VARIABLE_ENTRIES: Final[tuple[LanguageEntry, ...]] = (
    LanguageEntry(
        "variable", "$base", "$base.field",
        "In an override, what the levels below give: a unified record, or the filter that `record_filter` replaces.",
        "$lowercase($base.email)", "ann@example.com", {"response": {"mail": "Ann@Example.com"}},
        below="response.mail",
    ),
    LanguageEntry(
        "variable", "$", "$", "The current value: the item in a filter or after a dot, else the input.",
        "tags[$ != 'old']", ["new", "vip"], {"tags": ["new", "old", "vip"]},
    ),
    LanguageEntry(
        "variable", "$$", "$$.field", "The complete input, wherever the expression is.",
        "lines.(price * $$.rate)", [2, 4], {"rate": 2, "lines": [{"price": 1}, {"price": 2}]},
    ),
    *(
        LanguageEntry("variable", name, name, doc, example, result, data)
        for name, doc, example, result, data in (*_CALL, *_RESPONSES, *_DELIVERIES, *_SYNCS)
    ),
)  # fmt: skip
"""`conn explain KEY` shows which of these names a setting has."""
