from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import dotqmail, maildirsize, vpasswd
from webadmin.accounts import names, passwords


@given(st.text(max_size=30))
def test_a_name_it_takes_can_stand_in_every_file(typed: str) -> None:
    try:
        name = names.local_name(typed)
    except ValidationError:
        return
    assert vpasswd.valid_name(name.encode())
    assert "/" not in name
    assert names.local_name(name) == name


@given(st.text(max_size=40))
def test_a_target_it_takes_is_one_forward(typed: str) -> None:
    try:
        address = names.target(typed)
    except ValidationError:
        return
    (line,) = dotqmail.read(dotqmail.forward_line(address.encode()))
    assert (line.kind, line.text) == (dotqmail.Kind.FORWARD, address.encode())


@given(st.text(max_size=70))
def test_a_persons_name_it_takes_does_not_break_the_line(typed: str) -> None:
    try:
        gecos = names.gecos(typed)
    except ValidationError:
        return
    account = vpasswd.Account(b"joe", b"x", 1, 0, gecos.encode(), b"/d", b"NOQUOTA")
    assert vpasswd.read(vpasswd.write([account])) == [account]


@given(st.text(alphabet="0123456789KMGSCBkmgscb,. -", max_size=16))
def test_a_quota_it_takes_reads_back(typed: str) -> None:
    try:
        quota = names.quota(typed)
    except ValidationError:
        return
    assert maildirsize.write_quota(maildirsize.read_quota(quota.encode())) == quota.encode()
    assert names.quota(quota) == quota


@pytest.mark.parametrize("address", ["joe", "@example.org", "joe@", "joe@nodots", "joe@example.org@", ""])
def test_what_is_no_address_of_ours_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        names.split_address(address)


def test_an_address_is_taken_apart_at_its_last_sign() -> None:
    assert names.split_address(" Joe@Example.ORG ") == ("joe", "example.org")


def test_a_made_up_password_is_long_and_another_each_time() -> None:
    assert len(passwords.random_password()) == 12
    assert len({passwords.random_password() for _ in range(50)}) == 50


def test_octets_that_are_no_text_are_no_password() -> None:
    with pytest.raises(ValidationError, match="UTF-8"):
        passwords.hashed("geheim\udcff")
