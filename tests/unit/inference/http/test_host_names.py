"""Names of hosts: what is one, in which form they are compared, and what an option `--host` stands for."""

from __future__ import annotations

import argparse

import pytest

from textrnn.inference.http.host_names import host_argument, hosts_of, origin_argument, parse_host, split_port


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("localhost", "localhost", ""),
        ("LocalHost.:8000", "localhost", "8000"),
        ("127.0.0.1:0", "127.0.0.1", "0"),
        ("a.b-c.example:65535", "a.b-c.example", "65535"),
        ("my_host", "my_host", ""),
        ("localhost:", "localhost", ""),
        ("[::1]:80", "::1", "80"),
        ("[0:0:0:0:0:0:0:1]", "::1", ""),
        ("[FE80::A]", "fe80::a", ""),
        *(
            (value, None, "")
            for value in (
                *("", ":", ":80", ".", "..", "a..b", ".a", "a b", "a,b", "a/b", "a@b", "user:1@localhost", "http://a"),
                *("localhost:65536", "localhost:123456", "localhost:-1", "localhost:8e1", "localhost:٨", "a:1:2"),
                *("::1", "[::1", "::1]", "[]", "[::1]a", "[::g]", "[1:2]", "[fe80::1%25eth0]", "[127.0.0.1]"),
                *("lócalhost", "a\x00", "a\n", "localhost\\", "*", "a*"),
            )
        ),
    ],
)
def test_hosts_and_ports(value, host, port):
    assert split_port(value) == (host, port)


def test_hosts_of_the_command_line():
    assert [host_argument(name) for name in ("One.Example.", "10.0.0.1", "::1", "[::1]")] == [
        *("one.example", "10.0.0.1"),
        *("::1", "::1"),
    ]
    for wrong in ("a:80", "https://a", "", "*", "a/b", "[::1]:80", "a:b:c"):
        with pytest.raises(argparse.ArgumentTypeError, match="must be a host name or an address"):
            host_argument(wrong)
    assert parse_host("a:80") is None


def test_origins_of_the_command_line():
    expected = {
        "https://Example.org": "https://example.org",
        "http://localhost:3000": "http://localhost:3000",
        "https://a:443": "https://a",
        "http://a:80": "http://a",
        "http://a:443": "http://a:443",
        "http://[::1]:5": "http://[::1]:5",
    }
    assert {origin: origin_argument(origin) for origin in expected} == expected
    for wrong in ("*", "null", "example.org", "https://a/", "https://a/b", "ftp://a", "https://", "https://a b"):
        with pytest.raises(argparse.ArgumentTypeError, match="must be a scheme and a host"):
            origin_argument(wrong)


def test_the_host_that_is_bound_is_allowed_unless_it_is_all_addresses():
    assert hosts_of("127.0.0.2", "127.0.0.2") == {"127.0.0.2"}
    assert hosts_of("My-Machine.", "192.168.1.5") == {"my-machine", "192.168.1.5"}
    assert hosts_of("::1", "::1") == {"::1"}
    assert hosts_of("fe80::1%eth0", "fe80::1%eth0") == {"fe80::1%eth0", "fe80::1"}
    assert [hosts_of("0.0.0.0", "0.0.0.0"), hosts_of("0", "0.0.0.0"), hosts_of("::", "::")] == [set()] * 3
