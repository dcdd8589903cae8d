#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A large policy tree, the same on every machine.

    gen.py DIR [--devices N] [--policies N] [--groups N] [--shape company|organic]

company: each user in one team, some in two, teams nested in departments: few access classes.
organic: each user in a handful of groups chosen at random: nearly as many classes as users.
"""
import argparse
import base64
import hashlib
import ipaddress
import os
import random


def key(name):
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


class Writer:
    def __init__(self, root):
        self.root = root

    def documents(self, folder, documents, per_file):
        os.makedirs(os.path.join(self.root, folder), exist_ok=True)
        for i in range(0, len(documents), per_file):
            with open(os.path.join(self.root, folder, "%05d.yaml" % (i // per_file)), "w") as f:
                f.write("---\n".join(documents[i : i + per_file]))


def generate(root, devices, policies, groups, shape):
    rnd = random.Random(20260101)
    out = Writer(root)
    os.makedirs(root, exist_ok=True)
    pool = ipaddress.ip_network("10.64.0.0/10")
    with open(os.path.join(root, "network.yaml"), "w") as f:
        f.write("kind: Network\nname: big\nhome: s0\npools: [%s, \"fd64::/64\"]\n" % pool)

    nsites = 8
    out.documents("sites", ["kind: Site\nname: s%d\nnetworks: [10.%d.0.0/16, \"fd00:%x::/48\"]\n%s" % (
        i, i, i, "exit: true\n" if i == nsites - 1 else "") for i in range(nsites)], 100)
    out.documents("gateways", ["kind: Gateway\nname: g%d\nsite: s%d\nendpoint: 192.0.2.%d:51820\npublic_key: %s\naddresses: [%s, \"fd64::%x\"]\n" % (
        i, i, i + 1, key("gateway %d" % i), pool[i + 1], i + 1) for i in range(nsites)], 100)

    nusers = max(1, devices * 2 // 3)
    users = ["kind: User\nname: u%d\nemail: u%d@example.com\n%s" % (
        i, i, "expires: %d-01-01\n" % (2040 + i % 9) if i % 50 == 0 else "") for i in range(nusers)]
    out.documents("users", users, 200)
    out.documents("devices", ["kind: Device\nname: d%d\nowner: u%d\npublic_key: %s\naddresses: [%s, \"fd64::%x:%x\"]\n%s" % (
        i, i % nusers, key("device %d" % i), pool[1000 + i], 1 + (i >> 16), i & 0xffff, "tags: [t%d]\n" % (i % 20) if i % 25 == 0 else "")
        for i in range(devices)], 100)

    members = [set() for _ in range(groups)]
    if shape == "company":
        nparents = max(1, groups // 10)
        leaves = list(range(nparents, groups)) or [0]
        for u in range(nusers):
            members[leaves[u * len(leaves) // nusers]].add("user:u%d" % u)
            if rnd.random() < 0.02:
                members[rnd.choice(leaves)].add("user:u%d" % u)
        for i, leaf in enumerate(leaves):
            if leaf >= nparents:
                members[i % nparents].add("group:g%d" % leaf)
    else:
        for u in range(nusers):
            for g in rnd.sample(range(groups), min(groups, 5)):
                members[g].add("user:u%d" % u)
    out.documents("groups", ["kind: Group\nname: g%d\nmembers: [%s]\n" % (i, ", ".join(sorted(m))) for i, m in enumerate(members)], 10)

    nresources = max(10, policies // 2)
    resources = []
    for i in range(nresources):
        site, ports = i % nsites, rnd.sample(["tcp/22", "tcp/80", "tcp/443", "tcp/5432", "udp/53", "tcp/8000-8999", "udp/4000-4100"], 2)
        where = "10.%d.%d.%d" % (site, 1 + i // 200 % 250, 1 + i % 200)
        if i % 10 == 0:
            where = "10.%d.%d.0/26" % (site, 100 + i // 10 % 150)
        resources.append("kind: Resource\nname: r%d\naddresses: [%s]\nports: [%s]\n%s" % (
            i, where, ", ".join(ports), "tags: [prod]\n" if i % 40 == 0 else ""))
    out.documents("resources", resources, 50)

    rules = []
    for i in range(policies):
        who = "group:g%d" % rnd.randrange(groups)
        what = ", ".join(sorted("resource:r%d" % r for r in rnd.sample(range(nresources), rnd.randint(1, 4))))
        text = "kind: Policy\nname: p%d\nfrom: [%s]\nto: [%s]\n" % (i, who, what)
        if i % 20 == 0:
            text += "action: deny\npriority: %d\n" % (10 * (i % 5))
        if i % 25 == 1:
            text += "when: {days: [mon, tue, wed, thu, fri], hours: \"08:00-18:00\", timezone: \"+01:00\"}\n"
        if i % 40 == 2:
            text += "expires: 2041-06-01\n"
        rules.append(text)
    rules.append("kind: Policy\nname: closed\naction: deny\nfrom: [any]\nto: [tag:prod]\npriority: 100\n")
    out.documents("policies", rules, 50)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--devices", type=int, default=10000)
    p.add_argument("--policies", type=int, default=1000)
    p.add_argument("--groups", type=int, default=200)
    p.add_argument("--shape", choices=("company", "organic"), default="company")
    a = p.parse_args()
    generate(a.dir, a.devices, a.policies, a.groups, a.shape)
