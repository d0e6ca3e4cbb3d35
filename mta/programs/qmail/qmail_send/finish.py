"""The end of a message: when nothing is left to deliver, nothing is left on disk.

Steps    1 local/N, remote/N or todo/N exists: it is not over yet  2 bounce/N: send it  3 unlink info/N   # -info  S2
         4 qmail-clean removes mess/N   # -mess  S1
Crash    during 2: see bounces; between 2 and 3: begun again, and bounce/N is gone; between 3 and 4: the sweep (cleanups) finds mess/N.
Source   INTERNALS 5, qmail-send.c messdone_do
"""

from __future__ import annotations

from mta.formats import qmaillog
from mta.programs.qmail.qmail_send import bounces
from mta.programs.qmail.qmail_send.core import SYSFAIL_S, Core, exists, short


def finish(core: Core, messnum: int, now_s: int, env: dict[bytes, bytes]) -> None:
    """A message came up in the done queue."""
    paths = core.paths
    for path, must_exist in (
        (paths.channel(b"local", messnum), False),
        (paths.channel(b"remote", messnum), False),
        (paths.todo(messnum), False),
        (paths.info(messnum), True),
    ):
        try:
            if exists(core, path) is not must_exist:
                return
        except OSError:
            core.say.warning(b"unable to stat %b; will try again later" % short(path))
            core.done.add(messnum, now_s + SYSFAIL_S)
            return
    core.say.flush()
    if not bounces.inject(core, messnum, now_s, env):
        core.done.add(messnum, now_s + SYSFAIL_S)
        return
    core.say(qmaillog.end_msg(messnum))
    remove(core, messnum, now_s)


def remove(core: Core, messnum: int, now_s: int) -> None:
    """Steps 3 and 4."""
    path = core.paths.info(messnum)
    try:
        core.disk.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        core.say.warning(b"unable to unlink %b; will try again later" % short(path))
        core.done.add(messnum, now_s + SYSFAIL_S)
        return
    core.last_reports.pop(messnum, None)
    if core.written is not None:
        core.written.discard(messnum)
    core.clean.request(b"foop", messnum, lambda _ok: None)
