"""Makes `made_formats` known under every import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
