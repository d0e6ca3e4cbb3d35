"""python -m tests.crash.reorder_helper HOME LOG: the process that starts on one disk after another. See reorder.serve."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.reorder import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
