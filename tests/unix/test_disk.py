"""The system calls of the storage layer, where they differ from those of os."""

from __future__ import annotations

import errno
import os

import pytest

from mta.unix.disk import REAL


@pytest.mark.parametrize(("why", "number", "raises"), [("told late", errno.EIO, False), ("none of ours", errno.EBADF, True)])
def test_a_close_that_fails_has_closed(monkeypatch: pytest.MonkeyPatch, why: str, number: int, raises: bool) -> None:
    """What it tells late was asked for by fsync; a descriptor that is none is a mistake of ours."""

    def close(_: int) -> None:
        raise OSError(number, why)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        try:
            REAL.close(99)
        except OSError:
            assert raises, why
        else:
            assert not raises, why
