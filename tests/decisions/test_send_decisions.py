"""What qmail-send decides: routes, dates, VERP, where bounces go, what reports mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import bounce_route, retry, spawn_report, verp
from mta.decisions.rewrite import Controls, rewrite, strip_prepend

CONTROLS = Controls(
    b"envno.example", frozenset((b"here.example",)), frozenset((b"pct.example",)), {b"v.example": b"joe-v", b"out.example": b""}
)
words = st.from_regex(rb"\A[a-zA-Z%.@-]{0,30}\Z")


@given(words)
def test_a_route_always_has_a_domain_and_local_ones_are_known(recipient: bytes) -> None:
    route = rewrite(recipient, CONTROLS)
    assert b"@" in route.address
    if route.channel == b"local":
        assert route.why in ("locals", "virtualdomains")
    else:
        assert route.address.rpartition(b"@")[2].lower() not in CONTROLS.locals


@pytest.mark.parametrize(
    ("why", "rewritten", "known_as"),
    [
        ("its domain's prefix goes", b"joe-v-X.y@v.example", b"X.y@v.example"),
        ("case matters", b"JOE-V-x@v.example", b"JOE-V-x@v.example"),
        ("no prefix there", b"x@v.example", b"x@v.example"),
        ("an exception has none", b"x@out.example", b"x@out.example"),
        ("nobody's domain", b"joe-v-x@else.example", b"joe-v-x@else.example"),
    ],
)
def test_a_bounce_names_who_the_sender_wrote_to(why: str, rewritten: bytes, known_as: bytes) -> None:
    assert strip_prepend(rewritten, CONTROLS.virtualdomains) == known_as, why


def test_attempts_are_spaced_by_squares() -> None:
    for channel, ages in ((b"local", [0, 100, 400, 900, 1600]), (b"remote", [0, 400, 1600, 3600])):
        age_s = 0
        for wanted in ages[1:]:
            age_s = retry.next_retry(1000, 1000 + age_s, channel) - 1000
            assert age_s == wanted


def test_the_last_attempts_are_the_79th_and_the_40th() -> None:
    for channel, number in ((b"local", 79), (b"remote", 40)):
        age_s, count = 0, 1
        while not retry.is_dying(0, age_s, 604800):
            age_s, count = retry.next_retry(0, age_s, channel), count + 1
        assert (age_s, count) == (608400, number)


@given(st.integers(0, 2**33), st.integers(-(2**20), 2**24), st.sampled_from([b"local", b"remote"]))
def test_the_next_attempt_lies_ahead_and_not_for_ever(birth_s: int, age_s: int, channel: bytes) -> None:
    now_s = birth_s + age_s
    wait_s = retry.next_retry(birth_s, now_s, channel) - now_s
    assert 0 < wait_s <= 2 * retry.SKIP[channel] * (max(0, age_s) ** 0.5 + 1) + retry.SKIP[channel] ** 2


@pytest.mark.parametrize(
    ("sender", "recipient", "written"),
    [
        (b"lst-@h-@[]", b"joe@x.example", b"lst-joe=x.example@h"),
        (b"lst-@h-@[]", b"joe-vd-x@virt.example", b"lst-joe-vd-x=virt.example@h"),
        (b"a@b", b"joe@x", b"a@b"),
        (b"-@[]", b"joe@x", b"-@[]"),
        (b"lst-@h-@[]", b"noat", b"lst-@h-@[]"),
        (b"", b"joe@x", b""),
    ],
)
def test_verp(sender: bytes, recipient: bytes, written: bytes) -> None:
    assert verp.sender_for(sender, recipient) == written


@pytest.mark.parametrize(
    ("sender", "route"),
    [
        (b"ada@x", (b"", b"ada@x", False)),
        (b"pre@host-@[]", (b"", b"pre@host", False)),
        (b"", (b"#@[]", b"pm@h", True)),
    ],
)
def test_a_bounce_goes_to(sender: bytes, route: tuple[bytes, bytes, bool]) -> None:
    assert bounce_route.bounce_route(sender, b"pm@h") == bounce_route.BounceRoute(*route)


def test_the_third_bounce_goes_nowhere() -> None:
    assert bounce_route.bounce_route(b"#@[]", b"pm@h") is None


@pytest.mark.parametrize(
    ("exit_", "output", "letter", "text"),
    [
        (0, b"did 1+0+0\n", b"K", b"did 1+0+0\n"),
        (100, b"a\0b", b"D", b"a"),
        (111, b"later", b"Z", b"later"),
        (71, b"x", b"Z", b"x"),
        (75, b"x", b"Z", b"x"),
        (1, b"x", b"D", b"x"),
        (-9, b"x", b"Z", b"qmail-local crashed.\n"),
        (113, b"x", b"Z", b"Not allowed to perform deliveries as root.\n"),
        (126, b"", b"D", b"Unable to run qmail-local.\n"),
    ],
)
def test_a_local_report(exit_: int, output: bytes, letter: bytes, text: bytes) -> None:
    assert spawn_report.local(exit_, output) == (letter, text)


def test_p08_a_long_local_report_is_cut() -> None:
    letter, text = spawn_report.local(100, b"x" * 20000)
    assert (letter, text) == (b"D", b"x" * 2966 + b"\nError report too long, sorry.\n")


@pytest.mark.parametrize(
    ("output", "letter", "text"),
    [
        (b"r\0Kok text\n\0", b"K", b"ok text\n"),
        (b"hperm\n\0DGiving up\n\0", b"D", b"perm\nGiving up\n"),
        (b"stemp\n\0DGiving up\n\0", b"Z", b"temp\nGiving up\n"),
        (b"hperm\n\0Kaccepted\n\0", b"D", b"perm\n"),
        (b"sx\n\0Zy\n\0", b"Z", b"x\ny\n"),
        (b"r\0", b"D", b""),
        (b"garbage", b"D", b""),
        (b"", b"Z", b"qmail-remote produced no output.\n"),
    ],
)
def test_p12_a_remote_report(output: bytes, letter: bytes, text: bytes) -> None:
    assert spawn_report.remote(0, output) == (letter, text)


@pytest.mark.parametrize(
    ("exit_", "letter", "text"),
    [(111, b"Z", b"Unable to run qmail-remote.\n"), (1, b"D", b"Unable to run qmail-remote.\n"), (-11, b"Z", b"qmail-remote crashed.\n")],
)
def test_a_qmail_remote_that_could_not_run(exit_: int, letter: bytes, text: bytes) -> None:
    assert spawn_report.remote(exit_, b"r\0Kx\0") == (letter, text)
