"""Keep connectors that came from elsewhere up to date: `conn.lock`, the base copies, and the three-way merge.

`git_sources` fetches connectors from Git, and `verifying` compares them with conn.lock. `lock` and `copies` know what a
connector was copied from, `plan` decides about each file, and `merging` merges the text of one document. Nothing here
runs a connector.
"""
