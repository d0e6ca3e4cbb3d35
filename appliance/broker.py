"""A transport for Celery that needs no server: queues in one SQLite file (broker_file) on this machine.

URL      tawnysqlite:///PATH of the file, or any other URL Celery knows (redis://..., amqp://...) in its place
Options  broker_transport_options: visibility_timeout, the seconds of a lease
Limits   direct and topic exchanges; no fanout, so no remote control, gossip or events; priorities are not looked at. A task for later
         stays in the file until its time has come
Crash    see broker_file: a task is done again when its worker was lost, so tasks must bear that
"""

# mypy: allow-untyped-calls
# kombu has types for some of its functions only

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

from appliance.broker_file import LEASE_S, BrokerFile

ALIASES = ("tawnysqlite", "tawny-sqlite")


class QoS(virtual.QoS):
    """A message is removed when it is acknowledged, or refused for good."""

    def ack(self, delivery_tag: str) -> None:
        self.channel.remove(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.channel.remove(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)  # gives it back through Channel._restore


class Channel(virtual.Channel):
    """The delivery tag of a message is "ID.LEASE" of its claim."""

    QoS = QoS

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._unacknowledged: set[str] = set()  # queues whose consumers never acknowledge

    @property
    def file(self) -> BrokerFile:
        return self.connection.file  # type: ignore[no-any-return]

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self.file.put(queue, dumps(message), _visible(message))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Raises Empty."""
        claim = self.file.claim(queue)
        if claim is None:
            raise Empty
        message: dict[str, Any] = loads(claim.body)
        message["properties"]["delivery_tag"] = f"{claim.id}.{claim.lease}"
        if queue in self._unacknowledged:
            self.file.remove(claim.id)
        return message

    def remove(self, delivery_tag: str) -> None:
        self.file.remove(int(delivery_tag.partition(".")[0]))

    def _restore(self, message: Any) -> None:
        """Another may have it."""
        id_, _, lease = message.delivery_tag.partition(".")
        self.file.release(int(id_), int(lease))

    def _size(self, queue: str) -> int:
        return self.file.size(queue)

    def _purge(self, queue: str) -> int:
        return self.file.purge(queue)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        if no_ack:
            self._unacknowledged.add(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        message = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message is not None and no_ack:
            self.remove(message.delivery_tag)
        return message


class Transport(virtual.Transport):
    """One connection to the file."""

    Channel = Channel
    driver_type = "sql"  # tells Celery that nobody can listen to events here
    driver_name = "tawny-sqlite"
    connection_errors = (OSError, sqlite3.OperationalError)  # type: ignore[assignment]
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic"]))

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        options = client.transport_options
        path = "/" + client.virtual_host.lstrip("/")
        self.file = BrokerFile(path, lease_s=float(options.get("visibility_timeout", LEASE_S)))

    @property
    def default_connection_params(self) -> dict[str, Any]:
        """There is no host."""
        return {}

    def driver_version(self) -> str:
        return sqlite3.sqlite_version

    def establish_connection(self) -> Any:
        self.file.open()
        return super().establish_connection()

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Deliver one message, as soon as there is one. Raises TimeoutError."""
        ends = None if timeout is None else monotonic() + timeout
        while True:
            try:
                self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]
                return
            except Empty:
                left = 60.0 if ends is None else ends - monotonic()
            if left <= 0:
                raise TimeoutError
            self.file.wait(left)

    def close_connection(self, connection: Any) -> None:
        super().close_connection(connection)
        self.file.close()


def _visible(message: dict[str, Any]) -> float:
    """From when on a task may run, as its "eta" says; 0: at once."""
    eta: Any = (message.get("headers") or {}).get("eta")
    try:
        when = datetime.fromisoformat(eta)
    except (TypeError, ValueError):  # none, or one that only the worker understands
        return 0.0
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def register() -> None:
    """Make the URL's first word known to kombu."""
    TRANSPORT_ALIASES.update(dict.fromkeys(ALIASES, "appliance.broker:Transport"))
