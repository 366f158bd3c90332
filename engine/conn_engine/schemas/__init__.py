"""The published JSON Schemas, generated from the typed models: `python -m conn_engine.schemas [--check]`.

`config.validate` validates documents with them. The schemas of the unified models are written manually in
`schemas/models/`.
"""

from conn_engine.schemas.published import MODELS, SITE, build_schema, build_texts

__all__ = ["MODELS", "SITE", "build_schema", "build_texts"]
