"""Put this checkout's src on the path; every script imports this module first.

A queued experiment runs in a copy of the project, where an editable install would import the original's library.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
