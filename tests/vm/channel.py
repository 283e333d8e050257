# SPDX-License-Identifier: GPL-2.0-only
"""The host's end of the agent's protocol (see guest/agent.c), and of the guest's other outputs.

One thread reads everything that QEMU gives out: the agent's frames, the serial console, QEMU's own
messages. Whoever waits for something waits for a condition that this thread signals.
"""

import enum
import os
import selectors
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO, Callable

from vm import kernel_log

HEADER = struct.Struct("<III")  # payload length, job, type
MAX_PAYLOAD = 256 * 1024


class Request(enum.IntEnum):
    """What the host asks; the values are those of `enum request` in agent.c."""

    EXEC = 1
    READ = 2
    WRITE = 3
    KILL = 4
    SYNC = 5


class Reply(enum.IntEnum):
    """What the agent sends; the values are those of `enum reply` in agent.c."""

    HELLO = 1
    OUT = 2
    ERR = 3
    EXIT = 4
    LOG = 5
    SYNC = 6


@dataclass
class Job:
    """What the guest has told so far about one request."""

    number: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    status: int | None = None  # wait(2) status once finished


class Channel:
    """Requests to the agent, and all that came from the guest.

    `changed` protects every public attribute and is notified at each change.
    """

    def __init__(self, console: IO[bytes], messages: IO[bytes], show_console: bool) -> None:
        self.changed = threading.Condition()
        self.ready = False  # the agent has started
        self.closed = False  # QEMU has ended
        self.console = bytearray()
        self.messages = bytearray()  # QEMU's own
        self.log: list[kernel_log.Record] = []
        self._show_console = show_console
        self._jobs: dict[int, Job] = {}
        self._last_job = 0
        self._received = bytearray()
        self._sending = threading.Lock()
        self._socket, self.qemu_end = socket.socketpair()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * MAX_PAYLOAD)
        self._inputs = selectors.DefaultSelector()
        self._inputs.register(self._socket, selectors.EVENT_READ, self._take_frames)
        self._inputs.register(console, selectors.EVENT_READ, self._take_console)
        self._inputs.register(messages, selectors.EVENT_READ, self._take_messages)
        self._thread = threading.Thread(target=self._read_all, name="guest output", daemon=True)

    def start(self) -> None:
        """Begin to read, once QEMU has its end of the socket."""
        self.qemu_end.close()
        self._thread.start()

    def stop(self) -> None:
        """Release everything after QEMU has ended."""
        self._thread.join()
        self._socket.close()
        self._inputs.close()

    def request(self, kind: Request, payload: bytes) -> Job:
        """Ask for something that gets a job number of its own."""
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes are too much for one request: put a file")
        with self.changed:
            self._last_job += 1
            job = self._jobs[self._last_job] = Job(self._last_job)
        self.send(job.number, kind, payload)
        return job

    def send(self, number: int, kind: Request, payload: bytes) -> None:
        """Send a frame. If QEMU is gone nothing happens: `closed` tells."""
        try:
            with self._sending:
                self._socket.sendall(HEADER.pack(len(payload), number, kind) + payload)
        except OSError:
            pass

    def wait(self, done: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until done() or QEMU has ended or the time is over; tell if done()."""
        with self.changed:
            self.changed.wait_for(lambda: done() or self.closed, seconds)
            return done()

    def wait_closed(self, seconds: float) -> bool:
        """Wait for the end of QEMU."""
        with self.changed:
            return self.changed.wait_for(lambda: self.closed, seconds)

    def _read_all(self) -> None:
        while self._inputs.get_map():
            for key, _ in self._inputs.select():
                try:
                    data = os.read(key.fd, 1 << 16)
                except ConnectionError:
                    data = b""
                with self.changed:
                    if data:
                        key.data(data)
                    else:
                        self._inputs.unregister(key.fileobj)
                    self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _take_console(self, data: bytes) -> None:
        self.console += data
        if self._show_console:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _take_messages(self, data: bytes) -> None:
        self.messages += data

    def _take_frames(self, data: bytes) -> None:
        self._received += data
        start = 0
        while len(self._received) - start >= HEADER.size:
            length, number, kind = HEADER.unpack_from(self._received, start)
            end = start + HEADER.size + length
            if len(self._received) < end:
                break
            self._take_frame(number, Reply(kind), self._received[start + HEADER.size : end])
            start = end
        del self._received[:start]

    def _take_frame(self, number: int, kind: Reply, payload: bytearray) -> None:
        if kind == Reply.HELLO:
            self.ready = True
        elif kind == Reply.LOG:
            record = kernel_log.parse(payload.decode(errors="replace"))
            if record:
                self.log.append(record)
        elif kind == Reply.OUT:
            self._jobs[number].stdout += payload
        elif kind == Reply.ERR:
            self._jobs[number].stderr += payload
        elif kind == Reply.EXIT:
            self._jobs.pop(number).status = struct.unpack("<I", payload)[0]
        elif kind == Reply.SYNC:
            self._jobs.pop(number).status = 0


def monotonic_deadline(seconds: float | None) -> Callable[[], float | None]:
    """A function that tells how many of the seconds are left, never less than 0."""
    if seconds is None:
        return lambda: None
    end = time.monotonic() + seconds
    return lambda: max(0.0, end - time.monotonic())
