"""Quotas, policies and addresses: what they say, what is refused, and whom a limit counts."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actor import GUEST, account
from domain.limits.addresses import client_address, read_networks
from domain.limits.policies import DEFAULTS, NO_POLICIES, default_policies, read_policies, unknown_route
from domain.limits.quotas import LONGEST, MOST, Quota, Tally, full, meter, read_quota, too_many
from domain.limits.visits import Visit, whom


@pytest.mark.parametrize(
    "text, quota",
    [
        ("100/minute", Quota(100, 60)),
        ("1/second", Quota(1, 1)),
        ("5/15 minutes", Quota(5, 900)),
        ("5/15minutes", Quota(5, 900)),
        (" 1000/day ", Quota(1000, 86_400)),
        ("10/31 days", Quota(10, LONGEST)),
        ("1000000/hour", Quota(MOST, 3600)),
    ],
)
def test_a_quota_is_how_many_in_how_long(text, quota):
    assert read_quota(text) == quota


@pytest.mark.parametrize(
    "text",
    ["", "10", "/minute", "0/minute", "-1/minute", "1.5/minute", "10/week", "10/0 minutes", "10/32 days", "1000001/day", "10 per minute",
     "10/minute/2", "١٠/minute", "10/ minute", "1" * 400 + "/minute"],
)  # fmt: skip
def test_anything_else_is_none(text):
    assert read_quota(text) is None


@given(st.integers(1, MOST), st.integers(1, LONGEST))
def test_a_quota_reads_as_it_is_written(count, seconds):
    quota = Quota(count, seconds)
    if seconds < 10_000:  # the form has four digits before its unit
        assert read_quota(str(quota)) == quota


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_keys_are_of_their_parts_and_nothing_else(some, others):
    quota = Quota(5, 60)
    assert (meter("a", quota, *some).key == meter("a", quota, *others).key) == (some == others)


def test_a_key_is_of_name_and_window_and_not_of_the_count():
    one = meter("a", Quota(5, 60), "ann").key
    assert one == meter("a", Quota(9, 60), "ann").key
    assert one != meter("a", Quota(5, 61), "ann").key
    assert one != meter("b", Quota(5, 60), "ann").key


def test_the_refusal_names_the_limit_and_says_when_to_come_again():
    narrow, wide = meter("narrow", Quota(2, 60), "ann"), meter("wide", Quota(9, 60), "ann")
    assert too_many([Tally(narrow, 2, 60), Tally(wide, 9, 60)]) is None
    refusal = too_many([Tally(wide, 3, 60), Tally(narrow, 3, 11.2)])
    assert (refusal.code, refusal.retry_after) == ("too_many_requests", 12)
    assert refusal.detail == "too many requests: the limit `narrow` is 2/minute"
    # Never at once, never beyond the window, and never let in for want of room.
    assert [Tally(narrow, 3, ends).wait for ends in (-5, 0, 0.1, 1e9)] == [1, 1, 1, 60]
    assert full(narrow, 5).is_over


def test_what_a_setting_does_not_name_keeps_its_default():
    read = read_policies("sign-in=5/hour, requests=600/minute,list_records=9/second, password-check = off")
    assert {**read.quotas} == {
        **{name: quota for name, quota in DEFAULTS.items() if name != "password-check"},
        "sign-in": Quota(5, 3600), "requests": Quota(600, 60), "list_records": Quota(9, 1),
    }  # fmt: skip
    assert read.routes.keys() == {
        "ask_passkey", "create_account_key", "create_first_admin", "export_personal_data", "export_records", "list_records",
        "sign_in_anonymously",
    }  # fmt: skip
    assert read_policies(" off ") == NO_POLICIES
    assert default_policies().quotas == DEFAULTS


@pytest.mark.parametrize("text", ["", ",", "sign-in", "=5/minute", "sign-in=", "sign-in=5", "sign-in=none", "a=1/minute,", "on"])
def test_a_setting_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"for example|such as"):
        read_policies(text)


def test_a_route_that_is_not_there_is_named_with_what_was_meant():
    known = ["list_records", *DEFAULTS]
    assert unknown_route(read_policies("list_records=5/minute"), known) is None
    told = unknown_route(read_policies("sing-in=5/minute"), known)
    assert told == "`sing-in` is neither a limit nor an operation; did you mean `sign-in`?"
    assert unknown_route(read_policies("xyz=5/minute"), known) == "`xyz` is neither a limit nor an operation"


OURS = read_networks("10.0.0.0/8, 192.0.2.7, ::1")


@pytest.mark.parametrize(
    "peer, forwarded, trusted, address",
    [
        # Without proxies of ours the header is the client's own invention.
        ("203.0.113.9", "1.2.3.4", (), "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4", (), "10.0.0.1"),
        ("203.0.113.9", "1.2.3.4", OURS, "203.0.113.9"),
        # What a proxy of ours wrote is true, what stands before it is not.
        ("10.0.0.1", "1.2.3.4", OURS, "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", OURS, "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 192.0.2.7, 10.9.9.9", OURS, "1.2.3.4"),
        ("::1", "1.2.3.4:5678", OURS, "1.2.3.4"),
        ("::ffff:10.0.0.1", "1.2.3.4", OURS, "1.2.3.4"),
        # Nonsense is not passed over: the hop behind it is the last that is known.
        ("10.0.0.1", "1.2.3.4, unknown", OURS, "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, , 10.0.0.2", OURS, "10.0.0.2"),
        ("10.0.0.1", "", OURS, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3", OURS, "10.0.0.3"),
        # IPv6 counts by what a customer has.
        ("2001:db8:1:2:3:4:5:6", "", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "", (), "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2::7]:443", OURS, "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", "", (), "1.2.3.4"),
        # A server on a socket of the file system tells no address.
        ("", "1.2.3.4", OURS, ""),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(peer, forwarded, trusted, address):
    assert client_address(peer, forwarded, trusted) == address


@given(st.text(max_size=200))
def test_no_header_is_too_odd(forwarded):
    assert client_address("10.0.0.1", forwarded, OURS)


def test_a_long_header_is_read_from_its_end():
    assert client_address("10.0.0.1", ",".join(["1.1.1.1"] * 5000 + ["2.2.2.2"]), OURS) == "2.2.2.2"
    assert client_address("10.0.0.1", ",".join(["1.1.1.1"] + ["10.0.0.2"] * 5000), OURS) == "10.0.0.2"


def test_networks_are_addresses_or_networks():
    assert (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("::1/128")) == OURS
    for wrong in ("10.0.0.1/8", "proxy", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=r"."):
            read_networks(wrong)


def test_accounts_are_counted_wherever_they_are_and_guests_where_they_are():
    here, there = Visit("203.0.113.1"), Visit("203.0.113.2")
    ann, her_namesake = account("ann", "users"), account("ann", "staff")
    assert whom(ann, here) == whom(ann, there) != whom(her_namesake, here)
    assert whom(GUEST, here) != whom(GUEST, there)
