from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from mta.formats.control_files import BY_NAME, Kind
from webadmin.control.validate import check


@pytest.mark.parametrize(
    ("why", "path", "value", "says"),
    [
        ("two lines", "control/me", b"a.example\nb.example\n", "Only the first line"),
        ("an empty name", "control/helohost", b"\n", "would be empty"),
        ("no host name", "control/me", b"my server\n", "not a host name"),
        ("a word", "control/concurrencyremote", b"many\n", "must be a number"),
        ("a sign", "control/databytes", b"-1\n", "must be a number"),
        ("nothing", "control/queuelifetime", b"", "must be a number"),
        ("a carriage return", "control/rcpthosts", b"a.example\r\n", "Line 1 ends in a carriage return"),
        ("a NUL", "control/rcpthosts", b"a\n\0\n", "Line 2 holds a NUL"),
        ("a blank first", "control/rcpthosts", b" a.example\n", "Line 1 begins with a blank"),
        ("an address for a domain", "control/rcpthosts", b"# x\njoe@a.example\n", "Line 2 is not a domain"),
        ("no address", "control/badmailfrom", b"spammer.example\n", "Line 1 is neither an address"),
        ("no colon", "control/virtualdomains", b"a.example\n", "Line 1 has no colon"),
        ("no port", "control/smtproutes", b"a.example:relay.example:smtp\n", "Line 1 does not end in a port"),
        ("a login", "control/smtproutes", b"# x\n:relay.example:587|joe|secret\n", "Line 2 holds a login, and passwords never pass"),
        ("a port too high", "control/smtproutes", b":relay.example:70000\n", "Line 1 does not end in a port"),
        ("no rule", "control/tcp.smtp", b":allow\n127.:yes\n", "Line 2 is no rule"),
        ("no assignment", "users/assign", b"=a:b\n.\n", "Line 1 is no assignment"),
        ("no dot", "users/assign", b"=a:b:1:2:/c:::\n", "last line must be a single dot"),
        ("a compiled file", "control/morercpthosts.cdb", b"x", "edit morercpthosts"),
        ("a key", "control/servercert.pem", b"x", "never passes through the browser"),
        ("a directory", "control/tlshosts", b"x", "is a directory"),
        ("a path", "control/../x", b"x", "not a name of a control file"),
        ("another folder", "queue/x", b"x", "not a name of a control file"),
        ("a name nobody can type", "control/ä", b"x", "not a name of a control file"),
        ("a file of users/ that qmail has not", "users/x", b"x", "not a name of a control file"),
        ("too large", "control/locals", b"a\n" * (3 << 20), "larger than 4 MiB"),
    ],
)
def test_it_says_what_is_wrong(why: str, path: str, value: bytes, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(path, value)
    assert says in " ".join(caught.value.messages), why


@pytest.mark.parametrize(
    ("why", "path", "value"),
    [
        ("comments, blanks and wildcards", "control/rcpthosts", b"# ours\n\nexample.org \n.example.org\n"),
        ("nothing is taken from outside", "control/rcpthosts", b""),
        ("a domain that is excepted", "control/virtualdomains", b"a.example:\n:catch-all\n.b.example:x\njoe@c.example:joe\n"),
        ("routes of all kinds", "control/smtproutes", b"a.example:\n:relay.example\nb.example:[2001:db8::9]:25\nc.example::2525\n"),
        ("whole domains and addresses", "control/badmailfrom", b"@spam.example\njoe@spam.example\n"),
        ("double bounces thrown away", "control/doublebounceto", b"\n"),
        ("a greeting of many words", "control/smtpgreeting", b"mail.example.org ESMTP, no spam please\n"),
        ("a file of a patch", "control/spfbehavior", b"3\n"),
        ("rules", "control/tcp.smtp", b'127.:allow,RELAYCLIENT=""\n:allow\n'),
        ("a number with a newline", "control/databytes", b"0\n"),
        ("assignments", "users/assign", b"=a:b:1:2:/c:::\n.\n"),
    ],
)
def test_it_takes(why: str, path: str, value: bytes) -> None:
    check(path, value)


@pytest.mark.parametrize(
    "name", sorted(n for n, f in BY_NAME.items() if f.example and f.kind in (Kind.LINE, Kind.LIST, Kind.MAP, Kind.RULES))
)
def test_it_takes_the_example_of_the_table(name: str) -> None:
    check(f"control/{name}", BY_NAME[name].example.encode() + b"\n")
