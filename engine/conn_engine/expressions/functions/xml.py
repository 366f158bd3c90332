"""XML to values and back: the rows. `xml_values` does the work."""

from conn_engine.expressions.functions.rows import Function, import_later

__all__ = ["ROWS"]

ROWS: tuple[Function, ...] = (
    Function(
        "xmlToJs",
        import_later("xml_values", "xml_to_js"),
        "<s-o?:o>",
        "Parse XML: elements by name, with _text, _attributes and _cdata. With {'compact': false}: a tree.",
        "$xmlToJs('<a id=\"1\"><b>x</b><b>y</b></a>').a.b._text",
        ["x", "y"],
    ),
    Function(
        "jsToXml",
        import_later("xml_values", "js_to_xml"),
        "<o-o?:s>",
        "Write XML from the result of $xmlToJs. Options: compact (true), spaces of indentation (0).",
        "$jsToXml({'a': {'_attributes': {'id': 1}, 'b': [{'_text': 'x & y'}, 'z']}})",
        '<a id="1"><b>x &amp; y</b><b>z</b></a>',
    ),
)
