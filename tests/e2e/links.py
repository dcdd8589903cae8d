#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The traffic of tests/e2e/links.t.

    links.py tree DIR TOPOLOGY KEYS     a policy tree of three linked sites (hub or mesh), with the public keys in the folder KEYS
    links.py ends DIR                   every end of a connection, one a line: NAME NAMESPACE ADDRESS
    links.py serve                      answers whoever connects to TCP 80 and 81, until killed
    links.py probe FROM DIR             from this namespace to every other end, all at once; prints "FROM TO ADDRESS PORT yes|no"
    links.py judge YETT DIR FILE...     holds what was probed against `yett can`: TAP lines go to standard output
"""
import errno
import json
import os
import select
import socket
import subprocess
import sys
import time

SITES = "abc"
DEVICES = {"da": "a", "db": "b", "dc": "c", "fa": "a", "fb": "b"}  # and the home of each; d* attach there only, f* everywhere
PORTS = (80, 81)
WAIT = 2.0


def ends():
    """Name as yett knows it, namespace, addresses."""
    out = []
    for i, s in enumerate(SITES):
        out.append(("site:" + s, "host-" + s, ["10.2%d.0.5" % i, "fd20:%d::5" % i]))
        out.append(("gateway:g" + s, "g" + s, ["10.9.0.%d" % (i + 1), "fd09::%d" % (i + 1)]))
    for i, d in enumerate(DEVICES):
        out.append(("device:" + d, d, ["10.9.0.%d" % (i + 11), "fd09::%d" % (i + 11)]))
    return out


class Tree:
    """Documents on their way to DIR/all.yaml; a field that is a word of Python has an underscore after it."""

    def __init__(self, keys):
        self.keys, self.docs = keys, []

    def key(self, name):
        with open(os.path.join(self.keys, name + ".pub"), encoding="ascii") as f:
            return f.read().strip()

    def doc(self, kind, name, **fields):
        self.docs.append(dict(kind=kind, name=name, **{k.rstrip("_"): v for k, v in fields.items()}))

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "all.yaml"), "w", encoding="ascii") as f:
            f.write("---\n".join("".join("%s: %s\n" % (k, json.dumps(v)) for k, v in d.items()) for d in self.docs))


def write_tree(folder, topology, keys):
    tree = Tree(keys)
    key, doc = tree.key, tree.doc
    address = {name: a for name, _, a in ends()}
    doc("Network", "net", pools=["10.9.0.0/24", "fd09::/64"], keepalive="5s")
    for i, s in enumerate(SITES):
        doc("Site", s, networks=["10.2%d.0.0/24" % i, "fd20:%d::/64" % i])
        endpoint = "[2001:db8::3]:51820" if s == "c" else "192.0.2.%d:51820" % (i + 1)
        doc("Gateway", "g" + s, site=s, endpoint=endpoint, public_key=key("g" + s), addresses=address["gateway:g" + s],
            nat="none" if s == "b" else "masquerade")
        doc("Plan", "only-" + s, sites=[s])
        doc("User", "u" + s, plan="only-" + s)
    doc("User", "rover")
    for d, home in DEVICES.items():
        doc("Device", d, owner="u" + home if d[0] == "d" else "rover", public_key=key(d), addresses=address["device:" + d], home=home)
    doc("Link", "wan", sites=list(SITES), **({"topology": "hub", "hub": "b"} if topology == "hub" else {"topology": "mesh"}))
    doc("Policy", "a-to-others", from_=["site:a"], to=["site:b", "site:c", "device:fb", "device:dc", "gateway:gc"], ports=["tcp/80"])
    doc("Policy", "b-to-a", from_=["site:b"], to=["site:a"], ports=["tcp/81"])
    doc("Policy", "devices", from_=["any"], to=["device:" + d for d in DEVICES] + ["gateway:gc"], ports=["tcp/80"])
    doc("Policy", "not-this-pair", action="deny", priority=1, from_=["device:da"], to=["device:dc"])
    doc("Policy", "gateways", from_=["gateway:ga"], to=["site:c", "device:db", "gateway:gb"], ports=["tcp/80"])
    doc("Policy", "rover", from_=["user:rover"], to=["site:a", "site:c"], ports=["tcp/81"])
    doc("Policy", "no-way", from_=["user:ua"], to=["site:c"])  # a device attaches to a site to reach what lies behind it
    tree.write(folder)


def serve():
    listening = []
    for port in PORTS:
        s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        listening.append(s)
    open_ = []
    while True:
        ready, _, _ = select.select(listening + open_, [], [])
        for s in ready:
            if s in listening:
                open_.append(s.accept()[0])
                continue
            data = b""
            try:
                data = s.recv(64)
                s.sendall(data)
            except OSError:
                pass
            if not data:
                open_.remove(s)
                s.close()


class Probe:
    """A connection that asks for its own name back."""

    def __init__(self, to, address, port):
        self.to, self.address, self.port = to, address, port
        self.answered = False
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.setblocking(False)
        self.word = ("%s %d" % (address, port)).encode()
        self.sent = False
        self.done = self.socket.connect_ex((address, port)) not in (0, errno.EINPROGRESS)

    def go_on(self):
        try:
            if not self.sent:
                self.socket.sendall(self.word)
                self.sent = True
            else:
                self.answered = self.socket.recv(64) == self.word
                self.done = True
        except OSError:
            self.done = True


def probe(source, others):
    probes = [Probe(name, a, port) for name, _, addresses in others if name != source for a in addresses for port in PORTS]
    until = time.monotonic() + WAIT
    while time.monotonic() < until and not all(p.done for p in probes):
        waiting = [p for p in probes if not p.done]
        readers = {p.socket: p for p in waiting if p.sent}
        writers = {p.socket: p for p in waiting if not p.sent}
        ready, writable, _ = select.select(readers, writers, [], max(0, until - time.monotonic()))
        for s in ready:
            readers[s].go_on()
        for s in writable:
            writers[s].go_on()
    for p in probes:
        print(source, p.to, p.address, p.port, "yes" if p.answered else "no")


def site_of(name):
    return DEVICES[name[7:]] if name.startswith("device:") else name[-1]


def is_judged(source, to):
    """What one site's machines do among themselves, no gateway sees."""
    return site_of(source) != site_of(to) or source.startswith("device:") or to.startswith("device:")


def judge(yett, tree, files, judged):
    lines = []
    for name in files:
        with open(name, encoding="ascii") as f:
            lines += [line.split() for line in f]
    lines = [x for x in lines if judged(x[0], x[1])]
    asked = "".join(json.dumps({"device": s, "dest": a, "port": "tcp/" + p}) + "\n" for s, _, a, p, _ in lines)
    out = subprocess.run([yett, "can", "--batch", "--quiet", "-C", tree], input=asked.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    bad = 0
    through = {}
    for (s, to, a, p, got), answer in zip(lines, answers):
        want = answer["verdict"] == "allow" and bool(answer["gateways"])
        if (got == "yes") != want:
            bad += 1
            print("# %s to %s (%s tcp/%s): yett can says %s, the network %s" % (s, to, a, p, json.dumps(answer), got))
        elif want:
            n = len(answer["gateways"])
            through[n] = through.get(n, 0) + 1
    print("# %d connections, %d of them made, by the number of gateways: %s" % (len(lines), sum(through.values()), sorted(through.items())))
    return 1 if bad or not lines else 0


def main():
    what = sys.argv[1]
    if what == "tree":
        write_tree(*sys.argv[2:5])
    elif what == "ends":
        for name, namespace, addresses in ends():
            print(name, namespace, *addresses)
    elif what == "serve":
        serve()
    elif what == "probe":
        probe(sys.argv[2], ends())
    elif what == "judge":
        return judge(sys.argv[2], sys.argv[3], sys.argv[4:], is_judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
