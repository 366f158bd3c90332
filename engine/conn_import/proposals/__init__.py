"""Propose unified mappings: which of a vendor's resources look like a model's, and how their fields map.

Names, types, formats, descriptions and values are compared. Nothing is sent anywhere or learned, and the same input
always gives the same proposals. Every proposal has a confidence and its evidence, for a person to check.

`propose_resources` compares resources with a model, and `propose_fields` compares the fields of one record.
`list_shape_fields` reads a schema, `list_record_fields` reads observed records, and `format_unified` writes proposals
as a `unified/<model>.yaml`.
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
