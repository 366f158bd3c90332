"""Turn documents into configuration: models, three levels merged with provenance, validation, loading. This is the
public interface.

Strategies are declared below and only named here. `lint` checks what goes beyond structure, and `runtime` uses the
configuration.
"""

from conn_engine.config.dotted_places import format_place, parse_place
from conn_engine.config.effective import Effective
from conn_engine.config.expression_texts import collect_expressions
from conn_engine.config.load import DocumentKind, File, Workspace, WorkspaceSource, load_workspace
from conn_engine.config.merge import (
    INHERITED_BY_LISTINGS,
    MAPPINGS,
    MISSING,
    RESOURCE_MAPPINGS,
    Layers,
    Path_,
    leaves,
    lookup,
    mapping_layers,
    merge,
)
from conn_engine.config.models import (
    AcceptedChange,
    AcceptedEffect,
    Account,
    Configuration,
    Connector,
    Environment,
    Field,
    Operation,
    Step,
    StepRequest,
    UnifiedDocument,
    UnifiedEvent,
    UnifiedOperation,
    Verify,
    WorkspaceSettings,
)
from conn_engine.config.operations import EventName, OperationName, VendorOperation, singular, vendor_operation
from conn_engine.config.origins import DocumentFragment, Layer, Level, Origin
from conn_engine.config.own_fields import find_own_fields
from conn_engine.config.partial_overrides import PartialOverride
from conn_engine.config.record_schemas import SchemaFiles, compile_part, compile_schema
from conn_engine.config.remarks import is_remark
from conn_engine.config.tree import FolderTree, Tree
from conn_engine.config.validate import load_schema, validate

__all__ = [
    "INHERITED_BY_LISTINGS",
    "MAPPINGS",
    "MISSING",
    "RESOURCE_MAPPINGS",
    "AcceptedChange",
    "AcceptedEffect",
    "Account",
    "Configuration",
    "Connector",
    "DocumentFragment",
    "DocumentKind",
    "Effective",
    "Environment",
    "EventName",
    "Field",
    "File",
    "FolderTree",
    "Layer",
    "Layers",
    "Level",
    "Operation",
    "OperationName",
    "Origin",
    "PartialOverride",
    "Path_",
    "SchemaFiles",
    "Step",
    "StepRequest",
    "Tree",
    "UnifiedDocument",
    "UnifiedEvent",
    "UnifiedOperation",
    "VendorOperation",
    "Verify",
    "Workspace",
    "WorkspaceSettings",
    "WorkspaceSource",
    "collect_expressions",
    "compile_part",
    "compile_schema",
    "find_own_fields",
    "format_place",
    "is_remark",
    "leaves",
    "load_schema",
    "load_workspace",
    "lookup",
    "mapping_layers",
    "merge",
    "parse_place",
    "singular",
    "validate",
    "vendor_operation",
]
