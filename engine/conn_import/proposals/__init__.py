"""Proposals for unified mappings: which of a vendor's resources look like a model's, and how their fields map.

Names, types, formats, descriptions and values are compared; nothing is sent anywhere, nothing is learned, and the same
input always gives the same proposals. Every proposal says how sure it is and why, and is for a person to check.

`propose_resources` compares resources with a model, `propose_fields` the fields of one record; `fields_of_shape` reads
a schema, `fields_of_records` records that were seen. `unified_text` writes proposals as a `unified/<model>.yaml`.
"""

from conn_import.proposals.resources import (
    FieldProposal,
    ResourceProposal,
    VendorResource,
    propose_fields,
    propose_resources,
)
from conn_import.proposals.vendor_fields import VendorField, list_record_fields, list_shape_fields
from conn_import.proposals.yaml_text import format_unified

__all__ = [
    "FieldProposal",
    "ResourceProposal",
    "VendorField",
    "VendorResource",
    "format_unified",
    "list_record_fields",
    "list_shape_fields",
    "propose_fields",
    "propose_resources",
]
