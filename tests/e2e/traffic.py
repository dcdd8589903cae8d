#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Traffic that is measured, for tests/e2e/limits.t and tests/e2e/placement.t.

traffic.py serve ADDRESS...
    Answers on each address until it is killed: UDP and TCP port 7000 swallow and count; a connection to TCP port 7001, or a
    datagram "SECONDS MBIT" to UDP port 7001, is answered by a stream; UDP port 7002 echoes.
traffic.py PROTO up|down FROM TO SECONDS MBIT
    PROTO is udp or tcp. Sends (or asks for) payload for so long, UDP at that many Mbit a second, and prints as JSON what arrived: "bytes" in all,
    and "steady", bits a second after the first 2 seconds.
traffic.py burst FROM TO BYTES
    So many bytes as 1000-byte datagrams, paced, that are echoed; prints how many came back, in bytes.
traffic.py echo FROM TO
    One datagram; exit status 0 when it came back within a second.
"""
import json
import select
import socket
import sys
import threading
import time

SWALLOW, STREAM, ECHO = 7000, 7001, 7002
PAYLOAD = 1200
SKIP = 2.0  # seconds, in which a full bucket is emptied


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp(address, port=0):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    s.bind((address, port))
    return s


class Count:
    """Bytes over time, by their arrival."""

    def __init__(self):
        self.start = None
        self.last = 0
        self.bytes = self.late = 0

    def add(self, n):
        self.last = time.monotonic()
        if self.start is None:
            self.start = self.last
        self.bytes += n
        if self.last - self.start >= SKIP:
            self.late += n

    def text(self):
        span = self.last - self.start - SKIP if self.start is not None else 0
        return json.dumps({"bytes": self.bytes, "seconds": round(span + SKIP, 2), "steady": self.late * 8 / span if span > 0.5 else 0})


def pace(seconds, mbit, send):
    """Calls send(payload) as often as the rate asks for."""
    load, start, sent = bytes(PAYLOAD), time.monotonic(), 0
    while True:
        now = time.monotonic() - start
        if now >= seconds:
            return
        while sent * PAYLOAD * 8 < now * mbit * 1e6:
            try:
                send(load)
            except (BlockingIOError, PermissionError):
                pass
            sent += 1
        time.sleep(0.001)


def swallow_udp(address):
    s, counts = udp(address, SWALLOW), {}
    while True:
        data, where = s.recvfrom(65536)
        if data == b"?":
            s.sendto(counts.pop(where, Count()).text().encode(), where)
        else:
            counts.setdefault(where, Count()).add(len(data))


def stream_udp(address):
    s = udp(address, STREAM)
    while True:
        data, where = s.recvfrom(65536)
        seconds, mbit = map(float, data.split())
        threading.Thread(target=pace, args=(seconds, mbit, lambda load, where=where: s.sendto(load, where)), daemon=True).start()


def echo_udp(address):
    s = udp(address, ECHO)
    while True:
        data, where = s.recvfrom(65536)
        s.sendto(data, where)


def swallow_one(c):
    count = Count()
    while True:
        data = c.recv(65536)
        if not data:
            break
        count.add(len(data))
    c.sendall(count.text().encode())
    c.close()


def stream_one(c):
    try:
        while True:
            c.sendall(bytes(16384))
    except OSError:
        c.close()


def accept(address, port, serve):
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(64)
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


def serve(addresses):
    for a in addresses:
        for target, args in ((swallow_udp, (a,)), (stream_udp, (a,)), (echo_udp, (a,)), (accept, (a, SWALLOW, swallow_one)), (accept, (a, STREAM, stream_one))):
            threading.Thread(target=target, args=args, daemon=True).start()
    threading.Event().wait()


def udp_up(src, dst, seconds, mbit):
    s = udp(src)
    pace(seconds, mbit, lambda load: s.sendto(load, (dst, SWALLOW)))
    s.settimeout(0.3)
    for _ in range(30):  # the question meets the same limit
        try:
            s.sendto(b"?", (dst, SWALLOW))
            print(s.recv(4096).decode())
            return
        except socket.timeout:
            pass
    print(Count().text())


def udp_down(src, dst, seconds, mbit):
    s, count = udp(src), Count()
    s.sendto(b"%f %f" % (seconds, mbit), (dst, STREAM))
    end = time.monotonic() + seconds + 0.5
    while time.monotonic() < end:
        if select.select([s], [], [], 0.1)[0]:
            count.add(len(s.recv(65536)))
    print(count.text())


def connect(src, dst, port):
    s = socket.socket(family(src), socket.SOCK_STREAM)
    s.bind((src, 0))
    s.connect((dst, port))
    return s


def tcp_up(src, dst, seconds, _):
    s = connect(src, dst, SWALLOW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)  # little is still to come when the time is up
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([], [s], [], 0.1)[1]:
            s.send(bytes(8192))
    s.shutdown(socket.SHUT_WR)
    print(s.recv(4096).decode())


def tcp_down(src, dst, seconds, _):
    s, count = connect(src, dst, STREAM), Count()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([s], [], [], 0.1)[0]:
            count.add(len(s.recv(65536)))
    print(count.text())


def burst(src, dst, total):
    s, back = udp(src), 0
    s.setblocking(False)

    def take(wait):
        n = 0
        while select.select([s], [], [], wait)[0]:
            n += len(s.recv(65536))
        return n
    for i in range(total // 1000):
        s.sendto(bytes(1000), (dst, ECHO))
        if i % 16 == 15:
            back += take(0)
            time.sleep(0.002)
    print(back + take(0.3))


def echo(src, dst):
    s = udp(src)
    s.settimeout(1)
    s.sendto(b"x", (dst, ECHO))
    try:
        s.recv(16)
    except (socket.timeout, ConnectionRefusedError):
        return 1
    return 0


def main(args):
    if args[0] == "serve":
        return serve(args[1:])
    if args[0] == "burst":
        return burst(args[1], args[2], int(args[3]))
    if args[0] == "echo":
        return echo(args[1], args[2])
    runs = {("udp", "up"): udp_up, ("udp", "down"): udp_down, ("tcp", "up"): tcp_up, ("tcp", "down"): tcp_down}
    return runs[args[0], args[1]](args[2], args[3], float(args[4]), float(args[5]))


sys.exit(main(sys.argv[1:]))
