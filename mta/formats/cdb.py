"""cdb, the constant database: users/cdb, morercpthosts.cdb, tcprules, vpasswd.cdb.

Layout   256 pairs (table position, slots), then the records (key length, data length, key, data), then 256 hash tables of
         slots (hash, record position). All numbers are 32 bits, little-endian. A table has twice as many slots as records;
         an unused slot has position 0; an empty table still tells where it would have stood.
Example  the empty database is 2048 bytes: 256 times (2048, 0)
Limits   4 GiB. Every position and length is checked against the file: a damaged file raises ValueError and is a temporary
         failure for its reader, never "no such key".
Crash    written to a temporary file, synced, renamed: readers see the old one or the new one.
Source   cdb(5), cr.yp.to/cdb/cdb.txt
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PAIR = Struct("<II")
_HEADER_SIZE = 2048
_SIZE_MAX = 0xFFFFFFFF


def hash_(key: bytes) -> int:
    h = 5381
    for byte in key:
        h = ((h * 33) & 0xFFFFFFFF) ^ byte
    return h


def write(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """(key, data) pairs in order -> the file. The first of several equal keys is the one readers find."""
    body = bytearray()
    tables: list[list[tuple[int, int]]] = [[] for _ in range(256)]
    for key, data in records:
        h = hash_(key)
        tables[h & 255].append((h, _HEADER_SIZE + len(body)))
        body += _PAIR.pack(len(key), len(data)) + key + data
    header = bytearray()
    position = _HEADER_SIZE + len(body)
    parts = [bytes(body)]
    for table in tables:
        slots = len(table) * 2
        header += _PAIR.pack(position, slots)
        parts.append(_table(table, slots))
        position += slots * 8
    if position > _SIZE_MAX:
        raise ValueError("cdb would be larger than 4 GiB")
    return bytes(header) + b"".join(parts)


def _table(entries: list[tuple[int, int]], slots: int) -> bytes:
    table: list[tuple[int, int]] = [(0, 0)] * slots
    for h, position in entries:
        slot = (h >> 8) % slots
        while table[slot][1]:
            slot = (slot + 1) % slots
        table[slot] = (h, position)
    return b"".join(_PAIR.pack(h, p) for h, p in table)


class Reader:
    """Look-ups in a cdb. read_at(length, offset) returns that many bytes or fewer at the end of the file (os.pread's shape)."""

    __slots__ = ("_read_at",)

    def __init__(self, read_at: Callable[[int, int], bytes]) -> None:
        self._read_at = read_at

    def _exactly(self, length: int, offset: int) -> bytes:
        data = self._read_at(length, offset)
        if len(data) != length:
            raise ValueError("cdb is cut short")
        return data

    def get(self, key: bytes) -> bytes | None:
        """Data of the first record with this key, or None. Raises ValueError on a damaged file. Two or three reads."""
        for data in self.get_all(key):
            return data
        return None

    def get_all(self, key: bytes) -> Iterator[bytes]:
        h = hash_(key)
        position, slots = _PAIR.unpack(self._exactly(8, (h & 255) * 8))
        start = (h >> 8) % slots if slots else 0
        for i in range(slots):
            slot_hash, record = _PAIR.unpack(self._exactly(8, position + (start + i) % slots * 8))
            if record == 0:
                return
            if slot_hash == h:
                data = self._record(record, key)
                if data is not None:
                    yield data

    def _record(self, position: int, key: bytes) -> bytes | None:
        key_len, data_len = _PAIR.unpack(self._exactly(8, position))
        if key_len != len(key) or self._exactly(key_len, position + 8) != key:
            return None
        return self._exactly(data_len, position + 8 + key_len)


def reader(data: bytes) -> Reader:
    """Look-ups in a cdb that is already in memory."""
    return Reader(lambda length, offset: data[offset : offset + length])


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All (key, data) pairs of a whole file in order. Raises ValueError on a damaged file."""
    if len(data) < _HEADER_SIZE:
        raise ValueError("cdb is cut short")
    end = min(_PAIR.unpack_from(data, i * 8)[0] for i in range(256))
    if end > len(data):
        raise ValueError("cdb is cut short")
    at = _HEADER_SIZE
    while at < end:
        if at + 8 > end:
            raise ValueError("cdb record reaches past the records")
        key_len, data_len = _PAIR.unpack_from(data, at)
        at += 8
        if at + key_len + data_len > end:
            raise ValueError("cdb record reaches past the records")
        yield data[at : at + key_len], data[at + key_len : at + key_len + data_len]
        at += key_len + data_len
