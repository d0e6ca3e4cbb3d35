"""TLS of our servers: the context made from one PEM file, and made again when that file was replaced.

Reads    a file with the private key and the certificate chain, in either order (control/servercert.pem)
Limits   TLS 1.2 and later; no compression, no renegotiation
Source   RFC 8996, RFC 7525; qmail's STARTTLS patches for the file
"""

from __future__ import annotations

import os
import ssl

from mta.errors import Temporary

ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # the first one makes libssl set itself up: here, for all processes that are forked later


def server_context(path: bytes) -> ssl.SSLContext:
    """Raises Temporary, saying what is wrong with the file."""
    name = os.fsdecode(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # a password would be asked for on the terminal, and a server has none
        context.load_cert_chain(name, password=b"")
    except ssl.SSLError as error:  # an OSError, too, but without a word for strerror
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise Temporary(f"{name} is not a private key with its certificate in PEM form: {reason}") from error
    except OSError as error:
        raise Temporary(f"unable to read {name}: {error.strerror}") from error
    return context


class Certificate:
    """The context of a file that may be replaced while the server runs. Connections under way keep the one they began with.

    A server that gave up root may no longer be able to read the file: then the one it read as it started stays in force, as it does while
    a new file is no good."""

    def __init__(self, path: bytes) -> None:
        """Raises Temporary."""
        self._path = path
        self._stamp = _stamp(path)
        self._context = server_context(path)

    def context(self) -> ssl.SSLContext:
        """For the next connection. One stat."""
        stamp = _stamp(self._path)
        if stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = server_context(self._path)
            except Temporary:  # see above
                pass
        return self._context


def _stamp(path: bytes) -> tuple[int, int, int] | None:
    try:
        st = os.stat(path)
    except OSError:
        return None
    return st.st_ino, st.st_mtime_ns, st.st_size
