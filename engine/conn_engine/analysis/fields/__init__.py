"""The vendor's fields of a resource, as its recordings show them, and the model fields that read them.

`FieldIndex` reads recordings and remembers what they have; `selection` finds the operations of a resource, `readers`
the model fields that read a path.
"""

from conn_engine.analysis.fields.index import FieldIndex, IndexedRecording, RecordedField, RecordedFields
from conn_engine.analysis.fields.readers import FieldReaders
from conn_engine.analysis.fields.selection import find_reading_operations

__all__ = [
    "FieldIndex",
    "FieldReaders",
    "IndexedRecording",
    "RecordedField",
    "RecordedFields",
    "find_reading_operations",
]
