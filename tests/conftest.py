"""Settings of all tests. No example is too slow: how long one takes says something of the machine, not of the code."""

from hypothesis import settings

settings.register_profile("conn", deadline=None)
settings.load_profile("conn")
