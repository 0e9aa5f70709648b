"""Imported first by every script: run this checkout's own library.

A queued experiment runs in a copy of the project; an editable install would import the library of the original.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
