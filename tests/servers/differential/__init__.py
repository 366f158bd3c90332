"""The same low-code manifest under Airbyte's CDK and under the connector that the importer makes of it.

`peer/` runs in an environment of its own, beside `airbyte-cdk`: it serves both sides and reads with the CDK. The rest
runs here: it imports the manifest, reads with the engine, compares and explains.
"""
