from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import manifest
from mta.formats.manifest import Manifest

line = st.binary(max_size=50).map(manifest.one_line)
digests = st.dictionaries(st.binary(min_size=1, max_size=20).map(manifest.one_line), st.just(b"0" * 64), max_size=4)
manifests = st.builds(Manifest, st.integers(1, 10**6), st.integers(0, 2**32), line, line, digests)


@given(manifests)
def test_it_reads_back_what_it_wrote(m: Manifest) -> None:
    assert manifest.read(manifest.write(m)) == m


@given(manifests)
def test_its_head_tells_all_but_the_files(m: Manifest) -> None:
    assert manifest.read(manifest.head(manifest.write(m))) == Manifest(m.number, m.when_s, m.who, m.why, {})


@given(st.binary(max_size=200))
def test_it_raises_nothing_but_value_errors(data: bytes) -> None:
    try:
        manifest.read(data)
    except ValueError:
        pass


def test_a_newline_in_a_reason_begins_no_line() -> None:
    written = manifest.write(Manifest(7, 0, b"ada", b"x\n# generation 8", {}))
    assert written == b"# generation 7\n# when 1970-01-01T00:00:00Z\n# who ada\n# why x?# generation 8\n"


def test_sha256sum_checks_it(tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not on this machine")
    (tmp_path / "control").mkdir()
    (tmp_path / "control/me").write_bytes(b"mail.example.org\n")
    digest = sha256(b"mail.example.org\n").hexdigest().encode()
    (tmp_path / "manifest").write_bytes(manifest.write(Manifest(7, 0, b"ada", b"why", {b"control/me": digest})))
    check = ["sha256sum", "--strict", "-c", "manifest"]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "control/me").write_bytes(b"edited by hand\n")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1
