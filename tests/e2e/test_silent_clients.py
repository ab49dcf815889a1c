"""Clients whose line broke without a word: a thread that reads from one must not wait for ever."""

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.server import Server

# Of /proc/net/tcp: a timer that is neither of sending nor of closing.
_ASKING = "02"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's list of connections is Linux's")
def test_a_connection_in_the_middle_of_a_body_is_asked_whether_it_is_there(server: Callable[..., Server]) -> None:
    running = server(workers=1)
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(b"POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
        ours, theirs = f":{running.port:04X}", f":{client.getsockname()[1]:04X}"
        time.sleep(0.3)
        lines = [each.split() for each in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        timers = [each[5].partition(":")[0] for each in lines if each[1].endswith(ours) and each[2].endswith(theirs)]
    assert timers == [_ASKING]
