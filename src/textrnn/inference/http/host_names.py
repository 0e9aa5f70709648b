"""Names of hosts, as `Host` and the command line have them, in the form in which they are compared."""

from __future__ import annotations

import argparse
import ipaddress
import re

LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAME = re.compile(r"([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?|\[([0-9a-f:.]+)\]", re.I | re.A)
HOST_AND_PORT = re.compile(r"([^:\[\]]+|\[[^\[\]]+\])(?::([0-9]{0,5}))?", re.A)
ORIGIN = re.compile(r"(https?)://(.+)", re.A)
DEFAULT_PORTS = {"http": "80", "https": "443"}
MAX_PORT = 65535


def parse_host(name: str) -> str | None:
    """A name or an address in lower case, an IPv6 address without its brackets; None if it is neither."""
    match = NAME.fullmatch(name)
    if match is None:
        return None
    if match[2] is None:
        return match[1].lower()
    try:
        return ipaddress.IPv6Address(match[2]).compressed
    except ValueError:
        return None


def split_port(value: str) -> tuple[str | None, str]:
    """The host of a value `host` or `host:port`, and the port, which may be empty; a host of None if it is neither."""
    match = HOST_AND_PORT.fullmatch(value)
    if match is None or int(match[2] or 0) > MAX_PORT:
        return None, ""
    return parse_host(match[1]), match[2] or ""


def host_argument(argument: str) -> str:
    """Argparse type: a host name or an address, without a port."""
    is_bare_address = argument.count(":") > 1 and not argument.startswith("[")
    host = parse_host(f"[{argument}]" if is_bare_address else argument)
    if host is None:
        raise argparse.ArgumentTypeError("must be a host name or an address, without a scheme or a port")
    return host


def origin_argument(argument: str) -> str:
    """Argparse type: an origin as browsers send it, so without the port if it is that of the scheme."""
    match = ORIGIN.fullmatch(argument.lower())
    host, port = split_port(match[2]) if match else (None, "")
    if match is None or host is None:
        raise argparse.ArgumentTypeError("must be a scheme and a host, such as https://example.org, without a path")
    host = f"[{host}]" if ":" in host else host
    return f"{match[1]}://{host}" + (f":{port}" if port not in ("", DEFAULT_PORTS[match[1]]) else "")


def hosts_of(bound: str, address: str) -> set[str]:
    """The hosts that an option `--host` stands for, which is bound to an address; none if that is all addresses."""
    parsed = ipaddress.ip_address(address.partition("%")[0])  # without the zone of an address of one link
    return set() if parsed.is_unspecified else {bound.lower().rstrip("."), parsed.compressed}
