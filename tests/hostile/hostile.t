#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Hostile input, each with the exact code that it gets from `yett check`: no crash, no slow parse, nothing else reported.

A case is a tree in a folder, or raw objects of a git repository that git itself would not write. Base documents that
are in order stand beside each case, so that only what is hostile can be refused.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
YETT = os.path.join(os.path.realpath(os.path.join(ROOT, os.environ.get("B", "build"))), "yett")
SECONDS = float(os.environ.get("YETT_HOSTILE_SECONDS", "10"))


def key(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


BASE = b"""kind: Network
name: net
pools: [10.9.0.0/24]
---
kind: Site
name: hq
networks: [10.20.0.0/24]
---
kind: Gateway
name: gw
site: hq
endpoint: vpn.example.com:51820
public_key: %s
addresses: [10.9.0.1]
---
kind: User
name: alice
""" % key("gw").encode()


def device(name, **fields):
    all_fields = {"owner": "alice", "public_key": key(name), "addresses": "[10.9.0.%d]" % (10 + sum(name.encode()) % 200)}
    all_fields.update(fields)
    return ("kind: Device\nname: %s\n" % name + "".join("%s: %s\n" % (k, v) for k, v in all_fields.items() if v is not None)).encode()


def gateway(name, **fields):
    all_fields = {"site": "hq", "endpoint": "vpn.example.com:51821", "public_key": key(name), "addresses": "[10.9.0.2]"}
    all_fields.update(fields)
    return ("kind: Gateway\nname: %s\n" % name + "".join("%s: %s\n" % (k, v) for k, v in all_fields.items())).encode()


def group(name, members):
    return ("kind: Group\nname: %s\nmembers: [%s]\n" % (name, members)).encode()


class Git:
    """A bare repository whose objects are written byte by byte."""

    def __init__(self, path):
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", path], check=True)

    def put(self, kind, data):
        raw = b"%s %d\0" % (kind.encode(), len(data)) + data
        name = hashlib.sha1(raw).hexdigest()
        path = os.path.join(self.path, "objects", name[:2], name[2:])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(zlib.compress(raw, 1))
        return name

    def tree(self, entries):
        return self.put("tree", b"".join(b"%s %s\0" % (mode.encode(), name if isinstance(name, bytes) else name.encode()) +
                                         bytes.fromhex(oid) for mode, name, oid in entries))

    def commit(self, tree):
        return self.put("commit", b"tree %s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n" % tree.encode())

    def base(self, *entries):
        """The base documents and the case's entries, in git's order unless the case says otherwise."""
        blob = self.put("blob", BASE)
        return sorted([("100644", "aa.yaml", blob)] + list(entries), key=lambda e: e[1] + ("/" if e[0] == "40000" else ""))


def git_entries(*names, mode="100644"):
    def make(git):
        blob = git.put("blob", b"kind: User\nname: bob\n")
        sub = git.tree([])
        return git.commit(git.tree(git.base(*[(mode, n, sub if mode == "40000" else blob) for n in names])))
    return make


def git_order(swap):
    def make(git):
        b1, b2 = git.put("blob", b"kind: User\nname: b1\n"), git.put("blob", b"kind: User\nname: b2\n")
        entries = git.base(("100644", "m.yaml", b1), ("100644", "n.yaml", b2))
        if swap:
            entries[-1], entries[-2] = entries[-2], entries[-1]
        else:
            entries[-1] = ("100644", "m.yaml", b2)
        return git.commit(git.tree(entries))
    return make


def git_deep(git):
    tree = git.tree([("100644", "x.yaml", git.put("blob", b"kind: User\nname: bob\n"))])
    for _ in range(3000):
        tree = git.tree([("40000", "d", tree)])
    return git.commit(git.tree(git.base(("40000", "d", tree))))


def git_bomb(git):
    """Twenty trees that stand for 2^20 paths."""
    tree = git.tree([("100644", "x", git.put("blob", b""))])
    for _ in range(20):
        tree = git.tree([("40000", "a", tree), ("40000", "b", tree)])
    return git.commit(git.tree(git.base(("40000", "z", tree))))


def git_many(n):
    """n policy files in all, without a document but the base's."""
    def make(git):
        blob = git.put("blob", b"# nothing\n")
        return git.commit(git.tree(git.base(*[("100644", "f%06d.yaml" % i, blob) for i in range(n - 1)])))
    return make


def git_missing(git):
    return git.commit(git.tree(git.base(("100644", "gone.yaml", "01" * 20))))


def git_wrong_mode(mode):
    def make(git):
        blob = git.put("blob", b"/etc/shadow")
        return git.commit(git.tree(git.base((mode, "zz.yaml", blob))))
    return make


def git_symlinked_folder(git):
    return git.commit(git.tree(git.base(("120000", "devices", git.put("blob", b"/etc")))))


BIDI = "‮".encode()
NESTED = b"".join(group("n%d" % i, "group:n%d" % (i + 1)) + b"---\n" for i in range(10000)) + group("n10000", "user:alice")
CYCLE = group("x", "group:y") + b"---\n" + group("y", "group:x")


def ring(n):
    return b"---\n".join(group("g%d" % i, "group:g%d" % ((i + 1) % n)) for i in range(n))


def nested(n):
    return b"---\n".join([group("n%d" % i, "group:n%d" % (i + 1)) for i in range(1, n)] + [group("n%d" % n, "user:alice")])


def with_sites(text):
    return ("kind: Site\nname: s2\nnetworks: [%s]\n" % text).encode()


SCALAR = 64 << 10
FILE = 4 << 20

# (row of the corpus, what it is, codes expected, the case): a case is bytes of zz.yaml, or a function of a Git.
CASES = [
    ("H10", "tree entry ../evil", ["E_TREE_NAME"], git_entries("../evil")),
    ("H11", "tree entry .git", ["E_TREE_NAME"], git_entries(".git", mode="40000")),
    ("H11", "tree entry .GIT", ["E_TREE_NAME"], git_entries(".GIT", mode="40000")),
    ("H11", "tree entry .git/config", ["E_TREE_NAME"], git_entries(".git/config")),
    ("H11", "tree entry GIT~1", ["E_TREE_NAME"], git_entries("GIT~1", mode="40000")),
    ("H11", "tree entry a/b", ["E_TREE_NAME"], git_entries("a/b")),
    ("H11", "tree entry a\\b", ["E_TREE_NAME"], git_entries("a\\b")),
    ("H11", "tree entry .", ["E_TREE_NAME"], git_entries(".", mode="40000")),
    ("H11", "tree entry ..", ["E_TREE_NAME"], git_entries("..", mode="40000")),
    ("H11", "tree entry -rf", ["E_TREE_NAME"], git_entries("-rf")),
    ("H11", "a name of 80 characters", [], git_entries("x" * 75 + ".yaml")),
    ("H11", "a name of 81 characters", ["E_TREE_NAME"], git_entries("x" * 76 + ".yaml")),
    ("H12", "Users.yaml and users.yaml", ["E_TREE_CASE", "E_DUP_NAME"], git_entries("Users.yaml", "users.yaml")),
    ("H13", "symbolic link to /etc/shadow", ["E_TREE_MODE"], git_wrong_mode("120000")),
    ("H13", "symbolic link in a folder's place", ["E_TREE_MODE"], git_symlinked_folder),
    ("H14", "gitlink", ["E_TREE_MODE"], git_wrong_mode("160000")),
    ("H15", "3000 folders in each other", ["E_TREE_DEPTH"], git_deep),
    ("H15", "2^20 paths of twenty trees", ["E_TREE_COUNT"], git_bomb),
    ("H45", "200 000 policy files", [], git_many(200000)),
    ("H45", "200 001 policy files", ["E_LIMIT_FILES"], git_many(200001)),
    ("H16", "unsorted entries", ["E_TREE_ORDER"], git_order(True)),
    ("H16", "one name twice", ["E_TREE_ORDER"], git_order(False)),
    ("H17", "a blob that is not there", ["E_ODB_MISSING"], git_missing),
    ("H37", "50 000 opening brackets", ["E_YAML_DEPTH"], b"[" * 50000),
    ("H37", "16 levels", ["E_TYPE"], b"[" * 16 + b"]" * 16),
    ("H37", "17 levels", ["E_YAML_DEPTH"], b"[" * 17 + b"]" * 17),
    ("H38", "an anchor", ["E_YAML_ALIAS"], b"kind: User\nname: &a bob\n"),
    ("H38", "an alias", ["E_YAML_ALIAS"], b"kind: User\nname: bob\ntags: *a\n"),
    ("H38", "a merge key", ["E_YAML_ALIAS"], b"kind: User\nname: bob\n<<: {plan: x}\n"),
    ("H38", "an alias bomb", ["E_YAML_ALIAS"], b"a: &a [x,x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(12))),
    ("H39", "a key twice", ["E_YAML_DUP"], b"kind: User\nname: bob\nemail: a@b.example\nemail: c@d.example\n"),
    ("H41", "!!python/object", ["E_YAML_TAG"], b"kind: User\nname: !!python/object:os.system bob\n"),
    ("H41", "!!binary", ["E_YAML_TAG"], b"kind: User\nname: !!binary Ym9i\n"),
    ("H41", "!foo", ["E_YAML_TAG"], b"kind: User\nname: !foo bob\n"),
    ("H42", "%YAML 9.9", ["E_YAML_DIRECTIVE"], b"%YAML 9.9\n---\nkind: User\nname: bob\n"),
    ("H42", "%TAG", ["E_YAML_DIRECTIVE"], b"%TAG ! tag:example.com,2000:\n---\nkind: User\nname: bob\n"),
    ("H43", "UTF-16", ["E_BYTES"], "kind: User\nname: bob\n".encode("utf-16")),
    ("H43", "a byte-order mark", ["E_BYTES"], b"\xef\xbb\xbfkind: User\nname: bob\n"),
    ("H43", "overlong UTF-8", ["E_BYTES"], b"kind: User\nname: bob\ndescription: \xc0\xaf\n"),
    ("H43", "a lone surrogate", ["E_BYTES"], b"kind: User\nname: bob\ndescription: \xed\xa0\x80\n"),
    ("H43", "NUL", ["E_BYTES"], b"kind: User\nname: bob\0\n"),
    ("H43", "an escaped NUL", ["E_BYTES"], b'kind: User\nname: bob\ndescription: "\\0"\n'),
    ("H44", "U+202E in a name", ["E_BYTES"], b"kind: User\nname: b" + BIDI + b"ob\n"),
    ("H44", "Cyrillic a in alice", ["E_NAME"], "kind: User\nname: \u0430lice\n".encode()),
    ("H44", "U+2028 hides a line", ["E_BYTES"], "kind: User\nname: bob\n# x\u2028enabled: false\n".encode()),
    ("H44", "NEL hides a line", ["E_BYTES"], "kind: User\nname: bob\n# x\u0085enabled: false\n".encode()),
    ("H44", "CR hides a line", ["E_BYTES"], b"kind: User\nname: bob\n# x\renabled: false\n"),
    ("H45", "a scalar one below its limit", [], b"kind: User\nname: bob\ndescription: " + b"x" * (SCALAR - 1) + b"\n"),
    ("H45", "a scalar at its limit", [], b"kind: User\nname: bob\ndescription: " + b"x" * SCALAR + b"\n"),
    ("H45", "a scalar one above its limit", ["E_LIMIT_SCALAR"], b"kind: User\nname: bob\ndescription: " + b"x" * (SCALAR + 1) + b"\n"),
    ("H45", "a file one below its limit", [], (b"kind: User\nname: bob\n" + b"#" * FILE)[:FILE - 1]),
    ("H45", "a file at its limit", [], (b"kind: User\nname: bob\n" + b"#" * FILE)[:FILE]),
    ("H45", "a file one above its limit", ["E_LIMIT_FILE"], (b"kind: User\nname: bob\n" + b"#" * FILE)[:FILE + 1]),
    ("H46", "a complex key", ["E_YAML_KEY"], b"? [a, b]\n: c\n"),
    ("H46", "a tab for indentation", ["E_YAML_SYNTAX"], b"kind: Group\nname: g\nmembers:\n\t- user:alice\n"),
    ("H47", "two devices with one key", ["E_KEY_DUP"], device("d1", addresses="[10.9.0.11]") + b"---\n" + device("d2", addresses="[10.9.0.12]", public_key=key("d1"))),
    ("H47", "a device with the gateway's key", ["E_KEY_DUP"], device("d1", public_key=key("gw"))),
    ("H47", "the all-zero key", ["E_KEY_WEAK"], device("d1", public_key="A" * 43 + "=")),
    ("H47", "a point of low order", ["E_KEY_WEAK"], device("d1", public_key="AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
    ("H47", "43 characters", ["E_KEY_FORMAT"], device("d1", public_key=key("d1")[:-1])),
    ("H47", "base64 that is not canonical", ["E_KEY_FORMAT"], device("d1", public_key="A" * 42 + "B=")),
    ("H48", "two devices with one address", ["E_IP_DUP"], device("d1", addresses="[10.9.0.11]") + b"---\n" + device("d2", addresses="[10.9.0.11]")),
    ("H48", "networks of two devices overlap", ["E_IP_OVERLAP"], device("d1", addresses="[10.9.0.11]", networks="[10.40.0.0/16]") + b"---\n" + device("d2", addresses="[10.9.0.12]", networks="[10.40.7.0/24]")),
    ("H48", "a network inside a site's", ["E_IP_OVERLAP"], device("d1", networks="[10.20.0.0/28]")),
    ("H48", "sites overlap", ["E_IP_OVERLAP"], with_sites("10.20.0.128/25")),
    ("H48", "an address outside the pools", ["E_IP_POOL"], device("d1", addresses="[10.8.0.11]")),
    ("H48", "an IPv4-mapped address", ["E_IP_FORM"], device("d1", addresses='["::ffff:10.9.0.11"]')),
    ("H48", "host bits", ["E_IP_FORM"], with_sites("10.0.0.1/8")),
    ("H48", "a zoned address", ["E_IP_FORM"], device("d1", addresses='["fe80::1%eth0"]')),
    ("H48", "a zero-padded address", ["E_IP_FORM"], device("d1", addresses="[10.9.0.011]")),
    ("H49", "a cycle of groups", ["E_CYCLE"], CYCLE),
    ("H49", "a ring of 5000 groups", ["E_CYCLE"], ring(5000)),
    ("H49", "10 000 nested groups", ["E_LIMIT_DEPTH"], NESTED),
    ("H49", "7 nested groups", [], nested(7)),
    ("H49", "8 nested groups", [], nested(8)),
    ("H49", "9 nested groups", ["E_LIMIT_DEPTH"], nested(9)),
    ("H49", "an unknown user", ["E_REF"], group("g", "user:alcie")),
    ("H52", "interface wg0;reboot", ["E_IFNAME"], gateway("g2", interface='"wg0;reboot"')),
    ("H52", "interface ../x", ["E_IFNAME"], gateway("g2", interface="../x")),
    ("H52", "interface of 15 characters", [], gateway("g2", interface="w" * 15)),
    ("H52", "interface of 16 characters", ["E_IFNAME"], gateway("g2", interface="w" * 16)),
    ("H52", "interface eth0", ["E_IFNAME"], gateway("g2", interface="eth0")),
    ("H52", "interface lo", ["E_IFNAME"], gateway("g2", interface="lo")),
    ("H53", "endpoint $(id).evil", ["E_ENDPOINT"], gateway("g2", endpoint='"$(id).evil:1"')),
    ("H53", "endpoint 127.0.0.1:0", ["E_ENDPOINT"], gateway("g2", endpoint="127.0.0.1:0")),
    ("H53", "endpoint [::1%25lo]:1", ["E_ENDPOINT"], gateway("g2", endpoint='"[::1%25lo]:1"')),
]


def run_case(work, case):
    shutil.rmtree(work)
    os.makedirs(work)
    args = [YETT, "check", "--quiet", "--format", "json"]
    if callable(case):
        git = Git(os.path.join(work, "repo"))
        args += ["-C", git.path, "--rev", case(git)]
    else:
        for name, data in (("aa.yaml", BASE), ("zz.yaml", case)):
            with open(os.path.join(work, name), "wb") as f:
                f.write(data)
        args += ["-C", work]
    start = time.monotonic()
    out = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return out, time.monotonic() - start


def judge(out, seconds, codes):
    """None, or what is wrong."""
    text = (out.stderr + out.stdout).decode("utf-8", "replace")
    if out.returncode < 0 or out.returncode > 2:
        return "it ended with %d: %s" % (out.returncode, text[:500])
    if seconds > SECONDS:
        return "it took %.1f s" % seconds
    if codes == ["E_ODB_MISSING"]:  # the repository's fault, so no diagnostic of the tree
        return None if out.returncode == 2 and codes[0] in text else text[:500]
    got = sorted({d["code"] for d in json.loads(out.stdout)}) if out.stdout.strip() else []
    if got != sorted(codes):
        return "codes %s, not %s: %s" % (got, codes, text[:500])
    return None if out.returncode == (1 if codes else 0) else "exit status %d" % out.returncode


def main():
    work = tempfile.mkdtemp(prefix="yett-hostile-")
    failed = 0
    print("1..%d" % len(CASES))
    for i, (row, what, codes, case) in enumerate(CASES, 1):
        wrong = judge(*run_case(work, case), codes)
        print("%sok %d - %s %s: %s" % ("not " if wrong else "", i, row, what, ", ".join(codes) or "accepted"), flush=True)
        if wrong:
            failed += 1
            print("".join("# %s\n" % line for line in wrong.splitlines()), end="")
    shutil.rmtree(work)
    return 1 if failed else 0


sys.exit(main())
