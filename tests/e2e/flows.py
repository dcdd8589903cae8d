#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Real flows over real sockets, for tests/e2e/flows.t and tests/e2e/neighbours.t.

flows.py serve PROTO/PORT... [ADDRESS...]
    Echoes on each of the ports until it is killed. Without addresses on all of this namespace.
flows.py ask PROTO/PORT FROM TO [OPTION]...
    Prints what became of a question: "yes" (it came back), "no" (nothing did), "refused" (port unreachable, or a reset), "too-big N" (the
    path takes N bytes). A "no" is final after `wait`; lost datagrams are sent again. PROTO is tcp, udp or icmp (an echo request, no port).
    OPTIONs: size=N bytes of payload; wait=SECONDS (default 0.8); dont-fragment; destination-options, hop-by-hop (IPv6 extension
    headers); patient: up to 15 s for an answer.
flows.py stream PROTO/PORT FROM TO FILE
    A flow that goes on for ever, in both directions: each side numbers what it sends. Writes what it hears last, "SENT HEARD TIME", to FILE, over
    and over. The other end is `serve` on PROTO/PORT with tcp or udp, which answers "stream" with numbers of its own.
flows.py forge FROM TO SPORT DPORT
    An ICMP or ICMPv6 port unreachable about a UDP datagram that TO (port SPORT) is said to have sent to FROM (port DPORT).
flows.py hears FILE SECONDS
    How many ICMP errors (destination unreachable, packet too big, of either family) arrive here meanwhile; writes "ready" to FILE first.
"""
import errno
import os
import select
import socket
import struct
import sys
import threading
import time

STREAM = b"stream"
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_DONTFRAG = 23, 24, 62
IPV6_HOPOPTS, IPV6_DSTOPTS = 54, 59
PADDED = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # an options header of 8 bytes: PadN


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def any_of(fam):
    return "::" if fam == socket.AF_INET6 else "0.0.0.0"


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


# ---- the far end ----

def bound(fam, kind, port, address=None):
    s = socket.socket(fam, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if fam == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address or any_of(fam), port))
    return s


def tcp_client(c):
    try:
        while True:
            data = c.recv(65536)
            if not data:
                return
            if data.startswith(STREAM):
                threading.Thread(target=tcp_stream, args=(c,), daemon=True).start()
            elif not data.startswith(b"n"):
                c.sendall(data)
    except OSError:
        pass


def tcp_stream(c):
    try:
        for i in range(10 ** 9):
            c.sendall(b"n%d\n" % i)
            time.sleep(0.02)
    except OSError:
        pass


def serve_tcp(s):
    s.listen(64)
    while True:
        c, _ = s.accept()
        threading.Thread(target=tcp_client, args=(c,), daemon=True).start()


def udp_stream(s, to):
    for i in range(10 ** 9):
        try:
            s.sendto(b"n%d\n" % i, to)
        except OSError:
            pass
        time.sleep(0.02)


def serve_udp(s):
    while True:
        try:
            data, to = s.recvfrom(65536)
            if data == STREAM:
                threading.Thread(target=udp_stream, args=(s, to), daemon=True).start()
            elif not data.startswith(b"n"):
                s.sendto(data, to)
        except OSError:
            pass


def serve(args):
    addresses = [a for a in args if "/" not in a]
    for proto, port in (a.split("/") for a in args if "/" in a):
        kind, run = {"tcp": (socket.SOCK_STREAM, serve_tcp), "udp": (socket.SOCK_DGRAM, serve_udp)}[proto]
        for fam, a in [(family(a), a) for a in addresses] or [(socket.AF_INET, None), (socket.AF_INET6, None)]:
            threading.Thread(target=run, args=(bound(fam, kind, int(port), a),), daemon=True).start()
    print("ready", flush=True)
    while True:
        time.sleep(1000)


# ---- questions ----

def set_options(s, fam, options):
    if "dont-fragment" in options and fam == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    if "dont-fragment" in options and fam == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
    if "destination-options" in options:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, PADDED)
    if "hop-by-hop" in options:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, PADDED)


def path_mtu(s, fam):
    if fam == socket.AF_INET6:
        return s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return s.getsockopt(socket.IPPROTO_IP, IP_MTU)


def outcome(e, s, fam):
    if e.errno == errno.ECONNREFUSED or e.errno == errno.ECONNRESET:
        return "refused"
    if e.errno == errno.EMSGSIZE:
        return "too-big %d" % path_mtu(s, fam)
    return "no" if isinstance(e, (TimeoutError, socket.timeout)) else "error %s" % errno.errorcode.get(e.errno, e)


def ask_tcp(s, fam, to, port, payload, wait):
    s.settimeout(wait)
    try:
        s.connect((to, port))
        s.sendall(payload)
        got = b""
        while len(got) < len(payload):
            more = s.recv(65536)
            if not more:
                return "no"
            got += more
        return "yes"
    except OSError as e:
        return outcome(e, s, fam)


def ask_datagram(s, fam, payload, wait, is_answer):
    """Sends until something comes back or the time is over."""
    end = time.monotonic() + wait
    step = min(0.3, wait / 3)
    while time.monotonic() < end:
        try:
            s.send(payload)
            s.settimeout(step)
            while True:
                if is_answer(s.recv(65536)):
                    return "yes"
        except (TimeoutError, socket.timeout):
            continue
        except OSError as e:
            if e.errno in (errno.EPERM, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES):
                time.sleep(step)
                continue
            return outcome(e, s, fam)
    return "no"


def echo_request(fam, size):
    kind = 128 if fam == socket.AF_INET6 else 8
    return struct.pack("!BBHHH", kind, 0, 0, 0, 1) + b"e" * size


def ask(what, source, to, *options):
    proto, _, port = what.partition("/")
    fam = family(to)
    settings = dict(o.split("=") for o in options if "=" in o)
    wait = 15.0 if "patient" in options else float(settings.get("wait", 0.8))
    payload = (b"q%d." % os.getpid()).ljust(int(settings.get("size", 16)), b"x")
    if proto == "icmp":
        s = socket.socket(fam, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if fam == socket.AF_INET6 else socket.IPPROTO_ICMP)
    else:
        s = socket.socket(fam, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    s.bind((source, 0))
    set_options(s, fam, options)
    if proto == "tcp":
        print(ask_tcp(s, fam, to, int(port), payload, wait))
    elif proto == "udp":
        s.connect((to, int(port)))
        print(ask_datagram(s, fam, payload, wait, lambda data: data == payload))
    else:
        s.connect((to, 0))
        print(ask_datagram(s, fam, echo_request(fam, len(payload)), wait, lambda data: data[0] in (0, 129)))


def stream(what, source, to, path):
    proto, port = what.split("/")
    s = socket.socket(family(to), socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    s.bind((source, 0))
    s.settimeout(15)
    s.connect((to, int(port)))
    s.settimeout(None)
    s.send(STREAM)
    heard, sent, buf = -1, 0, b""
    while True:
        ready, writable, _ = select.select([s], [s], [], 0.02)
        try:
            if ready:
                buf = (buf + s.recv(65536))[-65536:]
                numbers = [n for n in buf.split(b"\n")[:-1] if n.startswith(b"n")]
                heard = int(numbers[-1][1:]) if numbers else heard
                buf = buf[buf.rfind(b"\n") + 1:]
            if writable:
                s.send(b"n%d\n" % sent)
                sent += 1
        except BlockingIOError:
            pass
        except OSError as e:
            if e.errno not in (errno.EPERM, errno.ECONNREFUSED):
                raise
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write("%d %d %.3f\n" % (sent, heard, time.time()))
        os.rename(path + ".new", path)
        time.sleep(0.02)


def forge(source, to, sport, dport):
    fam = family(to)
    a, b = socket.inet_pton(fam, to), socket.inet_pton(fam, source)
    datagram = struct.pack("!HHHH", int(sport), int(dport), 16, 0) + b"forged!!"
    if fam == socket.AF_INET6:
        inner = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) + a + b + datagram
        s = socket.socket(fam, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)  # the kernel fills the checksum in
        message = struct.pack("!BBHI", 1, 4, 0, 0) + inner
    else:
        inner = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 7, 0, 64, 17, 0) + a + b
        inner = inner[:10] + struct.pack("!H", csum(inner)) + inner[12:] + datagram
        s = socket.socket(fam, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        message = struct.pack("!BBHI", 3, 3, 0, 0) + inner
        message = message[:2] + struct.pack("!H", csum(message)) + message[4:]
    s.bind((source, 0))
    s.sendto(message, (to, 0))


def hears(path, seconds):
    s4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with open(path, "w", encoding="ascii") as f:
        f.write("ready\n")
    end, n = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        for s in select.select([s4, s6], [], [], max(0, end - time.monotonic()))[0]:
            data = s.recv(65536)
            n += data[20] == 3 if s is s4 else data[0] in (1, 2)
    print(n)


if __name__ == "__main__":
    {"serve": lambda *a: serve(a), "ask": ask, "stream": stream, "forge": forge, "hears": hears}[sys.argv[1]](*sys.argv[2:])
