"""Each program without arguments, in an empty instance: what the originals say, and how they exit.

Left out are those that then do their work on the machine they are on (newaliases, config, convert-and-create, checkhomeownership), look for
a server (mconnect, tcpcat), go on (supervise's kin, maildirwatch) or are servers of ours.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.call import Result, process

USAGE = {
    "argv0": (100, "argv0 realname program [ arg ... ]"),
    "bouncesaying": (100, "bouncesaying error [ program [ arg ... ] ]"),
    "condredirect": (100, "condredirect newaddress program [ arg ... ]"),
    "config-fast": (100, "config-fast fqdn"),
    "envdir": (111, "envdir dir child"),
    "envuidgid": (100, "envuidgid account child"),
    "except": (100, "except program [ arg ... ]"),
    "fastforward": (100, "fastforward [ -nNpPdD ] data.cdb"),
    "fghack": (100, "fghack child"),
    "fixcrio": (100, "fixcrio program [ arg ... ]"),
    "maildirmake": (100, "maildirmake name"),
    "maildirqmtp": (100, "maildirqmtp dir prefix host"),
    "maildirserial": (100, "maildirserial [ -b ] [ -t lifetime ] dir prefix client [ arg ... ]"),
    "maildirsmtp": (100, "maildirsmtp dir prefix host helohost"),
    "mailquotacheck": (111, "mailquotacheck quota [ mailbox ... ]"),
    "mailsubj": (100, "mailsubj subject recip ..."),
    "newinclude": (100, "newinclude list"),
    "ofmipname": (100, "ofmipname cdb tmp"),
    "pgrphack": (100, "pgrphack child"),
    "predate": (100, "predate child"),
    "preline": (100, "preline cmd [ arg ... ]"),
    "qmail-local": (100, "qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty"),
    "qreceipt": (100, "qreceipt deliveryaddress"),
    "recordio": (100, "recordio program [ arg ... ]"),
    "relay-ctrl-chdir": (1, "relay-ctrl-chdir program [arguments]"),
    "relay-ctrl-check": (1, "relay-ctrl-check program [arguments]"),
    "relay-ctrl-send": (111, "relay-ctrl-send program [args ...]"),
    "serialqmtp": (100, "serialqmtp prefix"),
    "serialsmtp": (100, "serialsmtp prefix helohost"),
    "setforward": (100, "setforward data.cdb data.tmp"),
    "setlock": (100, "setlock [ -nNxX ] file program [ arg ... ]"),
    "setmaillist": (100, "setmaillist list.bin list.tmp"),
    "setuidgid": (100, "setuidgid account child"),
    "supervise": (100, "supervise dir"),
    "svok": (100, "svok dir"),
    "tcprules": (100, "tcprules rules.cdb rules.tmp"),
    "tcprulescheck": (100, "tcprulescheck rules.cdb"),
    "xqp": (100, "xqp qp"),
    "xrecipient": (100, "xrecipient recipient"),
    "xsender": (100, "xsender sender"),
}
OTHERS = {
    "checkpassword": Result(2, b"", b""),
    "dot-forward": Result(0, b"", b""),
    "elq": Result(111, b"", b"maildir2mbox: fatal: MAIL not set\n"),
    "forward": Result(100, b"", b"forward: fatal: NEWSENDER not set\n"),
    "iftocc": Result(100, b"", b""),
    "maildir2mbox": Result(111, b"", b"maildir2mbox: fatal: MAIL not set\n"),
    "multilog": Result(0, b"", b""),
    "pinq": Result(111, b"", b"maildir2mbox: fatal: MAIL not set\n"),
    "qail": Result(111, b"", b"maildir2mbox: fatal: MAIL not set\n"),
    "qbiff": Result(0, b"", b""),
    "qmail-clean": Result(111, b"", b"qmail-clean: fatal: unable to switch to queue directory: "),
    "qmail-getpw": Result(100, b"", b""),
    "qmail-lspawn": Result(100, b"", b""),
    "qmail-newmrh": Result(111, b"", b"qmail-newmrh: fatal: unable to read control/morercpthosts: file does not exist\n"),
    "qmail-newu": Result(111, b"", b"qmail-newu: fatal: unable to open users/assign\n"),
    "qmail-popup": Result(1, b"-ERR usage: popup hostname subprogram\r\n", b""),
    "qmail-pw2u": Result(111, b"", b"qmail-pw2u: fatal: unable to find alias user\n"),
    "qmail-qfilter": Result(53, b"", b""),
    "qmail-qmqpc": Result(55, b"", b""),
    "qmail-qmqpd": Result(0, b"", b""),
    "qmail-queue": Result(62, b"", b""),
    "qmail-smtpd": Result(1, b"421 unable to read controls (#4.3.0)\r\n", b""),
    "readproctitle": Result(100, b"", b""),
    "svc": Result(0, b"", b""),
    "svstat": Result(0, b"", b""),
    "tai64n": Result(0, b"", b""),
    "tai64nlocal": Result(0, b"", b""),
    "tcp-env": Result(111, b"", b""),
}


@pytest.fixture
def env(tmp_path: Path) -> dict[bytes, bytes]:
    home = tmp_path / "q"
    for name in ("control", "users", "queue"):
        (home / name).mkdir(parents=True)
    return {b"QMAIL_HOME": os.fsencode(home), b"PATH": b"/usr/bin:/bin"}


@pytest.mark.parametrize("name", USAGE)
def test_it_says_how_it_is_called(env: dict[bytes, bytes], name: str) -> None:
    exit_, usage = USAGE[name]
    assert process(name, [], env) == Result(exit_, b"", f"{name}: usage: {usage}\n".encode())


@pytest.mark.parametrize("name", OTHERS)
def test_it_ends_as_the_original_does(env: dict[bytes, bytes], name: str) -> None:
    result, expected = process(name, [], env), OTHERS[name]
    assert (result.code, result.out) == (expected.code, expected.out)
    assert result.err.startswith(expected.err) if expected.err else result.err == b""
