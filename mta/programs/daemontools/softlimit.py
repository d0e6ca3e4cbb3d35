"""softlimit: run a program with limits.

Usage    softlimit [-a BYTES] [-c BYTES] [-d BYTES] [-f BYTES] [-l BYTES] [-m BYTES] [-o FILES] [-p PROCESSES] [-r BYTES] [-s BYTES]
         [-t SECONDS] PROGRAM [ARGUMENT ...]: -a all memory, -c core files, -d data, -f files it writes, -l locked memory, -o open
         descriptors, -p processes of its user, -r resident memory, -s stack, -t processor time; -m stands for -d, -s, -l and -a.
         "=" is what the hard limit allows
Does     sets the soft limits, none above the hard one, and becomes PROGRAM, looked for in PATH
Exits    as PROGRAM; 100 usage; 111 a limit cannot be set, or PROGRAM cannot be run
Limits   programs of ours are Python: one needs some 30 MB (-m 30000000), a server more
Source   softlimit(8), softlimit.c
"""

from __future__ import annotations

import resource

from mta.formats import scan
from mta.formats.sgetopt import BadOption, Options
from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"softlimit"
_USAGE = (
    b"softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] [-m membytes] [-o openfiles]"
    b" [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child"
)
_KINDS = {
    b"a": (resource.RLIMIT_AS,),
    b"c": (resource.RLIMIT_CORE,),
    b"d": (resource.RLIMIT_DATA,),
    b"f": (resource.RLIMIT_FSIZE,),
    b"l": (resource.RLIMIT_MEMLOCK,),
    b"m": (resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_MEMLOCK, resource.RLIMIT_AS),
    b"o": (resource.RLIMIT_NOFILE,),
    b"p": (resource.RLIMIT_NPROC,),
    b"r": (resource.RLIMIT_RSS,),
    b"s": (resource.RLIMIT_STACK,),
    b"t": (resource.RLIMIT_CPU,),
}
_U64 = 1 << 64


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """All that can go wrong is looked at first: with the limits in force there may be no memory to say it."""
    options = Options(argv, "a:c:d:f:l:m:o:p:r:s:t:")
    try:
        limits = dict(_limit(kind, text) for letter, text in options for kind in _KINDS[letter])
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    except ValueError:
        return say.usage(fds, NAME, _USAGE)
    if not options.operands:
        return say.usage(fds, NAME, _USAGE)
    try:
        for kind, limit in limits.items():
            resource.setrlimit(kind, limit)
    except (OSError, ValueError):
        return say.fatal(fds, NAME, b"setrlimit failed: permission denied")
    return pathexec.chain(NAME, options.operands, env, fds, env.get(b"PATH"))


def _limit(kind: int, text: bytes) -> tuple[int, tuple[int, int]]:
    """-> the kind, and its soft and hard limit as the kernel's numbers without a sign. Raises ValueError: no number."""
    hard = resource.getrlimit(kind)[1] % _U64
    wanted = hard if text == b"=" else scan.whole(text)
    if wanted is None:
        raise ValueError("not a number")
    return kind, (_signed(min(wanted, hard)), _signed(hard))


def _signed(number: int) -> int:
    """As the resource module writes it: no limit at all is -1."""
    return number - _U64 if number >= _U64 // 2 else number
