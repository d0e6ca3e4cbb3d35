"""What is tried first, and changed afterwards: inputs of known attacks (a CVE each), ordinary ones of each format, and what a fuzzer found.

A row begins with why. Recorded and hostile inputs that lie beside the checkout are added where they are there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

from mta.formats import cdb, tcprules, users_assign
from tests.conftest import CORPORA

Seeds = list[tuple[str, bytes]]

_OPEN = b"EHLO c\r\nMAIL FROM:<a@remote.test>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\nSubject: o\r\n\r\nbody"
_SECOND = b"MAIL FROM:<admin@remote.test>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n"
_ENDS = [
    b"\r\n.\r\n",
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
]
_RCPT = b"EHLO c\r\nMAIL FROM:<a@remote.test>\r\nRCPT TO:%b\r\nDATA\r\nx\r\n.\r\n"
_SMTP: Seeds = [
    *((f"CVE-2023-51764 a message that ends in {end!r}", _OPEN + end + _SECOND) for end in _ENDS),
    ("CVE-2019-11500 a NUL that begins another record of the envelope", _RCPT % b"<joe\0Tvictim@elsewhere.test\0@oracle.test>"),
    ("CVE-2019-10149 an address that is to be expanded", _RCPT % b"<${run{/bin/true}}@oracle.test>"),
    ("CVE-2014-6271 a sender that is a function", b"MAIL FROM:<() { :;}; echo v@x.test>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\n.\r\n"),
    (
        "CVE-2020-7247 a sender that is a command",
        b"MAIL FROM:<;for i in 0 1 2 3;do read r;done;sh;exit 0;>\r\n" + _RCPT % b"<joe@oracle.test>",
    ),
    ("CVE-2005-1514 a long command", b"EHLO " + b"x" * 3000 + b"\r\n" + _RCPT % b"<joe@oracle.test>"),
    ("CVE-2011-0411 commands behind STARTTLS", b"EHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@oracle.test>\r\n"),
    (
        "CVE-2017-16943 BDAT that nobody offered",
        b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@oracle.test>\r\nBDAT 9 LAST\r\nNOOP\r\nNOOP\r\n",
    ),
    ("CVE-2025-26794 ETRN with a quote", b"ETRN #',1); DROP\r\nVRFY root\r\nEXPN x\r\n"),
    ("an HTTP client", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nEHLO c\r\nQUIT\r\n"),
    ("dots at the beginning of lines", b"MAIL FROM:<>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\n..one\r\n.two\r\n. \r\n.\r\nQUIT\r\n"),
    (
        "more than a hundred Received lines",
        b"MAIL FROM:<>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\n" + b"Received: x\r\n" * 101 + b"\r\n.\r\n",
    ),
    ("another's protocol", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\nXCLIENT ADDR=127.0.0.1\r\n" + _RCPT % b"<u@elsewhere.test>"),
    *(
        ("relaying in disguise", _RCPT % recipient)
        for recipient in (
            b"<u%elsewhere.test@oracle.test>",
            b"<elsewhere.test!u>",
            b"<@oracle.test:u@elsewhere.test>",
            b'<"u@elsewhere.test">',
            b'<"u@elsewhere.test"@oracle.test>',
            b"<u@[192.0.2.9]>",
            b"<u@elsewhere.test@oracle.test>",
            b"<u@oracle.test@elsewhere.test>",
            b"<u@oracle.test.elsewhere.test>",
            b"<u@xoracle.test>",
            b"u@elsewhere.test",
            b"<u@mx.test>",
        )
    ),
    (
        "logins",
        b"EHLO c\r\nAUTH PLAIN\r\nAGpvZQByaWdodA==\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u@elsewhere.test>\r\nDATA\r\n.\r\nAUTH LOGIN\r\n*\r\n",
    ),
    (
        "a login in two steps",
        b"EHLO c\r\nAUTH LOGIN am9l\r\ncmlnaHQ=\r\nAUTH LOGIN\r\nRSET\r\nMAIL FROM:<a> SIZE=99999999999999999999\r\nQUIT\r\n",
    ),
]

_POP3: Seeds = [
    ("a whole session", b"STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 3\r\nRSET\r\nNOOP\r\nLAST\r\nQUIT\r\n"),
    ("numbers no message has", b"RETR 0\r\nRETR -1\r\nLIST 99999999999999999999\r\nTOP 1 99999999999999999999\r\nDELE 1 1\r\nUIDL x\r\n"),
    ("CVE-2021-33515 commands behind STLS", b"STLS\r\nSTAT\r\nCAPA\r\n"),
    ("a line of 20 000", b"RETR " + b"1" * 20_000 + b"\r\nQUIT\r\n"),
    ("bare ends of lines", b"STAT\nLIST\rUIDL\r\n\r\nQUIT\n"),
]

_HELLO = b"5:\nhi\n,3:a@b,18:15:joe@oracle.test,,"
_QMTP: Seeds = [
    ("a message", _HELLO),
    ("several", _HELLO * 3),
    ("lines that end in CR LF", b"6:\rhi\r\n,0:,18:15:joe@oracle.test,,"),
    ("CVE-2005-1513 a length beyond all bounds", b"99999999999999999999:"),
    ("a length that wraps", b"4294967297:\nx,"),
    ("a recipient that reaches past its list", b"2:\nb,0:,5:9:joe,,"),
    ("a NUL in a recipient", b"2:\nb,0:,21:18:j\0Tx@elsewhere.test,,"),
    ("elsewhere", b"2:\nb,0:,20:17:u@elsewhere.test!,,"),
]
_QMQP: Seeds = [
    (why, b"%d:%b," % (len(data), data)) for why, data in (("a message", b"2:b\n,3:a@b,3:c@d,"), ("for nobody", b"2:b\n,3:a@b,"))
]

_CDB = cdb.write([(b"joe!", b"data"), (b"", b"x"), (b"joe!", b"more")])
_LOOP = bytearray(_CDB)
_LOOP[2048 - 8 :] = _CDB[2048 - 8 :]
_FILES: dict[str, Seeds] = {
    "cdb": [
        ("a database, with a key before it", b"joe!" + _CDB),
        ("cut short", b"joe!" + _CDB[:2060]),
        ("tables that lie behind the end", b"joe!" + struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFFF) * 256),
        ("tables that never end", b"joe!" + struct.pack("<II", 2048, 1) * 256 + struct.pack("<II", 1, 2048)),
        ("records of 4 GB", b"joe!" + struct.pack("<II", 3000, 0) * 256 + struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) * 20),
        ("rules", b"1.2." + tcprules.compile_(b"1.2.:deny\n:allow\n")),
        ("users", b"!joe" + users_assign.compile_(b"=joe:joe:1:1:/h:::\n+a-:joe:1:1:/h:-::\n.\n")),
    ],
    "cdb-records": [("keys in and out of order", b"abcdef|abc|xyz1|abc2||a")],
    "control": [
        ("a file of lines", b"# c\n\na.b:x\n.c:1.2.3.4:25\n:[::1]:26\nu@h:v \t\nlast"),
        ("a NUL and a CR", b"a\0b\r\nc\r\n"),
        ("a byte order mark", b"\xef\xbb\xbfme.test\n"),
        ("a number too large for any", b"99999999999999999999\n"),
    ],
    "assign": [
        ("users", b"=joe:joe:1:1:/h:::\n+joe-:joe:1:1:/h:-::\n+:alias:7:7:/a:-::\n.\n"),
        ("a colon too few", b"=joe:joe:1:1:/h::\n.\n"),
        ("no dot at the end", b"=joe:joe:1:1:/h:::\n"),
        ("a NUL in it", b"=j\0e:joe:1:1:/h:::\n.\n"),
        ("numbers that are none", b"=joe:joe:x:-1:/h:::\n.\n"),
    ],
    "tcprules": [
        ("rules", b'# c\n127.:allow,RELAYCLIENT=""\n1.2.3.37-39:deny\n=.example.org:allow,X=/a,b/\n:allow\n'),
        ("a range of everything", b"0-255.0-255.:deny\n"),
        ("a range that wraps", b"1.18446744073709551617-2:allow\n"),
        ("a quote left open", b'1.2.3.4:allow,X="a\n'),
    ],
    "dotqmail": [
        ("each kind of line", b"# c\n\n./Maildir/\n./mbox\n|cmd a b\n&a@b\na@b\n+list\n/abs/\n"),
        ("a blank first line", b"\n./Maildir/\n"),
        ("NULs", b"\0\n&a\0b\n|a\0b"),
    ],
    "aliases": [
        ("aliases", b'# c\nlist: a, b@X.org,\n  c\nowner-list: Bob\nPost: "|prog x", :include:/l/y\n@h: d\n'),
        ("names and comments", b'a: "q \\" s" <x@y> (c (d)), \\b, /file\n'),
        ("left open", b'a: "x\nb: (c\nd: <e\n'),
        ("10 000 brackets", b"a: " + b"(" * 2000 + b")" * 2000 + b"<" * 50),
        ("a .forward", b'joe, \\joe, "|cat", other@x\nbob, #c\n'),
    ],
    "setforward": [("targets", b"list@h: ?own@h, &a@b, |prog\\ x, -foo;\n@h: ./l.bin; u@: !x;"), ("a last backslash", b"t:\\")],
    "maillist": [("items", b"# c\na@b\n&c@d\n/x/y.bin\n./z\n\n  e@f  \nlast")],
    "queue-files": [
        ("todo", b"u1000\0p812\0Fa@b\0Tc@d\0Te@f\0"),
        ("info", b"Fa@b\0"),
        ("recipients", b"Ta@b\0Dc@d\0"),
        ("envelope", b"Fa@b\0Tc@d\0\0"),
        ("bounce", b"<a@b>:\nno.\n\n<c@d>:\nno.\n\n"),
        ("commands", b"\x053/812\0a@b\0c@d\0"),
        ("a record that never ends", b"Fa@b\0T" + b"x" * 3000),
    ],
    "todo": [("todo", b"u1000\0p812\0Fa@b\0Tc@d\0"), ("a record nobody knows", b"u1\0p2\0Fa@b\0Xc@d\0"), ("no sender", b"u1\0p2\0")],
    "calls": [
        ("a step of the installer", b"3:put,14:control/locals,1:*,12:example.org\n,"),
        ("a path that leaves the home", b"3:put,17:control/../../etc,1:*,1:x,"),
        ("words", b"11:3:who,3:joe,,"),
        ("a password", b"joe\0right\0<1.2@h>\0"),
        ("CVE-2005-1515 a length that wraps", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    ],
    "boxes": [
        ("vpasswd", b"joe:$1$x:1:0:Joe:/d/joe:NOQUOTA:pw\n"),
        ("maildirsize", b"3000S,10C\n          37            1\n         -37           -1\n"),
        ("a sum below zero, and garbage", b"1S\n-9 -9\nx\n" + b"9" * 40 + b" 1\n"),
        ("quotas", b"10M"),
        ("a list of sizes", b"/3 4 5\na 1 2:3:0\n"),
        ("a folder in UTF-7", b".Work.&AOQ-.&-"),
        ("CVE-2024-34055 a slash in UTF-7", b".&AC8-..&AC8-etc"),
        ("an mbox", b"From a@b Sat Jan 03 01:05:34 1996\nS: 1\n\n>From x\n\nFrom b\n\nx"),
    ],
    "logs": [
        (
            "a life",
            b"1.0 new msg 7\n1.0 info msg 7: bytes 9 from <a@b> qp 2 uid 3\n2.0 starting delivery 3: msg 7 to local a@b\n"
            b"3.0 delivery 3: success: did_1+0+0/\n4.0 bounce msg 7 qp 9\n5.0 end msg 7\n6.0 status: exiting\n",
        ),
        ("numbers that are none", b"x new msg y\n1.0 info msg z: bytes q from <> qp  uid \n9e999 starting delivery -1: msg 7 to x y\n"),
        ("a script", b"t\n-*\n+*b*: c\ns99\nn3\n!cat\n./d\n=st\ne\nabcb: c"),
        ("stars", b"+" + b"*a" * 500 + b"\n" + b"a" * 3000),
        ("labels", b"@4000000037c219bf2ef02e94 x"),
        ("a label of another age", b"@7fffffffffffffffffffffff x"),
    ],
    "dns": [
        ("an address", b"\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"),
        ("a text", b"\0\1\0\0\0\0\xc0\x0c\0\x10\0\1\0\0\0\1\0\4\3abc"),
        ("a name", b"\0\1\0\0\0\0\xc0\x0c\0\x0c\0\1\0\0\0\1\0\3\1b\0"),
        ("a name that points at itself", b"\0\1\0\0\0\0\xc0\x18\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"),
        ("names that point at each other", b"\0\1\0\0\0\0\xc0\x1a\xc0\x18\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"),
        ("data that lies behind the end", b"\0\1\0\0\0\0\xc0\x0c\0\x10\0\1\0\0\0\1\xff\xff\xfe"),
        ("more answers than there are", b"\xff\xff\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"),
    ],
}

_HEADERS: Seeds = [
    (
        "an ordinary header",
        b"From: Joe <joe@x.y>\nTo: a, b@c (d), g: e, f;\nCc: <@r:z@q>\nSubject: s\nDate: 20 Nov 2026 20:20:20 +0100\n\nbody\n",
    ),
    ("resent", b"Resent-To: a@b\nResent-Bcc: c\nTo: d\nBcc: e\nReturn-Path: <f@g>\n\n"),
    ("CVE-2024-6923 a line within a name", b'To: "a\nBcc: x@y" <a@b>\nFrom: =?utf-8?q?=0d=0aBcc:_z@q?= <c@d>\n\n'),
    ("brackets", b"To: " + b"(" * 1500 + b"\nCc: " + b"<" * 1500 + b'\nBcc: "' + b"\\" * 999 + b"\n\n"),
    ("50 000 addresses, in small", b"To: " + b"a@b," * 900 + b"\n\n"),
    ("names no field has", b"Bad Name: x\n: y\nFrom joe\nTo : z\n\xe9: w\n"),
    ("backslashes and literals", b'To: a\\ b@c, d@[1.2.3.4], e@[\\]], "f\\""@g, h@, @i, .@.\n'),
]
_MIME: Seeds = [
    ("two parts", b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\nContent-Type: text/html\n\nb\n--x--\n"),
    ("CVE-2020-12100 a message in a message, over and over", b"Content-Type: message/rfc822\n\n" * 100),
    ("nested parts", b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (i, i) for i in range(80))),
    (
        "a boundary that is its own parent's",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x--\n",
    ),
    ("CVE-2024-28054 two boundaries", b'Content-Type: multipart/mixed; boundary=x; boundary="y"\n\n--x\n\n--y\n'),
    ("no boundary at all", b"Content-Type: multipart/mixed; boundary=\n\n--\n\na\n----\n"),
    ("CVE-2026-27859 pieces of a parameter", b"a; f*0*=utf-8''a; f*1=\"b\"; f*2147483647=c; f*=x; f*1*=d"),
    ("base64 that is none", b"Zm9v=YmFy====\n=3D=\n=zz\nbegin 644 x\n#0V%T\n`\nend\n"),
    ("CVE-2024-23184 many fields", b"Cc: a\n" * 600 + b"\n"),
]

SEEDS: dict[str, Seeds] = {
    "smtp": _SMTP,
    "smtp-auth": _SMTP,
    "smtp-replies": [
        ("replies", b"220-a\r\n220 b\r\n250 ok\r\n550 5.1.1 no\r\n"),
        ("no replies", b"HTTP/1.1 200 OK\r\n\r\n25\r\n250-a\r\n251 b\r\n"),
        ("a reply without end", b"250-" + b"x" * 3000),
    ],
    "signatures": [
        ("an executable in a part", _MIME[0][1].replace(b"\n\nb", b"\n\nTVqQAAMAAAAE").replace(b"\n", b"\r\n")),
        ("a bounce", b"\r\nHi. This is the program\r\n\r\n--- Below\r\n\r\nUEsDBBQAAx\r\n"),
    ],
    "pop3": _POP3,
    "qmtp": _QMTP,
    "qmqp": [*_QMQP, *_QMTP],
    "netstring": [("three", b"0:,1:a,3:b:c,"), ("no comma", b"1:ab"), ("zeros", b"00001:a,"), ("one that is too long", b"200000001:a,")],
    **_FILES,
    "header": _HEADERS,
    "tokens": [(why, line) for why, text in _HEADERS for line in text.splitlines()],
    "fields": [
        *((why, line.partition(b":")[2]) for why, text in _HEADERS for line in text.splitlines()),
        ("a path", b"<@r1,@r2:joe@x.y> SIZE=10 BODY=8BITMIME"),
        ("dates", b"Fri, 20 Nov 2026 20:20:20 (c) EST"),
        ("a date of another calendar", b"99 Foo 0000 99:99:99 +9999"),
        ("digits", b"9" * 3000),
    ],
    "mime": [*_MIME, *_HEADERS],
    "serial": [("two lines", b"Return-Path: <a@b>\nDelivered-To: p-joe@h"), ("none", b""), ("others", b"Subject: x\nTo: y")],
}

_HOSTILE = {"smtp-smuggling": ("smtp", "smtp-auth"), "smtp-commands": ("smtp", "smtp-auth"), "imap-pop-qmtp": ("pop3", "qmtp", "qmqp")}
_LONGEST = 16384  # a line of a megabyte teaches nothing more here, and takes its time (the programs' own tests have it)
_RECORDED = {"qmail-smtpd": ("smtp",), "qmail-inject": ("header", "mime"), "qmail-qmtpd-qmqpd": ("qmtp", "qmqp")}


def of(name: str) -> list[bytes]:
    return [*(data for _, data in SEEDS[name]), *_beside(name)]


def _beside(name: str) -> Iterator[bytes]:
    """Those that lie beside the checkout."""
    for kind, sources, key in (("hostile", _HOSTILE, "bytes"), ("oracle", _RECORDED, "input")):
        for folder, targets in sources.items():
            path = CORPORA / kind / folder / "cases.json"
            if name in targets and path.exists():
                yield from (data for case in json.loads(path.read_text()) if len(data := case[key].encode("latin-1")) <= _LONGEST)
