"""The records between a front and the login broker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.errors import MailError, Permanent, Temporary
from mta.formats import login_call
from mta.formats.login_call import Login, Request

words = st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b)
requests = st.builds(
    Request, st.sampled_from(sorted(login_call.SERVICES)), words, words, words | st.just(b""), st.binary(max_size=login_call.UNREAD_MAX)
)
numbers = st.integers(min_value=0, max_value=1 << 32)
logins = st.builds(Login, words, words, words | st.just(b""), numbers, numbers, numbers)


@given(requests)
def test_it_reads_the_request_it_wrote(request: Request) -> None:
    record = login_call.write_request(request)
    assert login_call.read_request(record) == request
    assert len(record) <= login_call.RECORD_MAX


@given(logins)
def test_it_reads_the_login_it_wrote(login: Login) -> None:
    assert login_call.read_answer(login_call.write_login(login)) == login


def test_the_longest_request_fits_into_a_record() -> None:
    longest = Request(b"webmail", b"n" * 255, b"p" * 256, b"i" * 45, b"u" * 400)
    assert login_call.read_request(login_call.write_request(longest)) == longest


@pytest.mark.parametrize(
    ("why", "request_"),
    [
        ("a NUL would begin another field", Request(b"pop3", b"jo\0e", b"x", b"")),
        ("a NUL in the password, which crypt would cut there", Request(b"pop3", b"joe", b"x\0y", b"")),
        ("a name longer than any mailbox's", Request(b"pop3", b"n" * 256, b"x", b"")),
        ("a password of 100 kB", Request(b"pop3", b"joe", b"p" * 100_000, b"")),
        ("no name", Request(b"pop3", b"", b"x", b"")),
        ("no password: crypt of nothing is something, too", Request(b"pop3", b"joe", b"", b"")),
        ("a service we do not have", Request(b"telnet", b"joe", b"x", b"")),
        ("more unread than a front reads at a time", Request(b"pop3", b"joe", b"x", b"", b"u" * 401)),
    ],
)
def test_it_never_writes(why: str, request_: Request) -> None:
    with pytest.raises(ValueError):
        login_call.write_request(request_)


@pytest.mark.parametrize(
    ("why", "record"),
    [
        ("nothing", b""),
        ("another version", b"2\0pop3\0joe\0x\0\0"),
        ("cut short", b"1\0pop3\0joe\0x"),
        ("too long", b"1\0pop3\0joe\0x\0\0" + b"u" * 1024),
    ],
)
def test_it_refuses_a_request(why: str, record: bytes) -> None:
    with pytest.raises(ValueError):
        login_call.read_request(record)


@given(st.binary(max_size=200))
def test_reading_raises_nothing_unforeseen(data: bytes) -> None:
    for read in (login_call.read_request, login_call.read_answer):
        try:
            read(data)
        except (ValueError, MailError):
            pass


@pytest.mark.parametrize("failure", [Permanent("no\r\n+OK"), Temporary("later")])
def test_a_failure_stays_of_its_class_and_on_one_line(failure: MailError) -> None:
    with pytest.raises(type(failure)) as caught:
        login_call.read_answer(login_call.write_failure(failure))
    assert caught.value.text == failure.text.replace("\r\n", "??")
