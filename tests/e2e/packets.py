#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The kernel as judge: random packets from device addresses into a loaded ruleset are forwarded or dropped
exactly as `yett can` says.

packets.py YETT TREE GATEWAY COUNT SEED MAC, inside the namespace that holds the far ends of the gateway's interfaces, as
tests/e2e/packets.t makes it: `dev` faces wg0 (whose address is MAC) and `lan` faces eth0. Frames go in at `dev`
and are looked for at `lan` and, for traffic between devices, at `dev` again. Each packet carries its number.
"""
import glob
import json
import random
import select
import socket
import struct
import subprocess
import sys
import time

import yaml

YETT, TREE, GATEWAY, COUNT, SEED = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
ETH_P_ALL = 3
MAGIC = b"yettprobe"
PROTO = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def transport(proto, src, dst, port, number, v6):
    body = MAGIC + struct.pack("!I", number)
    sport = 1024 + number % 60000  # each packet is a flow of its own

    def with_length(n):
        """The pseudo-header of RFC 793 or RFC 8200."""
        return src + dst + (struct.pack("!IHBB", n, 0, 0, proto) if v6 else struct.pack("!BBH", 0, proto, n))
    if proto == 6:
        h = struct.pack("!HHIIBBHHH", sport, port, number, 0, 5 << 4, 2, 1024, 0, 0)
        c = csum(with_length(len(h + body)) + h + body)
        return h[:16] + struct.pack("!H", c) + h[18:] + body
    if proto == 17:
        h = struct.pack("!HHHH", sport, port, 8 + len(body), 0)
        c = csum(with_length(len(h + body)) + h + body) or 0xffff
        return h[:6] + struct.pack("!H", c) + body
    if proto in (1, 58):
        h = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, sport, number & 0xffff)
        c = csum((with_length(len(h + body)) if v6 else b"") + h + body)
        return h[:2] + struct.pack("!H", c) + h[4:] + body
    return struct.pack("!HH", 0, 0x0800) + body if proto == 47 else body


def packet(src, dst, proto, port, number):
    v6 = ":" in src
    fam = socket.AF_INET6 if v6 else socket.AF_INET
    s, d = socket.inet_pton(fam, src), socket.inet_pton(fam, dst)
    load = transport(proto, s, d, port, number, v6)
    if v6:
        return struct.pack("!IHBB", 6 << 28, len(load), proto, 64) + s + d + load
    h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(load), number & 0xffff, 0, 64, proto, 0) + s + d
    return h[:10] + struct.pack("!H", csum(h)) + h[12:] + load


def mac(interface):
    with open("/sys/class/net/%s/address" % interface, encoding="ascii") as f:
        return bytes.fromhex(f.read().strip().replace(":", ""))


def load_devices():
    devices = []
    for path in sorted(glob.glob(TREE + "/**/*.yaml", recursive=True)):
        with open(path, encoding="utf-8") as f:
            devices += [d for d in yaml.load_all(f, Loader=yaml.BaseLoader) if d["kind"] == "Device"]
    return devices


def choose(rnd, devices):
    """One probe: (device, source, destination, protocol, port)."""
    d = rnd.choice(devices)
    v6 = rnd.random() < 0.35
    src = [a for a in d["addresses"] if (":" in a) == v6]
    if not src:
        return None
    if v6:
        dst = rnd.choice(["fd20::%x" % rnd.randint(0, 9), "fd20::%x" % rnd.randint(0, 9), "2600::%x" % rnd.randint(1, 9), "fd77::1"])
    else:
        dst = rnd.choice(["10.20.0.%d" % rnd.randint(0, 14), "10.20.0.%d" % rnd.randint(0, 14), "10.20.1.%d" % rnd.randint(1, 254),
                          "8.8.8.%d" % rnd.randint(1, 254), "192.168.1.1", "100.64.0.1"])
    if rnd.random() < 0.2:
        other = [a for o in devices if o is not d for a in o["addresses"] if (":" in a) == v6]
        dst = rnd.choice(other)
    proto = rnd.choice([6, 6, 6, 17, 17, 58 if v6 else 1, 47])
    if proto == 47 and dst.startswith(("10.9.", "fd09:")):
        proto = 6  # without ports a packet back is a reply, so between devices the order of packets would tell
    port = rnd.choice([22, 53, 79, 80, 85, 90, 91, 443, 444, 999, 1000, 1500, 2000, 2001, rnd.randint(1, 65535)])
    return d["name"], rnd.choice(src), dst, proto, port


def expected(probes):
    """
    What yett can answers: forwarded when allowed and this gateway is on the path. None where a pool's address has no live
    device: the ruleset may let the packet go to the interface, where WireGuard has no peer for it.
    """
    def port_text(p):
        return {6: "tcp/%d" % p[4], 17: "udp/%d" % p[4], 1: "icmp", 58: "proto/58"}.get(p[3], "proto/%d" % p[3])
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lines = "".join(json.dumps({"device": p[0], "dest": p[2], "port": port_text(p), "at": now}) + "\n" for p in probes)
    out = subprocess.run([YETT, "can", "--batch", "--quiet", "-C", TREE], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    want = [a["verdict"] == "allow" and GATEWAY in a["gateways"] for a in answers]
    for i, a in enumerate(answers):
        if a["verdict"] == "allow" and not a["gateways"] and probes[i][2].startswith(("10.9.", "fd09:")):
            want[i] = None
    return want, answers


def listen(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    s.bind((interface, 0))
    s.setblocking(False)
    return s


def drain(sockets, seen, wait):
    end = time.monotonic() + wait
    while True:
        ready, _, _ = select.select(sockets, [], [], max(0, end - time.monotonic()))
        if not ready:
            return
        for s in ready:
            try:
                data, where = s.recvfrom(2048)
            except BlockingIOError:
                continue
            at = data.rfind(MAGIC)
            if at >= 0 and where[2] != socket.PACKET_OUTGOING:
                seen.add(struct.unpack("!I", data[at + len(MAGIC):at + len(MAGIC) + 4])[0])


def main():
    rnd = random.Random(SEED)
    devices = load_devices()
    probes = [p for p in (choose(rnd, devices) for _ in range(COUNT)) if p]
    want, answers = expected(probes)
    lan, dev = listen("lan"), listen("dev")
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind(("dev", 0))
    source = mac("dev")
    target = bytes.fromhex(sys.argv[6].replace(":", ""))
    seen = set()
    for i, p in enumerate(probes):
        ether = target + source + struct.pack("!H", 0x86DD if ":" in p[1] else 0x0800)
        out.send(ether + packet(p[1], p[2], p[3], p[4], i))
        if i % 64 == 63:
            drain([lan, dev], seen, 0.002)
    drain([lan, dev], seen, 0.5)
    bad = [i for i in range(len(probes)) if want[i] is not None and (i in seen) != want[i]]
    for i in bad[:10]:
        print("# packet %s: yett can says %s, the kernel %s" % (probes[i], json.dumps(answers[i]), "forwarded" if i in seen else "dropped"))
    print("# %d packets, %d forwarded, %d disagreements" % (len(probes), len(seen), len(bad)))
    return 1 if bad or not probes else 0


sys.exit(main())
