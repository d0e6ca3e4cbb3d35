"""crypt(3): is this the password that was hashed so?

Kinds    whatever the system's libcrypt knows: DES, $1$ MD5, $5$ SHA-256, $6$ SHA-512, $2y$ bcrypt, $y$ yescrypt. New hashes are $6$.
         A prefix of other systems before the hash, "{SHA512-CRYPT}" or "{CRYPT}", is passed over.
Limits   256 octets a password: nobody hashes a megabyte for a stranger. A NUL in it would hide the rest from crypt and is refused.
Rules    whatever is refused costs the time of one hash all the same, and hashes are compared in constant time, so that the time
         an answer takes tells nobody whether there is such a user. The interpreter is free for other threads while libcrypt works.
Source   crypt(3), crypt(5); vpopmail vpasswd
"""

from __future__ import annotations

import ctypes
import hmac
import re
from functools import cache

from mta.errors import Temporary

PASSWORD_MAX = 256
SALT_BYTES = 16  # of randomness for make()

# The hash of a password that nobody has, with the cost of the hashes we make: what unknown users are compared with.
DUMMY = b"$6$tawnyunknownuser$yk4IFGEJclKXDubCzatnajUS2UFIM90yhlosJQiDi9C6885JoDW32iuPWIOh62TXogjTjnl7SdmE3sUxjj.xt."

_PREFIX = re.compile(rb"\A\{[A-Z0-9-]*CRYPT\}")
_ALPHABET = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DATA_SIZE = 131_232  # struct crypt_data where it is largest (glibc's own, before libxcrypt)
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", None)  # None: the C library itself


@cache
def _crypt_r() -> ctypes._NamedFuncPointer:
    """Raises Temporary where there is no crypt(3)."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        function.restype = ctypes.c_char_p
        return function
    raise Temporary("this system has no libcrypt: passwords cannot be checked")


def _hash(password: bytes, setting: bytes) -> bytes | None:
    """None: libcrypt does not know this kind of hash."""
    work = ctypes.create_string_buffer(_DATA_SIZE)
    result: bytes | None = _crypt_r()(password, setting, work)
    ctypes.memset(work, 0, _DATA_SIZE)  # it held the password
    return None if result is None or result.startswith(b"*") else result


def verify(password: bytes, stored: bytes) -> bool:
    """Is it the password of this hash? An empty hash has none. Raises Temporary where there is no crypt(3). Milliseconds."""
    if not password or len(password) > PASSWORD_MAX or b"\0" in password:
        _hash(b"refused", DUMMY)
        return False
    setting = _PREFIX.sub(b"", stored)
    computed = _hash(password, setting) if setting and b"\0" not in setting else None
    if computed is None:
        _hash(password, DUMMY)
        return False
    return hmac.compare_digest(computed, setting)


def make(password: bytes, salt_bytes: bytes) -> bytes:
    """The $6$ hash to store. salt_bytes: 16 random octets. Raises ValueError for a password that verify() would refuse, Temporary."""
    if not password or len(password) > PASSWORD_MAX or b"\0" in password:
        raise ValueError(f"a password has 1 to {PASSWORD_MAX} octets and no NUL")
    if len(salt_bytes) != SALT_BYTES:
        raise ValueError(f"a salt is made of {SALT_BYTES} octets")
    found = _hash(password, b"$6$%b$" % bytes(_ALPHABET[b & 63] for b in salt_bytes))
    if found is None:
        raise Temporary("libcrypt knows no SHA-512: passwords cannot be set")
    return found
