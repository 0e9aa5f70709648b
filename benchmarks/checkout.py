"""Put this checkout's src on the path; every benchmark imports this module first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
