"""`conn lsp`: findings, completion, hover, definitions and fixes in an editor, by the Language Server Protocol.

`server` speaks the protocol, and never reads a document itself. It asks an `AnalysisProcess`, which is killed if an
answer takes too long. In that process, `EditorSession` keeps the open documents as drafts of their workspaces and
answers with the values of `messages`.
"""
