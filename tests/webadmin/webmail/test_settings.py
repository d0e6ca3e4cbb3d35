from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

NAMES = (
    "ROOT_URLCONF",
    "SESSION_COOKIE_PATH",
    "CSRF_COOKIE_PATH",
    "MESSAGE_STORAGE",
    "CSRF_FAILURE_VIEW",
    "DATA_UPLOAD_MAX_MEMORY_SIZE",
    "FILE_UPLOAD_HANDLERS",
)


def test_the_tests_run_with_the_settings_of_the_role(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "webmail").mkdir()
    (tmp_path / "webmail" / "secret-key").write_text("x" * 50)
    script = f"import json; from appliance import settings as s; print(json.dumps({{n: getattr(s, n) for n in {NAMES!r}}}))"
    env = {**os.environ, "APPLIANCE_ROLE": "webmail", "QMAIL_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, check=True)
    assert json.loads(done.stdout) == {name: getattr(settings, name) for name in NAMES}
