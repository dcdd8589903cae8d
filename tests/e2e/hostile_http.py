#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody honest sends. Each must be answered with one of the codes named, or with a closed connection; never with a page."""
import random
import socket
import sys
import time

host, port = sys.argv[1], int(sys.argv[2])


def talk(data, wait=10):
    with socket.create_connection((host, port), timeout=wait) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except OSError:
            pass
        return got


def code(answer):
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.") else "closed"


H = b"Host: x\r\n"
cases = {
    "nothing": (b"", ["closed"]),
    "garbage": (bytes(random.Random(7).randrange(256) for _ in range(4000)), ["closed", "400", "413", "414", "431"]),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, ["closed", "400"]),
    "a long path": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + H + b"\r\n", ["closed", "414", "413", "431", "400"]),
    "many headers": (b"GET /metrics HTTP/1.1\r\n" + H + b"".join(b"X-%d: y\r\n" % i for i in range(20000)) + b"\r\n", ["closed", "431", "413", "400"]),
    "one long header": (b"GET /metrics HTTP/1.1\r\n" + H + b"X: " + b"y" * 200000 + b"\r\n\r\n", ["closed", "431", "413", "400"]),
    "up and out": (b"GET /../../etc/shadow HTTP/1.1\r\n" + H + b"\r\n", ["404", "400"]),
    "up and out, encoded": (b"GET /%2e%2e/%2e%2e/etc/shadow HTTP/1.1\r\n" + H + b"\r\n", ["404", "400"]),
    "a NUL in the path": (b"GET /metrics%00.txt HTTP/1.1\r\n" + H + b"\r\n", ["200", "404", "400"]),
    "an unknown method": (b"BREW /metrics HTTP/1.1\r\n" + H + b"\r\n", ["405", "501", "400"]),
    "DELETE": (b"DELETE /v1/status HTTP/1.1\r\n" + H + b"\r\n", ["405"]),
    "CONNECT": (b"CONNECT 10.0.0.1:22 HTTP/1.1\r\n" + H + b"\r\n", ["404", "405", "400"]),
    "a proxy's request": (b"GET http://10.0.0.1/metrics HTTP/1.1\r\n" + H + b"\r\n", ["404", "400"]),
    "no Host": (b"GET /metrics HTTP/1.1\r\n\r\n", ["400"]),
    "a body for a page": (b"POST /metrics HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\nhello", ["405", "413"]),
    "a negative length": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: -5\r\n\r\nhello", ["400", "413", "closed"]),
    "a length beyond numbers": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: 99999999999999999999999\r\n\r\nx", ["400", "413", "closed"]),
    "a large length": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: 4194305\r\n\r\nx", ["413"]),
    "two lengths": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", ["400", "401", "closed"]),
    "length and chunks": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n" + H + b"\r\n", ["400", "401", "closed"]),
    "a wrong chunk": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", ["400", "closed"]),
    "a body without a signature": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"Content-Length: 2\r\n\r\n{}", ["401"]),
    "a signature that is none": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\nContent-Length: 2\r\n\r\n{}", ["401"]),
    "a signature of no length": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"X-Hub-Signature-256: sha256=\r\nContent-Length: 2\r\n\r\n{}", ["401"]),
    "an older digest": (b"POST /v1/hook HTTP/1.1\r\n" + H + b"X-Hub-Signature: sha1=" + b"0" * 40 + b"\r\nContent-Length: 2\r\n\r\n{}", ["401"]),
    "GET of the hook": (b"GET /v1/hook HTTP/1.1\r\n" + H + b"\r\n", ["405"]),
}
bad = 0
for name, (data, wanted) in cases.items():
    got = code(talk(data))
    if got not in wanted:
        print(f"{name}: {got}, wanted one of {wanted}")
        bad += 1

# Chunks without an end: cut off long before 64 MB.
with socket.create_connection((host, port), timeout=10) as s:
    sent = 0
    try:
        s.sendall(b"POST /v1/hook HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n")
        while sent < 64 << 20:
            s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536
    except OSError:
        pass
    if sent >= 64 << 20:
        print("endless chunks were read to the end")
        bad += 1

# More connections than there is room for, each a byte at a time: they go, and others get in.
slow = []
for _ in range(100):
    try:
        s = socket.create_connection((host, port), timeout=2)
        s.sendall(b"GET /metrics HTTP/1.1\r\n")
        slow.append(s)
    except OSError:
        break
end = time.monotonic() + 40
while slow and time.monotonic() < end:
    for s in list(slow):
        try:
            s.sendall(b"x")
            s.settimeout(0.001)
            if s.recv(1) == b"":
                raise OSError
        except (BlockingIOError, TimeoutError):
            pass
        except OSError:
            s.close()
            slow.remove(s)
    time.sleep(0.5)
if slow:
    print(f"{len(slow)} slow connections are still there")
    bad += 1
if code(talk(b"GET /healthz HTTP/1.1\r\n" + H + b"\r\n")) not in ("200", "503"):
    print("nobody is answered any more")
    bad += 1
sys.exit(bad != 0)
