"""Serve the application with Granian: worker processes, their cores, and a clean end."""

import ctypes
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketSpec
from granian.server.mp import MPServer

from app.settings import Settings, available_cores

# A client gets this long for its headers: slow ones hold a connection, not a thread.
_HEADER_SECONDS = 10
# Headers of a sane request fit many times over; granian's own default is 400 KiB for each connection.
_HEADER_BYTES = 64 * 1024
# Requests under way may end in peace; a worker that is not gone after this is killed.
_GRACE_SECONDS = 10
# After so many seconds of silence a client is asked whether it is there, so often, and is given up when it never answers: after 30 s.
_STILL_THERE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
# Connections that a worker accepts at once; more wait in the kernel's queue. Most are idle keep-alives, so this is far above `threads`.
_CONNECTIONS = 1024
# Workers count from 1; one that is started anew has the number of the one before it.
_HOUSEKEEPER = 1
# M_MMAP_THRESHOLD and M_ARENA_MAX of mallopt(3).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8


Watch = Callable[[Callable[[], object]], None]


def _number_of(host: str) -> str:
    """The server listens on numbers. Of a name that has several, on that of IPv4: `localhost` is what most clients try there."""
    found = sorted(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), key=lambda each: each[0] is not socket.AF_INET)
    return str(found[0][4][0])


def run(settings: Settings, make_application: Callable[..., Any], watch: Watch = lambda again: None) -> None:
    """Returns when Ctrl-C or SIGTERM ended it. `make_application(keeps_house=…)` runs in each worker and answers (WSGI application,
    close); one worker keeps house. `watch` is called with what starts the workers anew."""
    _share_memory()
    _keep_memory_low()
    worker = _Worker(settings, make_application)
    server = MPServer(
        "stillroom",
        address=_number_of(settings.host),
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_SECONDS * 1000, max_buffer_size=_HEADER_BYTES),
        ssl_cert=settings.tls_certificate,
        ssl_key=settings.tls_key,
        # 1.2 for phones and libraries from before 2019; the server (rustls) has no weak ciphers in either.
        ssl_protocol_min=SSLProtocols.tls12,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_SECONDS,
    )
    watch(server.signal_handler_reload)
    server.serve(spawn_target=worker, target_loader=worker.load, wrap_loader=False)


def _share_memory() -> None:
    """Workers are forked after everything is imported, and share those pages. Before the collector's counters would touch and so
    copy them, what exists now is taken out of its sight."""
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)
        gc.collect()
        gc.freeze()


def _keep_memory_low() -> None:
    """Hashing a password takes a block of some 20 MiB. Once glibc has seen one freed, it keeps such blocks in each thread's heap for
    later; with its threshold set they go back to the system as soon as they are free. What a long transaction held in pieces stays
    with the heap that it came from, and each thread would have its own: two serve all of them. Other C libraries need neither."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, 2 * 1024 * 1024)
        set_option(_ARENA_MAX, 2)


class _Worker:
    """What runs in a worker process."""

    def __init__(self, settings: Settings, make_application: Callable[..., Any]) -> None:
        self._settings, self._make_application = settings, make_application
        self._server, self._id = os.getpid(), 0
        self._close: Callable[[], None] = lambda: None

    def __call__(self, worker_id: int, *rest: Any) -> None:
        # Ctrl-C reaches the whole process group; only the server's process acts on it, and it tells the workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        # Until the worker listens for it, the server's own handler would be in its place, and do nothing.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._id = worker_id
        self._pin(worker_id)
        threading.Thread(target=_end_with, args=(self._server,), daemon=True).start()
        try:
            MPServer._spawn_wsgi_worker(worker_id, *map(_asking, rest))
        finally:
            self._close()

    def load(self) -> Any:
        _hide_secrets()
        application, self._close = self._make_application(keeps_house=self._id == _HOUSEKEEPER)
        return application

    def _pin(self, worker_id: int) -> None:
        core = core_for(self._settings, worker_id - 1)
        if core is not None:
            os.sched_setaffinity(0, {core})


def _asking(argument: Any) -> Any:
    """Where the worker is to listen, in a socket that asks clients which are silent whether they are still there, and whose connections
    do so too: one whose line broke without a word (a phone in a tunnel) would keep the thread that reads its body for ever."""
    match argument:
        case ((SocketSpec() as place, _), shared):
            listening = place.build()
            with socket.socket(fileno=os.dup(listening.get_fd())) as ours:
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for name, value in _STILL_THERE.items():
                    if hasattr(socket, name):
                        ours.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            return (None, listening), shared
    return argument


def core_for(settings: Settings, worker: int) -> int | None:
    """The core that is this worker's own, counted from 0; None where it has none to itself or the platform cannot tell."""
    if settings.pin_workers == "off" or not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    fits = settings.workers <= len(cores) if settings.pin_workers == "on" else settings.workers == len(cores) == available_cores()
    return cores[worker] if fits else None


def _hide_secrets() -> None:
    """The server copies the environment into each request's environ, where a crash report might show it, and where a variable
    named HTTP_SOMETHING would pass for a header. Settings were read before."""
    for name in list(os.environ):
        if name.startswith(("STILLROOM_", "HTTP_")):
            del os.environ[name]


def _end_with(server: int) -> None:
    """A worker does not outlive a server that was killed: it would hold the port and the lock on the data."""
    while os.getppid() == server:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
