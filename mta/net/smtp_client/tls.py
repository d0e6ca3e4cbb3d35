"""Which servers get TLS, and the contexts for it, from control/tlshosts, notlshosts, clientcert.pem and tlsclientciphers.

The rule is decisions/remote_tls. Files are read when the controls are loaded; a context is made when it is first needed, and kept.
Verified means: the certificate of the server leads to one in tlshosts/FQDN.pem, is in date, and names FQDN.
Limits   names of letters, digits, ".", "-" and "_" only are looked for: what a DNS answer calls itself is never part of a path
Source   the TLS patch of qmail-remote; ssl(7)
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from mta.decisions.remote_tls import Tls, remote_tls
from mta.errors import Temporary
from mta.net.smtp_client import reports
from mta.unix.controls import ControlDir

_PEM = ".pem"
_EXHAUSTIVE = "exhaustivelist"


@dataclass(frozen=True, slots=True)
class TlsControls:
    verified: Mapping[str, bytes] = field(default_factory=dict)  # FQDN -> its tlshosts file
    never: frozenset[str] = frozenset()
    is_exhaustive: bool = False
    client_certificate: bytes | None = None  # path of a file that holds key and certificate
    ciphers: bytes | None = None
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def use(self, name: str) -> Tls:
        return remote_tls(name, verified=self.verified, never=self.never, is_exhaustive=self.is_exhaustive)

    def context(self, name: str) -> ssl.SSLContext:
        """For a server that is not NEVER. Raises Temporary when a control file makes no sense."""
        key = name if name in self.verified else ""
        if key not in self._contexts:
            try:
                self._contexts[key] = self._make(self.verified.get(key))
            except (ssl.SSLError, OSError, ValueError) as error:
                raise Temporary(reports.NO_CONTROLS) from error
        return self._contexts[key]

    def _make(self, authorities: bytes | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if authorities is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # see decisions/remote_tls: encrypted to somebody is better than open to all
        else:
            context.load_verify_locations(cadata=authorities.decode("ascii", "replace"))
        if self.client_certificate is not None:
            context.load_cert_chain(self.client_certificate)
        if self.ciphers:
            context.set_ciphers(self.ciphers.decode("latin-1"))
        return context


def load(folder: ControlDir) -> TlsControls:
    """Raises Unreadable."""
    hosts = folder.names("tlshosts")
    verified = {}
    for name in hosts:
        if name.endswith(_PEM):
            content = folder.raw(f"tlshosts/{name}")
            if content is not None:
                verified[name.removesuffix(_PEM).lower()] = content
    return TlsControls(
        verified=verified,
        never=frozenset(n.lower() for n in folder.names("notlshosts")),
        is_exhaustive=_EXHAUSTIVE in hosts,
        client_certificate=folder.path("clientcert.pem") if folder.raw("clientcert.pem") is not None else None,
        ciphers=folder.line("tlsclientciphers"),
    )
