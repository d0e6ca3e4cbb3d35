"""The hash of a system user's password: from the shadow database if there is one, by way of the name service switch.

Runs as  root: nobody else may ask
Source   getspnam(3), nsswitch.conf(5)
"""

from __future__ import annotations

import ctypes
import errno

from mta.errors import Temporary

_NONE = (0, errno.ENOENT, errno.EACCES)  # no such user; no such database; it is not for us


class _Spwd(ctypes.Structure):
    """The first two fields of struct spwd."""

    _fields_ = [("sp_namp", ctypes.c_char_p), ("sp_pwdp", ctypes.c_char_p)]


def crypted(name: bytes) -> bytes | None:
    """None: there is no such user, or none with a hash there. Raises Temporary when the database does not answer."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        getspnam = library.getspnam
    except AttributeError:  # a system without shadow passwords
        return None
    getspnam.argtypes = (ctypes.c_char_p,)
    getspnam.restype = ctypes.POINTER(_Spwd)
    ctypes.set_errno(0)
    found = getspnam(name)
    if found:
        hashed: bytes | None = found.contents.sp_pwdp
        return hashed
    number = ctypes.get_errno()
    if number not in _NONE:
        raise Temporary("unable to ask for the password", errno.errorcode.get(number, str(number)))
    return None
