#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A random policy tree, small and dense, the same for the same seed: randtree.py SEED DIR."""
import base64
import hashlib
import os
import random
import sys


def key(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write(folder, kind, name, lines):
    path = os.path.join(folder, kind.lower() + "s")
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name + ".yaml"), "w", encoding="ascii") as f:
        f.write("kind: %s\nname: %s\n" % (kind, name) + "".join(line + "\n" for line in lines))


def yaml_list(name, items):
    return ["%s:" % name] + ["  - %s" % i for i in items] if items else ["%s: []" % name]


def dest_pool():
    pool = ["10.20.0.%d" % i for i in range(1, 12)]
    pool += ["10.20.0.0/29", "10.20.0.8/30", "10.20.0.3-10.20.0.9", "10.20.0.0/24", "10.20.1.0/24"]
    pool += ["fd20::%x" % i for i in range(1, 6)] + ["fd20::/125", "fd20::/64", "fd20::2-fd20::5"]
    return pool


PORTS = ["tcp/443", "tcp/80-90", "udp/53", "udp/1000-2000", "icmp", "proto/47", "tcp", "udp", "any", "tcp/22"]


def main():
    seed, folder = sys.argv[1], sys.argv[2]
    rnd = random.Random(seed)
    with_windows = len(sys.argv) > 3
    write(folder, "Network", "net", yaml_list("pools", ["10.9.0.0/24", "fd09::/64"]))
    write(folder, "Site", "hq", yaml_list("networks", ["10.20.0.0/23", "fd20::/64"]) + ["exit: %s" % rnd.choice(["true", "false"])])
    write(folder, "Gateway", "gw", ["site: hq", "endpoint: vpn.example.com:51820", "public_key: " + key("gw"),
                                    "nat: none"] + yaml_list("addresses", ["10.9.0.1", "fd09::1"]))
    users = ["u%d" % i for i in range(5)]
    tags = ["red", "blue"]
    for u in users:
        write(folder, "User", u, yaml_list("tags", rnd.sample(tags, rnd.randint(0, 2))))
    devices = ["d%d" % i for i in range(8)]
    for i, d in enumerate(devices):
        lines = ["owner: " + rnd.choice(users), "public_key: " + key(seed + d)]
        lines += yaml_list("addresses", ["10.9.0.%d" % (10 + i), "fd09::%x" % (0x10 + i)])
        lines += yaml_list("tags", rnd.sample(tags, rnd.randint(0, 1)))
        roll = rnd.random()
        if roll < 0.1:
            lines.append("enabled: false")
        elif roll < 0.2:
            lines.append("expires: 2020-01-01")
        elif roll < 0.3:
            lines.append("expires: 2099-01-01")
        write(folder, "Device", d, lines)
    groups = ["g%d" % i for i in range(4)]
    for i, g in enumerate(groups):
        members = ["user:" + u for u in rnd.sample(users, rnd.randint(0, 2))]
        members += ["device:" + d for d in rnd.sample(devices, rnd.randint(0, 2))]
        members += ["group:" + h for h in rnd.sample(groups[:i], rnd.randint(0, min(i, 1)))]
        write(folder, "Group", g, yaml_list("members", members or ["user:u0"]))
    resources = ["r%d" % i for i in range(6)]
    for r in resources:
        write(folder, "Resource", r, yaml_list("addresses", rnd.sample(dest_pool(), rnd.randint(1, 3))) +
              yaml_list("ports", rnd.sample(PORTS, rnd.randint(0, 2))) + yaml_list("tags", rnd.sample(tags, rnd.randint(0, 1))))
    froms = ["any", "tag:red", "tag:blue", "10.9.0.8/30"] + ["user:" + u for u in users] + ["group:" + g for g in groups]
    froms += ["device:" + d for d in devices]
    tos = ["any", "internet", "self", "site:hq", "tag:red"] + ["resource:" + r for r in resources] * 2
    tos += ["device:" + d for d in devices[:3]] + ["user:u1", "group:g1"] + dest_pool()
    for i in range(rnd.randint(4, 14)):
        lines = yaml_list("from", rnd.sample(froms, rnd.randint(1, 2))) + yaml_list("to", rnd.sample(tos, rnd.randint(1, 3)))
        lines += yaml_list("ports", rnd.sample(PORTS, rnd.randint(0, 2)))
        lines.append("action: " + rnd.choice(["allow", "allow", "deny"]))
        lines.append("priority: %d" % rnd.choice([0, 0, 0, 5, -5]))
        if rnd.random() < 0.15:
            lines.append("expires: " + rnd.choice(["2020-01-01", "2098-01-01"]))
        if rnd.random() < 0.1:
            lines.append("enabled: false")
        if with_windows and rnd.random() < 0.4:
            day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            lines += ["when:", "  timezone: " + rnd.choice(["UTC", "+05:30", "-08:00"])]
            lines += ["  days:"] + ["    - " + d for d in rnd.sample(day, rnd.randint(1, 6))]
            lines += ["  hours: " + rnd.choice(["08:00-18:00", "22:00-06:00", "00:00-12:00", "12:00-24:00"])]
        write(folder, "Policy", "p%02d" % i, lines)


main()
