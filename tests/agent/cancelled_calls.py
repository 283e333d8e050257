# SPDX-License-Identifier: GPL-2.0-only
"""Calls a method again and again, and cancels each time a little later.

SOCKET METHOD; the request is read from standard input. By hand, as a library of gRPC leaves out what
it has cancelled before it was sent.
"""

import socket
import struct
import sys

ROUNDS = 4000


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call(stream: int, method: str, message: bytes) -> bytes:
    """What a client sends that calls a method."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(
        b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in pair)
        for pair in headers.items()
    )
    data = struct.pack(">BI", 0, len(message)) + message
    return frame(1, 4, stream, block) + frame(0, 1, stream, data)  # HEADERS, DATA


def main(path: str, method: str) -> None:
    """Twenty calls of each connection."""
    message = sys.stdin.buffer.read()
    for number in range(ROUNDS):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            for stream in range(1, 40, 2):
                connection.sendall(call(stream, method, message))
                for _ in range((number * 20 + stream) % 400 * 10):
                    pass  # the cancellation meets it somewhere else
                connection.sendall(frame(3, 0, stream, struct.pack(">I", 8)))  # RST_STREAM


main(*sys.argv[1:])
