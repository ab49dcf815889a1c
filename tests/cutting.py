"""A line that breaks: it stands between a client and a server, and cuts each connection after some bytes, without a word."""

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_RESET = struct.pack("ii", 1, 0)


@dataclass
class Line:
    """`port` is where clients ask; `cuts` counts the connections that were broken."""

    server: int
    fewest: int
    most: int
    cuts: int = 0
    whole: bool = False  # from now on nothing is cut
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _carry(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.server), timeout=20)
        except OSError:
            _break(client)
            return
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        left = random.randint(self.fewest, self.most)
        try:
            while data := client.recv(65_536):
                if not self.whole and len(data) > left:
                    server.sendall(data[:left])
                    self.cuts += 1
                    raise ConnectionResetError
                left -= len(data)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:  # cut, or one of them has gone: the other is told
            _break(client)
            _break(server)


@contextmanager
def cut_line(server: int, fewest: int, most: int) -> Iterator[Line]:
    line = Line(server, fewest, most)
    thread = threading.Thread(target=line.run)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join()


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        _break(source)
        _break(to)


def _break(end: socket.socket) -> None:
    """By a reset, as when somebody goes away; a socket that another thread reads from is not closed before it is shut down."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RD)
    end.close()
