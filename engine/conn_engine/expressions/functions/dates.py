"""Calendar arithmetic and the written forms of dates: the rows. `date_values`, `date_formats`, `date_arguments` and
`date_objects` do the work.

A date is ISO 8601 text, milliseconds since 1970, or what $dtFromIso gives. Results are ISO 8601 text, of a day
alone when the argument was one and the time does not matter. The current time comes from the evaluation only.
"""

from conn_engine.expressions.functions.rows import Function, ObjectMethods, import_later

__all__ = ["DATE", "ROWS"]

_NAMES = (
    "toISO toISODate toISOTime toFormat toHTTP toRFC2822 toSQL toSQLDate toMillis toSeconds toUnixInteger toJSON "
    "toString valueOf diff hasSame"
)
DATE = ObjectMethods(
    kind="date",
    values=tuple(_NAMES.split()),
    call=import_later("date_objects", "call"),
    again=("plus", "minus", "startOf", "endOf", "set", "setZone", "toUTC", "toLocal"),
)

_DAY = "'2024-01-31'"

ROWS: tuple[Function, ...] = (
    Function(
        "dateAdd",
        import_later("date_arguments", "date_add"),
        "<x(son)s?:s>",
        "Add P1M, PT1H or {'days': 1} to a date (a month ends at its last day). Optional: a time zone.",
        f"$dateAdd({_DAY}, 'P1M')",
        "2024-02-29",
    ),
    Function(
        "dateSubtract",
        import_later("date_arguments", "date_subtract"),
        "<x(son)s?:s>",
        "Subtract P1M, PT1H or {'days': 1} from a date. Optional: a time zone.",
        "$dateSubtract('2024-03-01T00:00:00Z', {'minutes': 2})",
        "2024-02-29T23:58:00.000Z",
    ),
    Function(
        "dateStart",
        import_later("date_arguments", "date_start"),
        "<xss?:s>",
        "Return the start of the date's year, quarter, month, week (Monday), day or hour. Optional: a time zone.",
        "$dateStart('2024-11-07T12:00:00Z', 'week', 'Europe/Berlin')",
        "2024-11-04T00:00:00.000+01:00",
    ),
    Function(
        "dateEnd",
        import_later("date_arguments", "date_end"),
        "<xss?:s>",
        "Return the last millisecond (or day) of a date's year, quarter, month, week, day or hour. Optional: a zone.",
        "$dateEnd('2024-02-10', 'month')",
        "2024-02-29",
    ),
    Function(
        "dateDiff",
        import_later("date_arguments", "date_diff"),
        "<xxs?:n>",
        "Count the complete units (days) from the first date to the second; negative if the second is earlier.",
        "$dateDiff('2024-01-31', '2024-03-01', 'months')",
        1,
    ),
    Function(
        "dateParse",
        import_later("date_arguments", "date_parse"),
        "<s-ss?:s>",
        "Parse a date with a pattern such as %d/%m/%Y %H:%M (or dd/MM/yyyy HH:mm). Optional: its time zone (utc).",
        "$dateParse('3 Jul 2024 5:04 PM', '%d %b %Y %I:%M %p')",
        "2024-07-03T17:04:00.000Z",
    ),
    Function(
        "dateFormat",
        import_later("date_arguments", "date_format"),
        "<xss?:s>",
        "Format a date with a pattern such as %Y-%m-%dT%H:%M (or yyyy-MM-dd'T'HH:mm). Optional: a time zone.",
        "$dateFormat('2024-05-05T10:20:30Z', '%d %b %Y, %H:%M', 'Asia/Kolkata')",
        "05 May 2024, 15:50",
    ),
    Function(
        "dateInZone",
        import_later("date_arguments", "date_in_zone"),
        "<xs:s>",
        "Convert a date to a time zone: utc, +05:30, Europe/Berlin.",
        "$dateInZone('2024-11-05T12:00:00Z', 'Asia/Kolkata')",
        "2024-11-05T17:30:00.000+05:30",
    ),
    Function(
        "isoWeek",
        import_later("date_arguments", "iso_week"),
        "<xs?:o>",
        "Return the ISO week of a date: its year, week and weekday (1 is Monday). Optional: a time zone.",
        "$isoWeek('2024-12-31')",
        {"year": 2025, "week": 1, "weekday": 2},
    ),
    Function(
        "epochSeconds",
        import_later("date_arguments", "epoch_seconds"),
        "<x:n>",
        "Return the whole seconds from 1970 to a date. For the current time: $epochSeconds($now()).",
        "$epochSeconds('2023-11-14T22:13:20Z')",
        1700000000,
    ),
    Function(
        "epochMillis",
        import_later("date_arguments", "epoch_millis"),
        "<x:n>",
        "Return the milliseconds from 1970 to a date.",
        "$epochMillis('2023-11-14T22:13:20.5Z')",
        1700000000500,
    ),
    Function(
        "fromEpoch",
        import_later("date_arguments", "from_epoch"),
        "<(ns)s?s?:s>",
        "Convert seconds (default) or milliseconds since 1970 to a date. Optional: a time zone.",
        "$fromEpoch(1700000000)",
        "2023-11-14T22:13:20.000Z",
    ),
    Function(
        "toRfc2822",
        import_later("date_arguments", "to_rfc2822"),
        "<xs?:s>",
        "Format a date as in email (RFC 2822). Optional: a time zone.",
        "$toRfc2822('2024-11-05T12:00:00Z')",
        "Tue, 05 Nov 2024 12:00:00 +0000",
    ),
    Function(
        "fromRfc2822",
        import_later("date_arguments", "from_rfc2822"),
        "<s-:s>",
        "Parse the date of an email or HTTP header (RFC 2822).",
        "$fromRfc2822('Tue, 05 Nov 2024 13:00:00 +0100')",
        "2024-11-05T12:00:00.000Z",
    ),
    Function(
        "toHttpDate",
        import_later("date_arguments", "to_http_date"),
        "<x:s>",
        "Format a date for HTTP headers.",
        "$toHttpDate('2024-05-05T10:20:30Z')",
        "Sun, 05 May 2024 10:20:30 GMT",
    ),
    Function(
        "dtFromIso",
        import_later("date_objects", "from_text"),
        "<xx?:o>",
        "Parse an ISO date (optional: a zone) to an object with fields and methods. End with .toISO().",
        "$dtFromIso('2024-01-31T00:00:00Z').plus({'months': 1}).toISO()",
        "2024-02-29T00:00:00.000Z",
        methods=DATE,
    ),
    Function(
        "dtFromFormat",
        import_later("date_objects", "from_format"),
        "<xsx?:o>",
        "Parse a date with a pattern (optional: a zone) to an object like that of $dtFromIso.",
        "$dtFromFormat('3/7/2024', 'M/d/yyyy').toISODate()",
        "2024-03-07",
        methods=DATE,
    ),
)
