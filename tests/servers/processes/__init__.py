"""Real third-party servers as child processes on loopback: installing, starting, watching and stopping them.

Nothing here knows the engine; nothing is fetched from anywhere but PyPI, npm and Debian's archive.
"""
