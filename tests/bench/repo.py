# SPDX-License-Identifier: Apache-2.0
"""A large policy tree as a commit of a packed bare repository, one device a file, and what the benchmarks measure with."""
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gen  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
START = 1700000000


def documents(tree, shard, alone=None):
    """path -> text: of the folders in `alone` (None: of all) one document a file, in folders named by shard(name)."""
    out = {}
    for folder, _, names in os.walk(tree):
        kind = os.path.relpath(folder, tree)
        for name in sorted(names):
            with open(os.path.join(folder, name)) as f:
                text = f.read()
            if kind == "." or (alone is not None and kind not in alone):
                out[os.path.normpath(os.path.join(kind, name))] = text
                continue
            for one in text.split("---\n"):
                title = one.split("name: ", 1)[1].split("\n", 1)[0]
                out["%s/%s/%s.yaml" % (kind, shard(title), title)] = one
    return out


def commit(when, message, changed):
    """One commit in the words of git fast-import; a text of None takes the file away."""
    out = ["commit refs/heads/main\nauthor Ana <ana@example.com> %d +0000\ncommitter Ana <ana@example.com> %d +0000\n" % (when, when),
           "data %d\n%s\n" % (len(message), message)]
    for path, text in changed.items():
        if text is None:
            out.append("D %s\n" % path)
        else:
            out.append("M 644 inline %s\ndata %d\n%s\n" % (path, len(text.encode()), text))
    return "".join(out)


def feed(repo, stream):
    subprocess.run(["git", "-C", repo, "fast-import", "--quiet"], input=stream.encode(), check=True)


def add(repo, when, message, changed):
    """One more commit on the branch."""
    head, rest = commit(when, message, changed).split("data ", 1)
    size, body = rest.split("\n", 1)
    text = body[: int(size) + 1]
    feed(repo, "%sdata %s\n%sfrom refs/heads/main^0\n%s" % (head, size, text, body[int(size) + 1 :]))


def make(repo, devices, policies, groups, shape="company", keys=None):
    """Path and text of every file. The repository is packed as a server would: git repack."""
    with tempfile.TemporaryDirectory(prefix="yett-bench.") as work:
        gen.generate(work, devices, policies, groups, shape)
        files = documents(work, lambda title: title[-2:], ("devices",))
    for path, text in (keys or {}).items():
        files[path] = text
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repo], check=True)
    feed(repo, commit(START, "The network", files))
    subprocess.run(["git", "-C", repo, "repack", "-adq"], check=True)
    return files


def run(args, stdin=None, ok=(0,)):
    """Runs it: seconds of the clock, seconds of the processors, MB of the largest resident set, output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        p = subprocess.Popen(args, stdin=stdin, stdout=out, stderr=err)
        _, status, usage = os.wait4(p.pid, 0)
        seconds = time.monotonic() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if p.returncode not in ok:
            sys.exit("%s ended with %d:\n%s" % (" ".join(args), p.returncode, err.read().decode()[-2000:]))
        return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read().decode()


class Table:
    """Rows of figures, each against a floor or a peer; remembers whether a target was missed."""

    def __init__(self):
        self.missed = 0

    def row(self, name, text, target=None, held=None):
        word = "" if held is None else "held" if held else "MISSED"
        self.missed += held is False
        print("  %-44s %-44s %s%s" % (name, text, "target %s: " % target if target else "", word), flush=True)


def machine():
    """What it ran on, for the report."""
    with open("/proc/cpuinfo") as f:
        model = next((x.split(":", 1)[1].strip() for x in f if x.startswith("model name")), "unknown processor")
    return "%d processors of %s, Linux %s, load %.1f" % (os.cpu_count(), model, os.uname().release, os.getloadavg()[0])


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
