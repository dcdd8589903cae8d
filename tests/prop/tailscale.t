#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Imports are graded: for every capture that the Tailscale service took (tests/data/tailscale), each pair of nodes, each protocol and each port at or
beside an edge of the captured packet filters, and for destinations behind approved routes, `yett can` on the imported tree gives the verdict
that the filter shows. Where it does not, DIFFERENCES has the reason; a disagreement that no reason covers fails, and so does a reason that
covers none any more.
"""
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
YETT = os.path.join(os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build"))), "yett")
CAPTURES = os.path.join(ROOT, "tests/data/tailscale/captures.jsonl")
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
USUAL = {TCP, UDP, ICMP, ICMPV6}  # what a rule of a packet filter without IPProto is about
OTHERS = [47, 132, 51]            # asked as whole protocols


def policy_of(capture):
    p = capture["policy"]
    return json.loads(p) if isinstance(p, str) else p


class Question:
    """One verdict: from a node to an address by a service."""

    def __init__(self, capture, source, family, target, to, proto, port):
        self.capture, self.source, self.family, self.target, self.to, self.proto, self.port = (
            capture, source, family, target, to, proto, port)

    def line(self):
        port = {TCP: "tcp/%d" % self.port, UDP: "udp/%d" % self.port}.get(self.proto, "proto/%d" % self.proto)
        return json.dumps({"device": self.source, "dest": self.to, "port": port}) + "\n"

    def __str__(self):
        return "%s: %s to %s (%s) %d/%d" % (self.capture["id"], self.source, self.target, self.to, self.proto, self.port)


# ---- what the filters show ----

class Addresses:
    def __init__(self, texts):
        self.all, self.ranges = "*" in texts, []
        for t in texts:
            if t == "*":
                continue
            if "-" in t:
                lo, hi = (ipaddress.ip_address(x) for x in t.split("-"))
            else:
                net = ipaddress.ip_network(t, strict=False)
                lo, hi = net[0], net[-1]
            self.ranges.append((lo.version, int(lo), int(hi)))

    def has(self, text):
        ip = ipaddress.ip_address(text)
        return self.all or any(v == ip.version and lo <= int(ip) <= hi for v, lo, hi in self.ranges)


class Rule:
    def __init__(self, r):
        self.sources = Addresses(r.get("SrcIPs") or [])
        self.protos = set(r.get("IPProto") or USUAL)
        self.targets = [(Addresses([d["IP"]]), d["Ports"]["First"], d["Ports"]["Last"]) for d in r.get("DstPorts") or []]

    def allows(self, source, to, proto, port):
        return proto in self.protos and self.sources.has(source) and any(
            a.has(to) and (proto not in (TCP, UDP) or first <= port <= last) for a, first, last in self.targets)


def filters_of(capture):
    return {n: [Rule(r) for r in capture["filters"].get(n) or []] for n in capture["topology"]["nodes"]}


def edges(capture):
    ports = {1, 22, 80, 443, 65535}
    for rules in capture["filters"].values():
        for r in rules or []:
            for d in r.get("DstPorts") or []:
                first, last = d["Ports"]["First"], d["Ports"]["Last"]
                ports |= {first, last, first - 1, last + 1}
    return sorted(p for p in ports if 0 < p <= 65535)


def targets_of(capture, family):
    """(name, address, the nodes whose filters decide): each node, and one address behind each approved route."""
    nodes = capture["topology"]["nodes"]
    out = [(n, d[family], [n]) for n, d in nodes.items() if d.get(family)]
    routes = {}
    for n, d in nodes.items():
        for r in d.get("approved_routes") or []:
            net = ipaddress.ip_network(r)
            if net.prefixlen > 0 and net.version == (6 if family == "ipv6" else 4):
                routes.setdefault(net, []).append(n)
    for net, routers in routes.items():
        address = net[min(9, net.num_addresses - 1)]
        narrower = [o for o in routes if o != net and address in o]
        if not narrower:
            out.append(("route " + str(net), str(address), routers))
    return out


def questions(capture):
    """(question, what the filters show)"""
    nodes, filters, ports = capture["topology"]["nodes"], filters_of(capture), edges(capture)
    for family, ping in (("ipv4", ICMP), ("ipv6", ICMPV6)):
        services = [(p, port) for p in (TCP, UDP) for port in ports] + [(ping, 0)] + [(p, 0) for p in OTHERS]
        for name, to, deciders in targets_of(capture, family):
            for source, s in nodes.items():
                if not s.get(family) or source in deciders:
                    continue
                for proto, port in services:
                    q = Question(capture, source, family, name, to, proto, port)
                    yield q, any(r.allows(s[family], to, proto, port) for n in deciders for r in filters[n])


# ---- why an answer may differ ----

def sources_named(policy):
    for rule in (policy.get("acls") or []) + (policy.get("grants") or []):
        yield from rule.get("src") or []


def is_address(text):
    try:
        return ipaddress.ip_network(text, strict=False).version
    except ValueError:
        return None


def by_address(q, shown, got):
    """An address as a source stands for the device that has it, with its address of the other family."""
    node = q.capture["topology"]["nodes"][q.source]
    other = {"ipv4": "ipv6", "ipv6": "ipv4"}[q.family]
    named = [s for s in sources_named(policy_of(q.capture)) if is_address(s)]
    return got and not shown and any(node.get(other) and Addresses([s]).has(node[other]) for s in named)


def not_captured(q, shown, got):
    """A policy without rules lets everybody reach everything, so a node that has no filter in such a capture was not asked for it."""
    policy = policy_of(q.capture)
    return got and not shown and "acls" not in policy and "grants" not in policy and q.target not in q.capture["filters"]


def not_via(q, shown, got):
    """`via` names the routers of a grant; here the site that holds the destination carries it. The import says so in a warning."""
    grants = [g for g in policy_of(q.capture).get("grants") or [] if g.get("via")]
    hosts = policy_of(q.capture).get("hosts") or {}
    named = [hosts.get(d, d) for g in grants for d in g.get("dst") or []]
    return got and not shown and any(is_address(d) and Addresses([d]).has(q.to) for d in named)


DIFFERENCES = [
    ("an address as a source is its device, in both families", by_address),
    ("the capture has no filter of that node", not_captured),
    ("via is not carried over: a destination behind another router than it names", not_via),
]


# ---- the run ----

def answers(tree, asked):
    out = subprocess.run([YETT, "can", "--batch", "--quiet", "-C", tree], input="".join(q.line() for q in asked), stdout=subprocess.PIPE,
                         universal_newlines=True, check=False)
    return [json.loads(line) for line in out.stdout.splitlines()]


def grade(capture, work):
    """Counts by reason of what differs, [] of what nothing explains, and how many were asked."""
    tree = os.path.join(work, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    for name, value in (("policy.hujson", policy_of(capture)), ("nodes.json", capture["topology"])):
        with open(os.path.join(work, name), "w", encoding="utf-8") as f:
            json.dump(value, f)
    subprocess.run([YETT, "import", "tailscale", work + "/policy.hujson", "--nodes", work + "/nodes.json", "--placeholder-keys", "--quiet", "-o",
                    tree], stderr=subprocess.DEVNULL, check=True)
    asked = list(questions(capture))
    got = answers(tree, [q for q, _ in asked])
    if len(got) != len(asked):
        return {}, ["%s: %d answers to %d questions" % (capture["id"], len(got), len(asked))], 0
    reasons, unexplained = {}, []
    for (q, shown), a in zip(asked, got):
        allowed = a.get("verdict") == "allow"
        if "verdict" in a and allowed == shown:
            continue
        reason = next((name for name, covers in DIFFERENCES if covers(q, shown, allowed)), None)
        if reason is None:
            unexplained.append("%s: the filter shows %s, yett says %s" % (q, "allow" if shown else "deny", a.get("verdict", a)))
        else:
            reasons[reason] = reasons.get(reason, 0) + 1
    return reasons, unexplained, len(asked)


def main():
    with open(CAPTURES, encoding="utf-8") as f:
        captures = [c for c in map(json.loads, f) if c["api_response_code"] == 200 and c["filters"]]
    reasons, unexplained, asked = {}, [], 0
    with tempfile.TemporaryDirectory() as work:
        for c in captures:
            r, u, n = grade(c, work)
            for name, count in r.items():
                reasons[name] = reasons.get(name, 0) + count
            unexplained += u
            asked += n
    print("# %d captures, %d verdicts" % (len(captures), asked))
    good = len(captures) > 100 and asked > 200000
    print("%sok 1 - the captures are there, with many verdicts" % ("" if good else "not "))
    print("%sok 2 - each verdict is the captured one, or differs for a reason that is listed" % ("not " if unexplained else ""))
    for u in unexplained[:20]:
        print("# " + u)
    if len(unexplained) > 20:
        print("# and %d more" % (len(unexplained) - 20))
    for i, (name, _) in enumerate(DIFFERENCES):
        print("# %d verdicts" % reasons.get(name, 0))
        print("%sok %d - differs: %s" % ("" if reasons.get(name) else "not ", 3 + i, name))
    print("1..%d" % (2 + len(DIFFERENCES)))
    return 0 if good and not unexplained and all(reasons.get(n) for n, _ in DIFFERENCES) else 1


sys.exit(main())
