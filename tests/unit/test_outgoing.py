"""Which addresses requests of ours may go to: none inside, however it is written."""

import pytest

from domain.outgoing import may_connect, read_target

HTTPS = read_target("https://id.example.org/x")
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"]
INSIDE = [
    "127.0.0.1", "127.0.0.2", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
    "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_asked(address):
    assert may_connect(HTTPS, [address])


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_asked_also_not_beside_a_public_one(address):
    assert not may_connect(HTTPS, [address])
    assert not may_connect(HTTPS, [PUBLIC[0], address])


def test_a_name_without_an_address_is_not_asked():
    assert not may_connect(HTTPS, [])


def test_development_reaches_this_machine_and_nothing_else_inside():
    plain = read_target("http://127.0.0.1:9/x", loopback=True)
    assert may_connect(plain, ["127.0.0.1"], loopback=True)
    assert may_connect(HTTPS, ["::1"], loopback=True)
    assert not may_connect(plain, ["127.0.0.1"])
    assert not may_connect(plain, ["8.8.8.8"], loopback=True)
    assert not may_connect(HTTPS, ["10.0.0.1"], loopback=True)


@pytest.mark.parametrize("url, host, port, path, authority", [
    ("https://id.example.org", "id.example.org", 443, "/", "id.example.org"),
    ("https://ID.Example.org:8443/a?b=c", "id.example.org", 8443, "/a?b=c", "id.example.org:8443"),
    ("https://[2606:4700::1111]/a", "2606:4700::1111", 443, "/a", "[2606:4700::1111]"),
])  # fmt: skip
def test_an_address_is_read(url, host, port, path, authority):
    target = read_target(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize("url", [
    "", "id.example.org", "//id.example.org", "http://id.example.org", "file:///etc/passwd", "gopher://id.example.org", "https://",
    "https:///x", "https://good@evil.example", "https://good:pw@evil.example", "https://id.example.org#x", "https://id.example.org/\\evil",
    "https://id.example.org\\@evil.example", "https://id.example.org/a b", "https://id.example.org/\r\nHost: evil", "https://ünï.example",
    "https://id.example.org:0", "https://id.example.org:99999", "https://id.example.org:x", "https://%31%32%37.0.0.1", "https://[::1%25eth0]/",
    "https://[::1", "https://-x.example", "https://" + "a" * 2_000,
])  # fmt: skip
def test_what_is_no_plain_address_is_refused(url):
    with pytest.raises(ValueError):
        read_target(url)
