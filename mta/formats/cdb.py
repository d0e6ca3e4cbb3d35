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

import sys
from struct import Struct
from struct import pack as pack_many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PAIR = Struct("<II")
_HEADER_SIZE = 2048
_SIZE_MAX = 0xFFFFFFFF
_LONG = 64


def hash_(key: bytes) -> int:
    h = 5381
    if len(key) > _LONG:
        for byte in key:
            h = ((h * 33) & 0xFFFFFFFF) ^ byte
        return h
    for byte in key:  # what lies above 32 bits never comes down again: for a short key it costs less to carry it along
        h = h * 33 ^ byte
    return h & 0xFFFFFFFF


def write(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """(key, data) pairs in order -> the file. The first of several equal keys is the one readers find."""
    body: list[bytes] = []
    position = _HEADER_SIZE
    tables: list[list[int]] = [[] for _ in range(256)]  # hash, position, hash, position ...
    pack = _PAIR.pack
    for key, data in records:
        h = hash_(key)
        tables[h & 255] += (h, position)
        body += (pack(len(key), len(data)), key, data)
        position += 8 + len(key) + len(data)
    return _assembled(b"".join(body), [_table(table) for table in tables])


def _assembled(body: bytes, tables: list[bytes]) -> bytes:
    """body: the records. Raises ValueError when it is too much for a cdb."""
    header = bytearray()
    position = _HEADER_SIZE + len(body)
    for table in tables:
        header += _PAIR.pack(position & _SIZE_MAX, len(table) // 8)
        position += len(table)
    if position > _SIZE_MAX:
        raise ValueError("cdb would be larger than 4 GiB")
    return b"".join((header, body, *tables))


def _table(entries: list[int]) -> bytes:
    """entries: hash, position, hash, position ..., in the order of the records."""
    size = len(entries)  # twice as many slots as entries
    table = [0] * (size * 2)
    for i in range(0, size, 2):
        h = entries[i]
        slot = (h >> 8) % size
        while table[2 * slot + 1]:
            slot = (slot + 1) % size
        table[2 * slot], table[2 * slot + 1] = h, entries[i + 1]
    return pack_many(f"<{len(table)}I", *table)


def edited(data: bytes, key: bytes, value: bytes | None) -> bytes:
    """A whole file with another value in the first record of this key (None: without the record), as write() would make it of the records
    so changed: what was there keeps its place, what is new goes to the end. Costs a fraction of write(): one table is made again, in the
    others positions move at most. Raises ValueError on a damaged file."""
    size = _records_end(data)
    number = hash_(key) & 255
    tables = [data[position : position + slots * 8] for position, slots in (_PAIR.unpack_from(data, i * 8) for i in range(256))]
    at = _find(data, key)
    new = b"" if value is None else _PAIR.pack(len(key), len(value)) + key + value
    if at is None:
        at, old = size, 0
    else:
        old = 8 + sum(_PAIR.unpack_from(data, at))
        if at < _HEADER_SIZE or at + old > size:
            raise ValueError("cdb record reaches past the records")
    if not old or value is None:
        entries = sorted((position, h) for h, position in _PAIR.iter_unpack(tables[number]) if position not in (0, at))
        entries += [(at, hash_(key))] if value is not None else []
        tables[number] = _table([number for position, h in entries for number in (h, position)])
    if len(new) != old:
        tables = [_moved(table, at, len(new) - old) for table in tables]
    return _assembled(data[_HEADER_SIZE:at] + new + data[at + old : size], tables)


def _moved(table: bytes, behind: int, by: int) -> bytes:
    """The table with all positions behind that one moved."""
    from array import array  # loads collections, which look-ups do without

    numbers = array("I", table)
    if sys.byteorder == "big":
        numbers.byteswap()
    try:
        numbers[1::2] = array("I", [position + by if position > behind else position for position in numbers[1::2]])
    except OverflowError as error:
        raise ValueError("cdb is damaged, or would be larger than 4 GiB") from error
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def extent(data: bytes) -> tuple[int, int]:
    """-> (number of records, their octets with their lengths). Raises ValueError."""
    end = _records_end(data)
    return sum(_PAIR.unpack_from(data, i * 8)[1] for i in range(256)) // 2, end - _HEADER_SIZE


def _records_end(data: bytes) -> int:
    """Where the tables begin. Raises ValueError."""
    if len(data) < _HEADER_SIZE:
        raise ValueError("cdb is cut short")
    pairs = [_PAIR.unpack_from(data, i * 8) for i in range(256)]
    if any(position < _HEADER_SIZE or position + slots * 8 > len(data) for position, slots in pairs):
        raise ValueError("cdb is cut short")
    return int(min(position for position, _ in pairs))


def _find(data: bytes, key: bytes) -> int | None:
    """Position of the first record with this key. Raises ValueError."""
    found = reader(data).find(key)
    return None if found is None else found[0]


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
        found = self.find(key)
        return None if found is None else self._exactly(found[1], found[0] + 8 + len(key))

    def get_all(self, key: bytes) -> Iterator[bytes]:
        for position, length in self._all(key):
            yield self._exactly(length, position + 8 + len(key))

    def find(self, key: bytes) -> tuple[int, int] | None:
        """-> (position of the first record with this key, length of its data)."""
        return next(self._all(key), None)

    def _all(self, key: bytes) -> Iterator[tuple[int, int]]:
        h = hash_(key)
        position, slots = _PAIR.unpack(self._exactly(8, (h & 255) * 8))
        start = (h >> 8) % slots if slots else 0
        for i in range(slots):
            slot_hash, record = _PAIR.unpack(self._exactly(8, position + (start + i) % slots * 8))
            if record == 0:
                return
            if slot_hash == h:
                key_len, data_len = _PAIR.unpack(self._exactly(8, record))
                if key_len == len(key) and self._exactly(key_len, record + 8) == key:
                    yield record, data_len


def reader(data: bytes) -> Reader:
    """Look-ups in a cdb that is already in memory."""
    return Reader(lambda length, offset: data[offset : offset + length])


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All (key, data) pairs of a whole file in order. Raises ValueError on a damaged file."""
    end = _records_end(data)
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
