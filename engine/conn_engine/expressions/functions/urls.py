"""URLs and query strings: the rows. `query_strings` reads and writes them."""

from conn_engine.expressions.functions.rows import Function, import_later

__all__ = ["ROWS"]

ROWS: tuple[Function, ...] = (
    Function(
        "parseUrl",
        import_later("query_strings", "parse_url"),
        "<s-:o>",
        "Split a URL into its parts, named as in browsers (hostname, pathname, search …), and its query.",
        "$parseUrl('https://example.com:8443/a?b=1#c').(hostname & ' ' & port & ' ' & query.b)",
        "example.com 8443 1",
    ),
    Function(
        "buildUrl",
        import_later("query_strings", "build_url"),
        "<s-o?o?:s>",
        "Add a query to a URL (options as for $stringifyQuery).",
        "$buildUrl('https://example.com/a?b=1', {'c': 'x y'})",
        "https://example.com/a?b=1&c=x%20y",
    ),
    Function(
        "parseQuery",
        import_later("query_strings", "parse_query"),
        "<s-:o>",
        "Parse a query or form to an object: repeated names and a[] become lists, a[b] objects.",
        "$parseQuery('a=1&b[]=2&b[]=3&c[d]=4')",
        {"a": "1", "b": ["2", "3"], "c": {"d": "4"}},
    ),
    Function(
        "stringifyQuery",
        import_later("query_strings", "stringify_query"),
        "<o-o?:s>",
        "Write an object as a query. Options: arrayFormat (indices, brackets, repeat, comma), encode, skipNulls.",
        "$stringifyQuery({'a': 'x y', 'b': [2, 3]}, {'arrayFormat': 'repeat'})",
        "a=x%20y&b=2&b=3",
    ),
)
