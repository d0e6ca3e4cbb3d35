"""The transport under kombu and under real Celery workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kombu import Connection, Consumer, Exchange, Queue
from kombu.exceptions import OperationalError

from appliance import broker
from appliance.broker_file import BrokerFile
from tests.conftest import ROOT
from tests.support.process import eventually

broker.register()
QUEUE = Queue("q", Exchange("q", type="direct"), routing_key="q")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"tawnysqlite://{tmp_path}/broker.sqlite3"


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with Connection(url) as found:
        yield found


def publish(connection: Connection, body: object, **headers: object) -> None:
    with connection.Producer() as producer:
        producer.publish(body, exchange=QUEUE.exchange, routing_key="q", declare=[QUEUE], headers=headers, serializer="json")


def size(connection: Connection) -> int:
    return BrokerFile("/" + connection.virtual_host).size("q")


def drain(connection: Connection, on_message: Callable[[Any, Any], None], **options: Any) -> None:
    with Consumer(connection, [QUEUE], callbacks=[on_message], accept=["json"], **options):
        connection.drain_events(timeout=5)


@pytest.mark.parametrize("name", broker.ALIASES)
def test_it_is_known_by_its_urls(name: str, tmp_path: Path) -> None:
    with Connection(f"{name}://{tmp_path}/a.sqlite3") as connection:
        connection.connect()
        assert isinstance(connection.transport, broker.Transport)
    assert (tmp_path / "a.sqlite3").exists()


def test_its_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "a b#%23ä?.sqlite3"
    with Connection(f"tawnysqlite://{quote(str(path))}") as connection:
        connection.connect()
    assert path.exists()


def test_it_says_when_its_file_cannot_be_opened(tmp_path: Path) -> None:
    with Connection(f"tawnysqlite://{tmp_path}/none/a.sqlite3") as connection, pytest.raises(OperationalError, match="No such file"):
        connection.ensure_connection(max_retries=1, interval_start=0)


def test_it_brings_what_was_sent(connection: Connection) -> None:
    publish(connection, {"text": "größer", "n": [1, 2, None]}, word="x")
    got: list[Any] = []
    drain(connection, lambda body, message: (got.append((body, message.headers["word"])), message.ack()))  # type: ignore[func-returns-value]
    assert got == [({"text": "größer", "n": [1, 2, None]}, "x")]
    assert size(connection) == 0


def test_it_says_when_nothing_comes_in_time(connection: Connection) -> None:
    with Consumer(connection, [QUEUE]), pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.01)


@pytest.mark.parametrize(
    ("why", "settle", "left"),
    [
        ("acknowledged: it is done", lambda message: message.ack(), 0),
        ("refused for good", lambda message: message.reject(), 0),
        ("given back", lambda message: message.requeue(), 1),
        ("neither: given back when the connection closes", lambda message: None, 1),
    ],
)
def test_it_settles(why: str, settle: Callable[[Any], None], left: int, url: str) -> None:
    with Connection(url) as connection:
        publish(connection, "x")
        drain(connection, lambda body, message: settle(message))
    with Connection(url) as connection:
        assert size(connection) == left, why
        if left:
            again: list[object] = []
            drain(connection, lambda body, message: again.append(body))
            assert again == ["x"]


def test_it_removes_what_a_consumer_never_acknowledges(connection: Connection) -> None:
    publish(connection, "x")
    drain(connection, lambda body, message: None, no_ack=True)
    publish(connection, "y")
    with connection.SimpleQueue(QUEUE, no_ack=True) as simple:
        assert simple.get(timeout=5).payload == "y"
    assert BrokerFile("/" + connection.virtual_host)._db.execute("SELECT count(*) FROM message").fetchone() == (0,)


@pytest.mark.parametrize(
    ("why", "eta", "is_held"),
    [
        ("in an hour", lambda now: (now + timedelta(hours=1)).isoformat(), True),
        ("in an hour, zone not said", lambda now: (now + timedelta(hours=1)).replace(tzinfo=None).isoformat(), True),
        ("long ago", lambda now: "2001-01-01T00:00:00+00:00", False),
        ("none", lambda now: None, False),
        ("not a time", lambda now: "soon", False),
    ],
)
def test_it_keeps_tasks_for_later(why: str, eta: Callable[[datetime], str | None], is_held: bool, connection: Connection) -> None:
    publish(connection, "x", eta=eta(datetime.now(UTC)))
    assert (BrokerFile("/" + connection.virtual_host).claim("q") is None) == is_held, why


def test_it_gives_one_consumer_no_more_than_it_wants(connection: Connection) -> None:
    for number in range(3):
        publish(connection, number)
    got: list[Any] = []
    with Consumer(connection, [QUEUE], callbacks=[lambda body, message: got.append(message)], prefetch_count=1):
        connection.drain_events(timeout=5)
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.01)
        got[0].ack()
        connection.drain_events(timeout=5)
    assert [message.payload for message in got] == [0, 1]


# -- workers -----------------------------------------------------------------------------------------------------------------------


WORKER = ("-A", "tests.appliance.worker_app", "worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "WARNING")


class Workers:
    """Real ones, of tests/appliance/worker_app."""

    def __init__(self, folder: Path, url: str) -> None:
        self._env = {**os.environ, "TEST_BROKER": url, "PYTHONPATH": str(ROOT)}
        self._env.pop("DJANGO_SETTINGS_MODULE", None)
        self._log = folder / "workers.log"
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "celery", *WORKER], cwd=ROOT, env=self._env, stdout=log, stderr=log)
        self._running.append(process)
        return process

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def workers(tmp_path: Path, url: str) -> Iterator[Workers]:
    found = Workers(tmp_path, url)
    yield found
    found.end()


def send(url: str, task: str, *tasks_args: list[str]) -> None:
    """As a process that knows only names of tasks."""
    from celery import Celery

    with Celery("producer", broker=url, set_as_current=False, task_ignore_result=True) as app:
        for args in tasks_args:
            app.send_task(f"tests.appliance.worker_app.{task}", args)


def left(url: str) -> int:
    (number,) = BrokerFile(url.partition("://")[2])._db.execute("SELECT count(*) FROM message").fetchone()
    return int(number)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
def test_a_task_whose_worker_is_killed_is_done_by_another(workers: Workers, url: str, tmp_path: Path) -> None:
    notes, may_end = tmp_path / "notes", tmp_path / "may_end"
    send(url, "note_between", [str(notes), str(may_end)])
    first = workers.start()
    eventually(lambda: len(lines(notes)) == 1, workers.said() or "the task does not begin")
    second = workers.start()
    first.kill()
    first.wait()
    eventually(lambda: len(lines(notes)) == 2, "nobody takes the task up again")
    may_end.touch()
    eventually(lambda: left(url) == 0, "the task is not acknowledged")
    assert lines(notes) == [f"begins {first.pid}", f"begins {second.pid}", f"ends {second.pid}"]


@pytest.mark.slow
def test_two_workers_do_a_thousand_tasks_once_each(workers: Workers, url: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    send(url, "note", *([str(notes), str(number)] for number in range(1000)))
    pids = {str(workers.start().pid), str(workers.start().pid)}
    eventually(lambda: left(url) == 0, "the tasks do not come to an end")
    done = [line.split(" ") for line in lines(notes)]
    assert Counter(number for number, _ in done) == Counter(str(number) for number in range(1000))
    assert {pid for _, pid in done} == pids


@pytest.mark.slow
def test_nothing_is_lost_however_often_a_worker_is_killed(workers: Workers, url: str, tmp_path: Path) -> None:
    """Killed wherever it happens to be: before a task, in it, or between its end and its acknowledgement."""
    notes = tmp_path / "notes"
    send(url, "note", *([str(notes), str(number)] for number in range(300)))
    for step in range(1, 7):
        worker = workers.start()
        eventually(lambda: len(lines(notes)) >= step * 40, "the tasks do not go on")  # noqa: B023
        worker.kill()
        worker.wait()
    workers.start()
    eventually(lambda: left(url) == 0, "the tasks do not come to an end")
    done = Counter(line.partition(" ")[0] for line in lines(notes))
    assert set(done) == {str(number) for number in range(300)}
    assert max(done.values()) <= 2  # the one that was under way, or done and not yet acknowledged, when its worker was killed
    assert sum(done.values()) <= 306
