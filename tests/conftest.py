"""Settings of all tests. No example is too slow: how long one takes says something of the machine, not of the code."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # so that `vendor` is found under every import mode

settings.register_profile("conn", deadline=None)
settings.load_profile("conn")
