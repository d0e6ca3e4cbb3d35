"""Start a service as a fork of svscan, which has its program loaded, instead of by a shell and a new interpreter.

Only where nothing but time and memory can tell the difference: the run script is one that the preparation wrote (formats/run_script); it
starts a program of ours, each that it names lying in the instance's bin/ as it was put there, or a module with the interpreter that runs
svscan (the control plane's processes: they load what is theirs as their own user, and have Python's library and the interpreter itself in
common with us); and every file that was loaded is still the one on disk, so that a service that is started again after an update runs the
new code. In all other cases the script is run by exec.
Limits   files are known by their size, time and inode
"""

from __future__ import annotations

import os
import sys

from mta.formats import run_script
from mta.unix import signals, title, warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from mta.formats.run_script import RunScript

_SCRIPT_MAX = 1 << 16
_OURSELVES = b"svscan"
# Memory is why this is here: what a fork looks at it copies, so there is one object for many paths, and there are no lists.
_loaded = b""  # the files of all modules as they were when note() was called: PATH NUL STAMP newline
_plans: dict[bytes, tuple[RunScript, bytes]] = {}  # {folder: (what its run script says, the files that say so)}
# What Django, Celery and gunicorn load of Python's own library. None of theirs: nobody but their own users has any use for that.
LIBRARY = (
    "argparse", "asyncio", "concurrent.futures.thread", "difflib", "email.generator", "email.mime.message", "email.mime.multipart",
    "email.mime.text", "getpass", "glob", "graphlib", "grp", "gzip", "html.parser", "http.client", "http.cookies", "importlib.metadata",
    "json", "logging.config", "mimetypes", "multiprocessing.reduction", "pkgutil", "pprint", "pwd", "resource", "runpy", "secrets", "shlex",
    "sqlite3", "statistics", "unicodedata", "uuid", "zoneinfo",
)  # fmt: skip


def note() -> None:
    """What is loaded now is what services are to be started with."""
    global _loaded
    paths = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    new = [os.fsencode(path) for path in paths if path is not None]
    _loaded += b"".join(
        _stamped(path) for path in dict.fromkeys(new) if not _loaded.startswith(path + b"\0") and b"\n%b\0" % path not in _loaded
    )


def plan(folder: bytes, home: bytes) -> RunScript | None:
    """folder: of a service. -> what folder/run says, if that can be followed; None: exec has to run it. It is remembered for planned()."""
    path = os.path.abspath(folder + b"/run")
    try:
        script = run_script.read(_content(path))
        programs = [*script.setuidgid[:1], *([] if module(script) else script.command[:1])]
        if not all(_is_ours(program, home) for program in programs):
            return None
        if script.setuidgid:
            _account(script.setuidgid[1])  # what the C library loads to find it is then loaded for all
    except (OSError, ValueError, KeyError):
        return None
    _plans[folder] = script, b"".join(map(_stamped, (path, *programs)))
    return script


def planned(folder: bytes) -> RunScript | None:
    """What plan() found, if it and all that was loaded would be found the same now. Some hundred stats: a millisecond."""
    if folder not in _plans or not _loaded:
        return None
    script, files = _plans[folder]
    return script if _is_current(files) and _is_current(_loaded) else None


def _is_current(files: bytes) -> bool:
    at = 0
    while at < len(files):
        end = files.index(b"\n", at)
        path, _, _ = files[at:end].partition(b"\0")
        if _stamped(path) != files[at : end + 1]:
            return False
        at = end + 1
    return True


def _stamped(path: bytes) -> bytes:
    try:
        st = os.stat(path)
    except OSError:
        return b"%b\0gone\n" % path
    return b"%b\0%d %d %d\n" % (path, st.st_mtime_ns, st.st_size, st.st_ino)


def name(script: RunScript) -> str:
    """Of the program of ours it starts; no matter what, if it starts a module."""
    return os.fsdecode(os.path.basename(script.command[0]))


def module(script: RunScript) -> str:
    """The module it starts, or ""."""
    is_module = script.command[:1] == (os.fsencode(sys.executable),) and script.command[1:2] == (b"-m",) and len(script.command) > 2
    # names of files would be other bytes to it
    return os.fsdecode(script.command[2]) if is_module and sys.getfilesystemencoding() == "utf-8" else ""


def load_library() -> None:
    for library in LIBRARY:
        __import__(library)


def _is_ours(program: bytes, home: bytes) -> bool:
    """Is it what deploy/prepare wrote: bin/svscan with another name in it, or with the interpreter of thin programs? Raises OSError."""
    folder, base = os.path.split(program)
    if folder != os.path.join(home, b"bin"):
        return False
    mine = _content(os.path.join(folder, _OURSELVES))
    quoted = b"'%b'"
    wanted = mine.replace(quoted % _OURSELVES, quoted % base)
    thin = b"#!%b -IS\n" % os.path.realpath(os.fsencode(sys.executable)) + wanted.partition(b"\n")[2]
    return warm.OURS in mine and _content(program) in (wanted, thin)


def _content(path: bytes) -> bytes:
    """Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _SCRIPT_MAX)
    finally:
        os.close(fd)


def become(script: RunScript, env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> tuple[list[bytes], dict[bytes, bytes]]:
    """In the child: do what the script says up to its last exec. fds: ours for its 0, 1 and 2. -> (arguments, environment) of the program,
    with the home that its file in bin/ adds. Raises OSError, KeyError for an unknown account."""
    program, *arguments = script.command
    title.set_([os.path.basename(program), *arguments])  # a process that is another user's by then may not
    joined = 1 if script.joins else 2
    warm.rewire({0: fds.get(0, 0), 1: fds.get(1, 1), 2: fds.get(joined, joined)})
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signals.as_started()
    if script.folder:
        os.chdir(script.folder)
    if script.setuidgid:
        _take_rights_of(script.setuidgid[1])
    if script.env is not None:
        os.environb.clear()
        os.environb.update(script.env)
    given = dict(env if script.env is None else script.env)
    return arguments, given if module(script) else {**given, b"QMAIL_HOME": os.path.dirname(os.path.dirname(program))}


def run_module(script: RunScript) -> NoReturn:
    """After become(): be the module, to the end that it would have as a process of its own."""
    import atexit
    import runpy
    import threading
    import traceback

    wanted = module(script)
    sys.argv = [wanted, *map(os.fsdecode, script.command[3:])]
    code = 1
    try:
        runpy.run_module(wanted, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - the last one who can tell
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)


def _take_rights_of(account: bytes) -> None:
    """As setuidgid does. Raises OSError, KeyError."""
    uid, gid = _account(account)
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def _account(name: bytes) -> tuple[int, int]:
    """-> uid and gid. Raises KeyError."""
    import pwd  # by those who need it

    entry = pwd.getpwnam(os.fsdecode(name))
    return entry.pw_uid, entry.pw_gid
