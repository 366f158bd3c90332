"""Conditions of SQL-like query languages from filter objects: the row. `sql_conditions` does the work."""

from conn_engine.expressions.functions.rows import Function, import_later

__all__ = ["ROWS"]

ROWS: tuple[Function, ...] = (
    Function(
        "convertQueryToSql",
        import_later("sql_conditions", "convert_query"),
        "<o(as)?o?o?o?o?:s>",
        "Convert a filter object to SQL. Optional: allowed keys, names, types (string …), operators and options.",
        "$convertQueryToSql({'name': {'eq': \"O'Hara\"}, 'age': {'gte': 30}}, [], {}, {'name': 'string'})",
        "name = 'O''Hara' AND age >= 30",
    ),
)
