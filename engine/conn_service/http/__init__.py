"""The service: an HTTP interface over the accounts of a workspace or of a release channel.

`UnifiedApi` and the stores are plain classes; `app` maps requests to them.
"""
