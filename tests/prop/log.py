# SPDX-License-Identifier: Apache-2.0
"""Histories of the bench, small: what log says is what diff says, and its stays are what can answers at any time.

Both programs read the same commits; log shares parsed files between them, the others read each tree by itself."""
import importlib.machinery
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
YETT = os.path.join(ROOT, os.environ.get("B", "build"), "yett")
loader = importlib.machinery.SourceFileLoader("bench_log", os.path.join(ROOT, "tests", "bench", "log"))
sys.dont_write_bytecode = True
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_log", loader))
loader.exec_module(bench)
DEST, PORTS, COMMITS, DEVICES, TIMES = "resource:r1", ["tcp/22", "tcp/443", "udp/53"], 60, 40, 25


def yett(*args, stdin=None):
    p = subprocess.run([YETT, *args], input=stdin, capture_output=True, text=True, check=False)
    if p.returncode not in (0, 1):
        raise RuntimeError("yett %s: %s" % (" ".join(args), p.stderr))
    return p.stdout


def seconds(text):
    return None if text is None else int(subprocess.run(["date", "-u", "-d", text, "+%s"], capture_output=True, text=True, check=True).stdout)


def check_diffs(repo, log):
    n = 0
    for entry in log:
        if entry["broken"] or entry["compared_with"] is None:
            continue
        said = json.loads(yett("diff", "-C", repo, "--quiet", "--format=json", "--at", entry["committer"]["date"], entry["compared_with"], entry["commit"]))
        if said["access"] != entry["access"]:
            return "commit %s differs from diff" % entry["commit"]
        n += bool(entry["access"])
    return None if n > 5 else "only %d commits change access" % n


def week_second(t):
    return (t - 4 * 86400) % 604800


def holds(stay, address, port, t):
    if t < stay["start"] or (stay["end"] is not None and t >= stay["end"]):
        return False
    if stay["week"] and not any(a <= week_second(t) < b for a, b in stay["week"]):
        return False
    for box in stay["to"]:
        ports = box["port"]
        proto, _, rest = ports.partition("/")
        lo, _, hi = rest.partition("-")
        inside = ports == "any" or (port.startswith(proto + "/") and (not rest or int(lo) <= int(port.split("/")[1]) <= int(hi or lo)))
        if inside and any(x in (address, "any") for x in box["addresses"]):
            return True
    return False


def check_stays(repo, rnd, address):
    stays = json.loads(yett("log", "-C", repo, "--quiet", "--format=json", "--access", DEST, "main"))
    for s in stays:
        s["start"], s["end"] = seconds(s["from"]), seconds(s["until"])
    queries = []
    for _ in range(TIMES):
        t = bench.START + rnd.randrange(COMMITS * 3600)
        queries += [(t, "d%d" % d, p) for d in range(DEVICES) for p in PORTS]
    at = {t: subprocess.run(["date", "-u", "-d", "@%d" % t, "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True).stdout.strip() for t in {q[0] for q in queries}}
    lines = "".join(json.dumps({"device": d, "dest": address, "port": p, "at": at[t]}) + "\n" for t, d, p in queries)
    p = subprocess.run([YETT, "can", "-C", repo, "--quiet", "--rev", "main", "--batch"], input=lines, capture_output=True, text=True, check=False)
    allowed = 0
    for (t, d, port), line in zip(queries, p.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        if "error" in answer:
            if "has errors" not in answer["error"]:
                return answer["error"]
            continue
        mine = any(s["source"] == "device:" + d and holds(s, address, port, t) for s in stays)
        allowed += mine
        if mine != (answer["verdict"] == "allow"):
            return "%s to %s %s at %s: log says %s, can %s" % (d, address, port, at[t], mine, answer["verdict"])
    return None if allowed > 20 else "only %d answers allow" % allowed


def main():
    print("1..6")
    for seed in range(3):
        rnd = random.Random(seed)
        with tempfile.TemporaryDirectory(prefix="yett-log.") as work:
            bench.gen.generate(os.path.join(work, "tree"), DEVICES, 40, 8, "organic")
            history = bench.History(bench.big.documents(os.path.join(work, "tree"), lambda title: title[:2]), seed)
            repo = os.path.join(work, "repo.git")
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repo], check=True)
            subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=history.run(COMMITS).encode(), check=True)
            address = history.files["resources/r1/r1.yaml"].split("addresses: [", 1)[1].split("]")[0]
            log = json.loads(yett("log", "-C", repo, "--format=json", "main"))
            for n, (what, why) in enumerate((("log says what diff says", check_diffs(repo, log)), ("the stays of log --access are the answers of can --at", check_stays(repo, rnd, address)))):
                print("%sok %d - seed %d: %s" % ("not " if why else "", 2 * seed + n + 1, seed, what))
                if why:
                    print("# " + why)


if __name__ == "__main__":
    main()
