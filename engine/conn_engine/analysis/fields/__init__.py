"""The vendor's fields of a resource, from its recordings and the vendor's description, and the model fields that read
them.

`FieldIndex` reads recordings and remembers what they have. `report_fields` combines everything for `conn fields`.
"""

from conn_engine.analysis.fields.described import Descriptions, fetch_descriptions, find_describe
from conn_engine.analysis.fields.index import FieldIndex, IndexedRecording, RecordedField, RecordedFields
from conn_engine.analysis.fields.report import FieldsReport, ResourceField, report_fields
from conn_engine.analysis.fields.selection import DESCRIBE, find_reading_operations

__all__ = [
    "DESCRIBE",
    "Descriptions",
    "FieldIndex",
    "FieldsReport",
    "IndexedRecording",
    "RecordedField",
    "RecordedFields",
    "ResourceField",
    "fetch_descriptions",
    "find_describe",
    "find_reading_operations",
    "report_fields",
]
