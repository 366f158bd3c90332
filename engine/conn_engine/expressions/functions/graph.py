"""What depends on what, as an object with methods: the row. `dependencies` does the work."""

from conn_engine.expressions.functions.rows import Function, ObjectMethods, import_later

__all__ = ["ROWS"]

GRAPH = ObjectMethods(
    kind="graph",
    values=("overallOrder", "dependenciesOf", "dependantsOf", "hasNode", "getNodeData"),
    call=import_later("dependencies", "call"),
)

ROWS: tuple[Function, ...] = (
    Function(
        "dependencyGraph",
        import_later("dependencies", "build_graph"),
        "<as?s?:o>",
        "Build a graph of items. Arguments: keys of the dependencies and the ID. End with a method: .overallOrder().",
        "$dependencyGraph([{'id': 'a', 'after': 'b'}, {'id': 'b'}], 'after', 'id').overallOrder()",
        ["b", "a"],
        methods=GRAPH,
    ),
)
