#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A stream of datagrams through a gateway whose policy changes all the time, for tests/e2e/stream.t.

stream.py receive ADDRESS LOG
    Notes what arrives at each port, with the kernel's receive time, until it is terminated.
stream.py send FROM TO SECONDS
    1000 datagrams a second, to each port in turn; prints how many went to the steady port.
stream.py change COUNT REPOSITORY LOG YETTCTL...
    COUNT times: a policy that grants one other port, a commit, `yettctl sync`; notes when it was asked for and when it was done.
stream.py judge CHANGES ARRIVALS SENT
    Nothing arrived that neither the plan before nor the plan after grants, everything that each plan grants did, and the
    steady port lost nothing but what a busy machine loses.
"""
import select
import signal
import socket
import struct
import subprocess
import sys
import time

STEADY = 7000
PORTS = [7001 + i for i in range(7)]
SO_TIMESTAMPNS = 35
BUSY = 0.01  # so many of the steady datagrams may be lost where a machine is too busy to read them


def receive(address, log):
    sockets = {}
    for port in [STEADY] + PORTS:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.bind((address, port))
        sockets[s] = port
    with open(log, "w", encoding="ascii") as out:
        def end(*_):
            out.flush()
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        while True:
            for s in select.select(list(sockets), [], [])[0]:
                _, extra, _, _ = s.recvmsg(64, 64)
                seconds, nanoseconds = struct.unpack("qq", extra[0][2])
                out.write("%d %d.%09d\n" % (sockets[s], seconds, nanoseconds))


def send(source, target, seconds):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    start, n, steady = time.monotonic(), 0, 0
    while not stop and time.monotonic() < start + seconds:
        port = ([STEADY] + PORTS)[n % (1 + len(PORTS))]
        try:
            s.sendto(b"%d" % n, (target, port))
            steady += port == STEADY
        except OSError:
            pass  # the queue is full for a moment
        n += 1
        pause = start + n / 1000 - time.monotonic()
        if pause > 0:
            time.sleep(pause)
    print(steady)


def change(count, repository, log, command):
    git = ["git", "-C", repository]
    with open(log, "w", encoding="ascii") as out:
        for i in range(count):
            port = PORTS[i * 3 % len(PORTS)]
            with open(repository + "/moving.yaml", "w", encoding="ascii") as f:
                f.write("kind: Policy\nname: moving\nfrom: [any]\nto: [\"site:hq\"]\nports: [udp/%d]\n" % port)
            subprocess.run(git + ["add", "-A"], check=True)
            asked = time.time()  # whoever fetches from here on may find it
            subprocess.run(git + ["commit", "-qm", "Port %d" % port], check=True)
            subprocess.run(command + ["sync"], check=True, stdout=subprocess.DEVNULL)
            out.write("%d %.6f %.6f\n" % (port, asked, time.time()))
            time.sleep(0.03)  # so that each plan's port is tried while it holds


def judge(changes, arrivals, sent):
    def rows(path):
        with open(path, encoding="ascii") as f:
            return [line.split() for line in f]
    plan = [(int(p), float(a), float(b)) for p, a, b in rows(changes)]
    windows = {p: [] for p in PORTS}
    for i, (port, asked, _) in enumerate(plan):
        windows[port].append((asked, plan[i + 1][2] if i + 1 < len(plan) else float("inf"), i))
    used, steady, astray, before = set(), 0, [], 0.0
    for at, port in sorted((float(t), int(p)) for p, t in rows(arrivals)):
        previous, before = before, at
        if port == STEADY:
            steady += 1
            continue
        inside = [i for lo, hi, i in windows[port] if lo <= at <= hi]
        used.update(inside)
        ended = max((hi for _, hi, _ in windows[port] if hi < at), default=0)
        # The gateway judges one datagram of a tunnel after the other: that one which it had in hand when the plan ended,
        # however long it was kept from going on, is the first that arrives afterwards.
        if not inside and previous > ended:
            astray.append((at - ended, port))
    unused = [i for i in range(len(plan)) if i not in used]
    took = sorted(b - a for _, a, b in plan)
    print("# %d changes, the median took %.1f ms; %d datagrams at granted ports" % (len(plan), took[len(took) // 2] * 1000, sum(1 for _ in rows(arrivals)) - steady))
    print("# %d astray%s" % (len(astray), ": at worst %.3f s after the end, at port %d" % max(astray) if astray else ""))
    print("# plans whose port was never reached: %s" % (unused or "none"))
    print("# steady: %d sent, %d arrived" % (sent, steady))
    return not plan or bool(astray) or bool(unused), not sent * (1 - BUSY) <= steady <= sent


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "receive":
        receive(*rest)
    elif what == "send":
        send(rest[0], rest[1], float(rest[2]))
    elif what == "change":
        change(int(rest[0]), rest[1], rest[2], rest[3:])
    else:
        wrong, lost = judge(rest[0], rest[1], int(rest[2]))
        return (1 if wrong else 0) + (2 if lost else 0)
    return 0


sys.exit(main())
