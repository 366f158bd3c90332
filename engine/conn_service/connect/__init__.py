"""Connect an account by its owner: one-time links, the page behind a link, and the event that asks for a new login.

Plain classes without HTTP; `conn_service.http` maps requests to them.
"""
