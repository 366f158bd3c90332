"""Makes `drawer` importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # so that it is found under every import mode
