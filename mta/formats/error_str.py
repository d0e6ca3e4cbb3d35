"""errno -> qmail's own words for it, and whether a retry may help. These words show up in reports and bounces.

Source   error_str(3), error_temp(3)
"""

from __future__ import annotations

import errno as _e

_WORDS = {
    _e.ENOENT: "file does not exist",
    _e.EACCES: "access denied",
    _e.EPERM: "permission denied",
    _e.EEXIST: "file already exists",
    _e.ENOMEM: "out of memory",
    _e.EIO: "input/output error",
    _e.ETXTBSY: "text busy",
    _e.EINTR: "interrupted system call",
    _e.ETIMEDOUT: "timed out",
    _e.EAGAIN: "temporary failure",
    _e.EPIPE: "broken pipe",
    _e.ENOTDIR: "not a directory",
    _e.EISDIR: "is a directory",
    _e.EINVAL: "invalid argument",
    _e.ENFILE: "system cannot open more files",
    _e.EMFILE: "process cannot open more files",
    _e.EFBIG: "file too big",
    _e.ENOSPC: "out of disk space",
    _e.EROFS: "read-only file system",
    _e.EXDEV: "cross-device link",
    _e.EBUSY: "device busy",
    _e.ENOEXEC: "exec format error",
    _e.E2BIG: "argument list too long",
    _e.ECHILD: "no child processes",
    _e.ESRCH: "no such process",
    _e.ENXIO: "device not configured",
    _e.EBADF: "file descriptor not open",
    _e.ESPIPE: "unseekable descriptor",
    _e.EDEADLK: "operation would cause deadlock",
    _e.EMLINK: "too many links",
    _e.ENAMETOOLONG: "file name too long",
    _e.ELOOP: "symbolic link loop",
    _e.ENOTEMPTY: "directory not empty",
    _e.EDQUOT: "disk quota exceeded",
    _e.ESTALE: "stale NFS file handle",
    _e.ENOLCK: "no locks available",
    _e.ECONNREFUSED: "connection refused",
    _e.ECONNRESET: "connection reset",
    _e.EHOSTUNREACH: "host unreachable",
    _e.ENETUNREACH: "network unreachable",
    _e.ENOSYS: "system call not available",
    _e.EINPROGRESS: "operation in progress",
    _e.EFAULT: "bad address",
    _e.ENOTBLK: "not a block device",
    _e.ENODEV: "device does not support operation",
    _e.ENOTTY: "not a tty",
    _e.EDOM: "input out of range",
    _e.ERANGE: "output out of range",
    _e.EALREADY: "operation already in progress",
    _e.ENOTSOCK: "not a socket",
    _e.EDESTADDRREQ: "destination address required",
    _e.EMSGSIZE: "message too long",
    _e.EPROTOTYPE: "incorrect protocol type",
    _e.ENOPROTOOPT: "protocol not available",
    _e.EPROTONOSUPPORT: "protocol not supported",
    _e.ESOCKTNOSUPPORT: "socket type not supported",
    _e.EOPNOTSUPP: "operation not supported",
    _e.EPFNOSUPPORT: "protocol family not supported",
    _e.EAFNOSUPPORT: "address family not supported",
    _e.EADDRINUSE: "address already used",
    _e.EADDRNOTAVAIL: "address not available",
    _e.ENETDOWN: "network down",
    _e.ENETRESET: "network reset",
    _e.ECONNABORTED: "connection aborted",
    _e.ENOBUFS: "out of buffer space",
    _e.EISCONN: "already connected",
    _e.ENOTCONN: "not connected",
    _e.ESHUTDOWN: "socket shut down",
    _e.ETOOMANYREFS: "too many references",
    _e.EHOSTDOWN: "host down",
    _e.EUSERS: "too many users",
    _e.EREMOTE: "too many levels of remote in path",
    _e.EPROTO: "protocol error",
}

# error_temp.c's list: what decides 111 rather than 100 where qmail's interface shows the difference.
_TEMPORARY = frozenset(
    (
        _e.EINTR, _e.ENOMEM, _e.ETXTBSY, _e.EIO, _e.ETIMEDOUT, _e.EAGAIN, _e.EDEADLK, _e.EBUSY, _e.ENFILE, _e.EMFILE,
        _e.EFBIG, _e.ENOSPC, _e.ENETDOWN, _e.ENETUNREACH, _e.ENETRESET, _e.ECONNABORTED, _e.ECONNRESET, _e.ENOBUFS,
        _e.ETOOMANYREFS, _e.ECONNREFUSED, _e.EHOSTDOWN, _e.EHOSTUNREACH, _e.EUSERS, _e.EDQUOT, _e.ESTALE, _e.ENOLCK,
    )
)  # fmt: skip


def error_str(number: int | None) -> str:
    """errno -> its words; anything unlisted is "unknown error"."""
    return _WORDS.get(number or 0, "unknown error")


def is_temporary(number: int | None) -> bool:
    """True when qmail would try again after this errno."""
    return number in _TEMPORARY
