import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # so that `editing` is found under every import mode
sys.path.append(str(HERE.parents[1] / "engine" / "lint"))  # and `bad_workspaces`
