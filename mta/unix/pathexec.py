"""Become the program that stands behind one's own arguments, as the chain loaders of daemontools and ucspi-tcp do.

Rules    a name with a slash is run as it is; another is looked for in the folders of PATH, the PATH we were given ourselves, /bin:/usr/bin
         without one. A folder that does not have it, or where it may not be run, is passed over; if none does, the last trouble that was
         not "file does not exist" is told. There is no /bin/sh for files without "#!", unlike in path_search.
         put() sets a variable for the program: whatever stands behind a NUL is lost, and a variable without a name is left out.
Loaded by programs that others exec for each connection: builtins only.
Source   pathexec_run.c, pathexec_env.c
"""

from __future__ import annotations

import errno
import os

from mta.unix import say, signals, warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from mta.unix.fds import Fds

DEFAULT_PATH = b"/bin:/usr/bin"
_PASSED_OVER = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR)
_STANDARD = (0, 1, 2)


def become(
    argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int], path: bytes | None, file: bytes | None = None
) -> NoReturn:
    """argv: the program's name first; file: the program, where that is another. fds: {descriptor of the program: descriptor of ours}.
    path: our own PATH. Raises OSError when it cannot be run; descriptors have been moved and signals reset then."""
    if not argv[0]:  # no name: a folder of PATH is what would be tried; another program's empty name cannot be handed on from here
        number = errno.EACCES if not file else errno.EINVAL
        raise OSError(number, os.strerror(number))
    if fds:
        warm.rewire(fds)
    signals.to_default()
    trouble = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for candidate in _candidates(argv[0] if file is None else file, DEFAULT_PATH if path is None else path):
        try:
            os.execve(candidate, argv, env)
        except OSError as error:
            if error.errno not in _PASSED_OVER:
                raise
            if error.errno != errno.ENOENT:
                trouble = error
    raise trouble


def chain(program: bytes, argv: list[bytes], env: Mapping[bytes, bytes], fds: Fds, path: bytes | None, file: bytes | None = None) -> int:
    """become(), with the loader's own descriptors 0, 1 and 2. It returns only when that fails: 111, and the operator has been told."""
    try:
        become(argv, env, {number: fds[number] for number in _STANDARD if number in fds}, path, file)
    except OSError as error:
        return say.fatal(fds, program, b"unable to run " + (argv[0] if file is None else file), error)


def put(env: dict[bytes, bytes], name: bytes, value: bytes | None) -> None:
    """Set a variable; None: take it away. The originals write NAME=VALUE and look for its first "=" again, so that NAME may hold one."""
    if value is None and b"=" not in name:
        env.pop(name, None)
        return
    item = name if value is None else b"%b=%b" % (name, value)
    key, _, rest = item.partition(b"\0")[0].partition(b"=")
    if key:
        env[key] = rest


def _candidates(name: bytes, path: bytes) -> list[bytes]:
    if b"/" in name:
        return [name]
    return [b"%b/%b" % (folder or b".", name) for folder in path.split(b":")]
