#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The traffic of tests/e2e/meeting.t: devices of two linked sites with several gateways each.

    meeting.py tree DIR KEYS POLICIES REDUNDANCY [GATEWAY=STATE...]   POLICIES: all, or some
    meeting.py names                    every machine: its namespace, and the number of its address
    meeting.py probe FROM               from this device to every other, see links.py
    meeting.py judge YETT DIR FILE...   holds what was probed against `yett can`
"""
import sys

import links

GATEWAYS = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b"}
HOMES = {"d1": "a", "d2": "a", "d3": "a", "d4": "a", "d5": "a", "e1": "b", "e2": "b", "e3": "b"}


def numbers():
    return {name: i + 1 for i, name in enumerate([*GATEWAYS, *HOMES])}


def addresses(name):
    return ["10.9.0.%d" % numbers()[name], "fd09::%d" % numbers()[name]]


def ends():
    return [("device:" + d, d, addresses(d)) for d in HOMES]


def add_policies(doc, which):
    if which == "all":
        doc("Policy", "all", from_=["any"], to=["tag:all"], ports=["tcp/80"])
        return
    doc("Policy", "pair", from_=["device:d1"], to=["device:d2"], ports=["tcp/80"])
    doc("Policy", "own", from_=["user:rover"], to=["self"], ports=["tcp/81"])
    doc("Policy", "across", from_=["device:d1", "device:e2"], to=["device:e1", "device:d3"], ports=["tcp/80"])


def write_tree(folder, keys, policies, redundancy, *states):
    tree = links.Tree(keys)
    doc, state = tree.doc, dict(s.split("=") for s in states)
    doc("Network", "net", pools=["10.9.0.0/24", "fd09::/64"], keepalive="5s")
    for i, s in enumerate("ab"):
        doc("Site", s, networks=["10.2%d.0.0/24" % i], redundancy=redundancy if redundancy == "all" else int(redundancy))
        doc("Plan", "only-" + s, sites=[s])
        doc("User", "u" + s, plan="only-" + s)
    doc("User", "rover")
    for g, site in GATEWAYS.items():
        doc("Gateway", g, site=site, endpoint="192.0.2.%d:51820" % numbers()[g], public_key=tree.key(g), addresses=addresses(g),
            state=state.get(g, "active"))
    for d, home in HOMES.items():
        doc("Device", d, owner="rover" if d in ("d4", "e3", "d3") else "u" + home, public_key=tree.key(d), addresses=addresses(d),
            home=home, tags=["all"])
    doc("Link", "wan", topology="pair", sites=["a", "b"])
    add_policies(doc, policies)
    tree.write(folder)


def main():
    what = sys.argv[1]
    if what == "tree":
        write_tree(*sys.argv[2:])
    elif what == "names":
        for name, number in numbers().items():
            print(name, number)
    elif what == "probe":
        links.probe(sys.argv[2], ends())
    elif what == "judge":
        return links.judge(sys.argv[2], sys.argv[3], sys.argv[4:], lambda source, to: True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
