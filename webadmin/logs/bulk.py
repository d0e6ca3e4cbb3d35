"""Many rows in one statement's time. (The ORM's bulk_create takes 40 microseconds a row, which was most of the time of an analysis.)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from webadmin.models import HourCount

HOUR_NS = 3_600_000_000_000
ROWS_MAX = 200  # in one statement

CountKey = tuple[int, str, str]  # hours since 1970, what, domain
Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_NAIVE = datetime(1970, 1, 1)


def when(time_ns: int) -> datetime:
    """To the microsecond, which is all that columns hold."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def clock() -> Callable[[int], Any]:
    """-> nanoseconds to a time as the database's driver takes it."""
    return _when_sqlite if connection.vendor == "sqlite" else when


def _when_sqlite(time_ns: int) -> str:
    """As Django's connection.ops.adapt_datetimefield_value writes it, at a fifth of the price."""
    return str(_EPOCH_NAIVE + timedelta(microseconds=time_ns // 1000))


def insert(model: type[models.Model], names: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Rows that are there already stay as they are. names: of columns."""
    for _ in _statements(model, names, rows, "ON CONFLICT DO NOTHING"):
        pass


def save(
    model: type[models.Model], names: tuple[str, ...], rows: Iterable[Row], key: tuple[str, ...], changes: tuple[str, ...]
) -> dict[Row, int]:
    """Rows whose key is there already get the changes. -> key, as texts, to id. No key may come twice."""
    ids: dict[Row, int] = {}
    sets = ", ".join(f"{_quote(name)} = EXCLUDED.{_quote(name)}" for name in changes)
    tail = f"ON CONFLICT ({_list(key)}) DO UPDATE SET {sets} RETURNING id, {_list(key)}"
    for cursor in _statements(model, names, rows, tail):
        ids |= {tuple(map(str, values)): id_ for id_, *values in cursor.fetchall()}
    return ids


def add_counts(counts: Mapping[CountKey, tuple[int, int]], *, is_day: bool = False) -> None:
    """counts: key -> number, octets; added to what the rows hold."""
    table, at = _quote(HourCount._meta.db_table), clock()
    rows = [(at(key[0] * HOUR_NS), is_day, key[1], key[2], *value) for key, value in sorted(counts.items())]
    sums = ", ".join(f"{name} = {table}.{name} + EXCLUDED.{name}" for name in ("number", "size_bytes"))
    key = ("hour", "is_day", "what", "domain")
    for _ in _statements(HourCount, (*key, "number", "size_bytes"), rows, f"ON CONFLICT ({_list(key)}) DO UPDATE SET {sums}"):
        pass


def _statements(model: type[models.Model], names: tuple[str, ...], rows: Iterable[Row], tail: str) -> Iterator[CursorWrapper]:
    """Carry them out, one by one."""
    head = f"INSERT INTO {_quote(model._meta.db_table)} ({_list(names)})"
    values = _unnested(model, names) if connection.vendor == "postgresql" else _values
    left = iter(rows)
    with connection.cursor() as cursor:
        while some := list(islice(left, ROWS_MAX)):
            text, parameters = values(some)
            cursor.execute(f"{head} {text} {tail}", parameters)
            yield cursor


def _values(rows: list[Row]) -> tuple[str, list[Any]]:
    holes = f"({', '.join(['%s'] * len(rows[0]))})"
    return f"VALUES {', '.join([holes] * len(rows))}", list(chain.from_iterable(rows))


def _unnested(model: type[models.Model], names: tuple[str, ...]) -> Callable[[list[Row]], tuple[str, list[Any]]]:
    """An array for each column: psycopg takes longer to find the places of thousands of values than PostgreSQL to store them."""
    types = [model._meta.get_field(name).db_type(connection) for name in names]
    text = f"SELECT * FROM unnest({', '.join(f'%s::{type_}[]' for type_ in types)})"  # noqa: S608 - names of ours
    return lambda rows: (text, [list(column) for column in zip(*rows, strict=True)])


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(map(_quote, names))
