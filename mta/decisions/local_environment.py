"""The environment qmail-local gives to a command in a .qmail file.

Rules    everything the deliverer inherited, and over it the variables below, never taken from outside. RECIPIENT, LOCAL, HOST and EXT keep
         their case. EXT2 is EXT behind its first dash, EXT3 behind its second ...; HOST2 is HOST before its last dot, HOST3 before the
         last but one; without a further dot it stays. DEFAULT is set only where a "default" file answers.
         A value that begins with "() {" was chosen by a stranger to be run by an old bash: the variable is set to nothing.
Example  EXT b"a-b", HOST b"h.x": EXT2=b EXT3= HOST2=h HOST3=h
Source   qmail-command(8), qmail-local.c; CVE-2014-6271
"""

from __future__ import annotations

from mta.formats import traceline
from mta.formats.local_job import Address

_FUNCTION = b"() {"


def variables(address: Address, *, default: bytes | None, new_sender: bytes, now_s: int) -> dict[bytes, bytes]:
    found = {
        b"SENDER": address.sender,
        b"NEWSENDER": new_sender,
        b"RECIPIENT": address.recipient,
        b"USER": address.user,
        b"HOME": address.home,
        b"LOCAL": address.local,
        b"HOST": address.host,
        b"EXT": address.ext,
        b"DTLINE": traceline.delivered_to(address.recipient),
        b"RPLINE": traceline.return_path(address.sender),
        b"UFLINE": traceline.mbox_from(address.sender, now_s),
        **_rests(address.ext),
        **_beginnings(address.host),
    }
    if default is not None:
        found[b"DEFAULT"] = default
    return {name: b"" if value.startswith(_FUNCTION) else value for name, value in found.items()}


def _rests(ext: bytes) -> dict[bytes, bytes]:
    found = {}
    for name in (b"EXT2", b"EXT3", b"EXT4"):
        ext = ext.partition(b"-")[2]
        found[name] = ext
    return found


def _beginnings(host: bytes) -> dict[bytes, bytes]:
    found = {}
    for name in (b"HOST2", b"HOST3", b"HOST4"):
        host = host.rpartition(b".")[0] if b"." in host else host
        found[name] = host
    return found
