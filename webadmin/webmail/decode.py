"""Octets become text. Charsets come from a list, whatever a message may name; nothing here raises or takes more than linear time.

text()     a body: what the charset does not allow becomes U+FFFD; control characters, too. A charset that is not on the list is read as
           Latin-1, and a note says so. Without a charset: UTF-8 if it is that, else Windows-1252.
header()   a field: unfolded, with its encoded words (RFC 2047). Line ends, NUL and other controls become blanks or U+FFFD, marks that
           turn the direction of writing are taken out, for they make names look like other names.
Source     RFC 2047, RFC 2231; spec reliability 2.2 rows 26, 33, 39, 40
"""

from __future__ import annotations

import binascii
import re

from mta.formats.mime.parameters import Value
from mta.formats.mime.transfer import decode as decode_transfer

WORDS_MAX = 1000
HEADER_MAX = 1 << 16  # octets of a field that anybody looks at
UNKNOWN_CHARSET = "unknown-charset"

_SAME = (
    "utf-8 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 "
    "iso-8859-16 windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 "
    "koi8-r koi8-u gb18030 big5 shift_jis euc-jp iso-2022-jp euc-kr tis-620 ibm437 ibm850 ibm852 ibm866 utf-16 utf-16le utf-16be"
)
# What a message names -> the codec. As browsers do, the larger sibling is used where senders confuse the two.
_CODECS = {name: name for name in _SAME.split()} | {
    "us-ascii": "windows-1252",
    "ascii": "windows-1252",
    "ansi_x3.4-1968": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso_8859-1": "windows-1252",
    "cp1252": "windows-1252",
    "iso-8859-9": "windows-1254",
    "iso-8859-11": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "utf8": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "cp1251": "windows-1251",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz-gb-2312": "hz",
    "big5-hkscs": "big5hkscs",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "iso-2022-kr": "iso2022_kr",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    "cp437": "ibm437",
    "cp850": "ibm850",
    "cp866": "ibm866",
}
_CODECS["shift_jis"] = "cp932"
_CODECS["euc-kr"] = "cp949"

_WORD = re.compile(rb"=\?([A-Za-z0-9._+:-]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?\n]{0,4000})\?=")
_FOLD = re.compile(r"[\r\n\t ]+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE_SEPARATORS = re.compile("[\u2028\u2029]")
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def text(data: bytes, charset: bytes | None) -> tuple[str, bool]:
    """-> (the text with LF line ends, is its charset one we know?)"""
    name = (charset or b"").decode("ascii", "replace").strip().lower()
    codec = _CODECS.get(name)
    decoded = _unlabelled(data) if not name else _strict_or_replaced(data, codec or "latin-1")
    return printable(decoded), not name or codec is not None


def _unlabelled(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")


def _strict_or_replaced(data: bytes, codec: str) -> str:
    """Mail that says ASCII or Latin-1 and is UTF-8 is common; the reverse is seen, too."""
    if codec in ("windows-1252", "utf-8"):
        try:
            return data.decode()
        except UnicodeDecodeError:
            if codec == "utf-8":
                return data.decode("utf-8", "replace")
    return _LONE_SURROGATE.sub("\ufffd", data.decode(codec, "replace"))


def printable(decoded: str) -> str:
    """Without controls but tab and LF."""
    return _CONTROL.sub("\ufffd", decoded.replace("\r\n", "\n").replace("\r", "\n"))


def header(raw: bytes) -> str:
    """A field's value, or a name from an address list, as one line of text."""
    return one_line(words(raw[:HEADER_MAX]))


def one_line(decoded: str) -> str:
    decoded = DIRECTION.sub("", _LINE_SEPARATORS.sub(" ", _FOLD.sub(" ", decoded)))
    return _CONTROL.sub("\ufffd", decoded).strip()


def words(raw: bytes) -> str:
    """Encoded words decoded, and nothing else done. Neighbours of the same charset are decoded together: senders cut within characters."""
    out: list[str] = []
    run: list[bytes] = []
    run_charset: bytes | None = None
    at = 0
    for _, found in zip(range(WORDS_MAX), _WORD.finditer(raw), strict=False):
        between = raw[at : found.start()]
        charset = found[1].lower()
        if run and (between.strip() or charset != run_charset):
            out.append(text(b"".join(run), run_charset)[0])
            run = []
        if between.strip() or not (out or run):
            out.append(text(between, None)[0])
        run.append(_word(found[2], found[3]))
        run_charset = charset
        at = found.end()
    if run:
        out.append(text(b"".join(run), run_charset)[0])
    out.append(text(raw[at:], None)[0])
    return "".join(out)


def _word(kind: bytes, encoded: bytes) -> bytes:
    if kind in b"bB":
        return decode_transfer(b"base64", encoded)
    return binascii.a2b_qp(encoded.replace(b" ", b"=20"), header=True)


def parameter(value: Value | None) -> str:
    """A parameter: with the charset of RFC 2231, else as a field, for many put encoded words there."""
    if value is None:
        return ""
    raw = value.raw[:HEADER_MAX]
    return one_line(text(raw, value.charset)[0]) if value.charset is not None else header(raw)
