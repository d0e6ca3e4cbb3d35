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

    ReadAt = Callable[[int, int], bytes]  # length, offset -> that many octets, or fewer at the end of the file (os.pread's shape)

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
    compiled = list(map(_table, tables))
    return b"".join((_header(position, compiled), *body, *compiled))


def _header(end: int, tables: list[bytes]) -> bytes:
    """end: of the records, where the tables begin. Raises ValueError when it is too much for a cdb."""
    header = bytearray()
    for table in tables:
        header += _PAIR.pack(end & _SIZE_MAX, len(table) // 8)
        end += len(table)
    if end > _SIZE_MAX:
        raise ValueError("cdb would be larger than 4 GiB")
    return bytes(header)


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


def edited(read_at: ReadAt, size: int, key: bytes, value: bytes | None) -> list[bytes | range]:
    """A file of that size with another value in the first record of this key (None: without the record), as write() would make it of the
    records so changed: what was there keeps its place, what is new goes to the end. -> pieces of the new file; a range: these octets of
    the old one. Costs a fraction of write(): records are not looked at, one table is made again, in the others positions move at most.
    Raises ValueError on a damaged file."""
    reader = Reader(read_at)
    places = reader.places(size)
    end = min(position for position, _ in places)
    new = b"" if value is None else _PAIR.pack(len(key), len(value)) + key + value
    found = reader.find(key)
    at, old = (end, 0) if found is None else (found[0], 8 + len(key) + found[1])
    if at < _HEADER_SIZE or at + old > end:
        raise ValueError("cdb record reaches past the records")
    if len(new) == old:
        return [range(at), new, range(at + old, size)]
    together = reader.exactly(size - end, end)
    tables = [together[position - end : position - end + slots * 8] for position, slots in places]
    if not old or value is None:
        h = hash_(key)
        tables[h & 255] = _made_again(tables[h & 255], at, h if value is not None else None)
    together = b"".join(tables)
    if old:
        together = _moved(together, at, len(new) - old)
    return [_header(end + len(new) - old, tables), range(_HEADER_SIZE, at), new, range(at + old, end), together]


def _made_again(table: bytes, at: int, h: int | None) -> bytes:
    """The table without the record at that position; h: with it, under this hash."""
    entries = sorted((position, h) for h, position in _PAIR.iter_unpack(table) if position not in (0, at))
    entries += [] if h is None else [(at, h)]
    return _table([number for position, h in entries for number in (h, position)])


def _moved(tables: bytes, behind: int, by: int) -> bytes:
    """Tables with all positions behind that one moved."""
    from array import array  # loads collections, which look-ups do without

    numbers = array("I", tables)
    if sys.byteorder == "big":
        numbers.byteswap()
    try:
        numbers[1::2] = array("I", [position + by if position > behind else position for position in numbers[1::2]])
    except OverflowError as error:
        raise ValueError("cdb is damaged, or would be larger than 4 GiB") from error
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def extent(read_at: ReadAt, size: int) -> tuple[int, int]:
    """-> (number of records, their octets with their lengths). Raises ValueError."""
    places = Reader(read_at).places(size)
    return sum(slots for _, slots in places) // 2, min(position for position, _ in places) - _HEADER_SIZE


class Reader:
    """Look-ups in a cdb."""

    __slots__ = ("_read_at",)

    def __init__(self, read_at: ReadAt) -> None:
        self._read_at = read_at

    def exactly(self, length: int, offset: int) -> bytes:
        """Raises ValueError where the file has less."""
        data = self._read_at(length, offset)
        if len(data) != length:
            raise ValueError("cdb is cut short")
        return data

    def places(self, size: int) -> list[tuple[int, int]]:
        """(position, slots) of the 256 tables of a file of that size. The first of them begins where the records end. Raises ValueError."""
        places = list(_PAIR.iter_unpack(self.exactly(_HEADER_SIZE, 0)))
        if any(position < _HEADER_SIZE or position + slots * 8 > size for position, slots in places):
            raise ValueError("cdb is cut short")
        return places

    def get(self, key: bytes) -> bytes | None:
        """Data of the first record with this key, or None. Raises ValueError on a damaged file. Two or three reads."""
        found = self.find(key)
        return None if found is None else self.exactly(found[1], found[0] + 8 + len(key))

    def get_all(self, key: bytes) -> Iterator[bytes]:
        for position, length in self._all(key):
            yield self.exactly(length, position + 8 + len(key))

    def find(self, key: bytes) -> tuple[int, int] | None:
        """-> (position of the first record with this key, length of its data)."""
        return next(self._all(key), None)

    def _all(self, key: bytes) -> Iterator[tuple[int, int]]:
        h = hash_(key)
        position, slots = _PAIR.unpack(self.exactly(8, (h & 255) * 8))
        start = (h >> 8) % slots if slots else 0
        for i in range(slots):
            slot_hash, record = _PAIR.unpack(self.exactly(8, position + (start + i) % slots * 8))
            if record == 0:
                return
            if slot_hash == h:
                key_len, data_len = _PAIR.unpack(self.exactly(8, record))
                if key_len == len(key) and self.exactly(key_len, record + 8) == key:
                    yield record, data_len


def reader(data: bytes) -> Reader:
    """Look-ups in a cdb that is already in memory."""
    return Reader(within(data))


def within(data: bytes) -> ReadAt:
    return lambda length, offset: data[offset : offset + length]


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All (key, data) pairs of a whole file in order. Raises ValueError on a damaged file."""
    end = min(position for position, _ in reader(data).places(len(data)))
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
