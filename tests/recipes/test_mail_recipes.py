"""The pages of docs/recipes about mail on its way do what they say."""

from __future__ import annotations

from tests.recipes.conftest import World
from tests.support import unprivileged


def test_dot_qmail(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("dot-qmail.md").run()


def test_virtual_domains(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("virtual-domains.md").run()


def test_users(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    page = world.page("users.md")
    page.places |= {":65534:65534:": f":{unprivileged.UID}:{unprivileged.GID}:"}
    page.run()


def test_dot_forward(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("dot-forward.md").run()


def test_fastforward(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("fastforward.md").run()


def test_from_sendmail(world: World) -> None:
    world.m.start("queue-writer", "qmail-send", "smtpd")
    page = world.page("from-sendmail.md")
    page.places = {"127.0.0.1 2525": f"127.0.0.1 {world.m.e.smtp_port}", "/usr/sbin": f"{world.folder}/sbin", **page.places}
    (world.folder / "sbin").mkdir()
    page.run()
