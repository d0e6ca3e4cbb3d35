"""How gunicorn serves one half of the web (APPLIANCE_ROLE): on a Unix socket that only web-front can reach, a few threads, no keep-alive.

Who may connect is decided by the socket's folder (run/ROLE, 2750, group tawnyd): gunicorn gives the socket itself its own group.
"""

from __future__ import annotations

import os
from typing import Any

_home, _role = os.environ["QMAIL_HOME"], os.environ["APPLIANCE_ROLE"]
_path = f"{_home}/run/{_role}/http"

wsgi_app = "appliance.wsgi:application"
bind = f"unix:{_path}"
umask = 0o077
worker_class = "gthread"
workers = 1
threads = 8
keepalive = 0  # web-front closes after each request
timeout = 120  # a request that takes minutes is stuck
graceful_timeout = 3
loglevel = "warning"
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the heartbeat must not wait for a disk
control_socket_disable = True
forwarded_allow_ips = "*"  # the peer is web-front


def when_ready(server: Any) -> None:
    os.chmod(_path, 0o666)  # noqa: S103 - see the head
