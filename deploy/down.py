"""Stop an instance that was left running: every service, and the svscan that would start them again.

Run as   python -m deploy.down
"""

from __future__ import annotations

import os
import signal
import sys

from deploy import up
from deploy.environment import Wrong, read


def main() -> None:
    try:
        e = read(os.environ)
    except Wrong as error:
        sys.exit(f"down: {error}")
    pid_file = e.home / "run/svscan.pid"
    try:
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    except (OSError, ValueError):  # it is gone already
        pass
    up.stop(e, None)


if __name__ == "__main__":
    main()
