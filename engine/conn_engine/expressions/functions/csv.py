"""Comma-separated text to records and back: the rows. `csv_records` does the work."""

from conn_engine.expressions.functions.rows import Function, import_later

__all__ = ["ROWS"]

ROWS: tuple[Function, ...] = (
    Function(
        "jsonToCsv",
        import_later("csv_records", "json_to_csv"),
        "<(ao)-o?:s>",
        "Write records as CSV. Options: fields (names, or {label, value}), delimiter, header, eol.",
        "$jsonToCsv([{'n': 'A \"q\"', 'a': 30}, {'n': 'B', 'b': true}])",
        '"n","a","b"\n"A ""q""",30,\n"B",,true',
    ),
    Function(
        "parseCsv",
        import_later("csv_records", "parse_csv"),
        "<s-o?:a>",
        "Parse CSV text to records; the first line has the names. Options: delimiter, quote, header (or names), trim.",
        "$parseCsv('id;n\n1;\"A;B\"\n', {'delimiter': ';'})",
        [{"id": "1", "n": "A;B"}],
    ),
)
