#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference against the schema, and every YAML example of the documentation against the compiler.

The examples of docs/language.md are one tree. Those of another page stand, each by itself, beside the quickstart's tree without
its tests, where a document of the same kind and name gives way; a page whose examples name other things says which tree
they stand beside: <!-- examples: examples/acme/tree -->."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
os.chdir(ROOT)
sys.path.insert(0, "contrib/manual")
import language  # noqa: E402

YETT = os.path.join(os.environ.get("B", "build"), "yett")
TESTED_ELSEWHERE = {"docs/diagnostics.md", "docs/guardrails.md"}  # tests/golden/explain.t, tests/cli/guardrail.bats
DEFAULT_TREE = "examples/quickstart/tree"
failed, n = False, 0


def result(name, lines):
    global failed, n
    n += 1
    print("%sok %d - %s" % ("not " if lines else "", n, name))
    for line in lines:
        print("# " + line)
    failed = failed or bool(lines)


def check(tree):
    p = subprocess.run([YETT, "check", "-C", tree], capture_output=True, text=True, check=False)
    return p.returncode, p.stderr.splitlines()


def yaml_blocks(text):
    """Fenced YAML, and indented text that begins with a kind."""
    for m in re.finditer(r"^```(?:yaml|yml)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield m[1]
    for m in re.finditer(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE):
        block = re.sub(r"^    ", "", m[0], flags=re.MULTILINE).strip("\n") + "\n"
        if re.match(r"(#.*\n)*kind: ", block):
            yield block


def identity(text):
    return {(d["kind"], str(d["name"])) for d in yaml.load_all(text, yaml.BaseLoader) if isinstance(d, dict) and "kind" in d}


def stand_beside(base, block, tree):
    """The base without tests and without what the block replaces."""
    shutil.copytree(base, tree)
    taken = identity(block)
    for path in glob.glob(tree + "/**/*.y*ml", recursive=True):
        with open(path, encoding="utf-8") as f:
            docs = re.split(r"^---\n", f.read(), flags=re.MULTILINE)
        kept = [d for d in docs if not identity(d) & taken and not any(k == "Test" for k, _ in identity(d))]
        with open(path, "w", encoding="utf-8") as f:
            f.write("---\n".join(kept))
    with open(os.path.join(tree, "example.yaml"), "w", encoding="utf-8") as f:
        f.write(block)


def page_result(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    said = re.search(r"<!-- examples: (\S+) -->", text)
    base, lines = said[1] if said else DEFAULT_TREE, []
    blocks = [b for b in yaml_blocks(text) if identity(b)]
    for block in blocks:
        with tempfile.TemporaryDirectory(prefix="yett-docs.") as work:
            tree = os.path.join(work, "tree")
            stand_beside(base, block, tree)
            status, out = check(tree)
            errors = [line for line in out if ": error: " in line and "[E_GUARDRAIL]" not in line]
            if status != 0 and errors:
                lines += [block.split("\n")[0] + " " + block.split("\n")[1]] + errors
    return blocks, lines


def main():
    if os.environ.get("GOLDEN_UPDATE"):
        subprocess.run(["contrib/manual/language.py", "--update"], check=True)
    p = subprocess.run(["contrib/manual/language.py"], capture_output=True, text=True, check=False)
    result("the tables of docs/language.md and docs/man/yett-language.5 are made from the rows", p.stdout.splitlines())
    page = language.read("docs/language.md")
    with tempfile.TemporaryDirectory(prefix="yett-docs.") as work:
        with open(os.path.join(work, "page.yaml"), "w", encoding="utf-8") as f:
            f.write("---\n".join(language.examples(page)))
        status, out = check(work)
        result("the examples of docs/language.md are one tree that checks, without a warning", out if status or any("warning: " in x for x in out) else [])
    kinds = set(re.findall(r"^### (\w+)$", subprocess.run([YETT, "schema", "--format=markdown"], capture_output=True, text=True, check=True).stdout, re.MULTILINE)) - {"Types"}
    result("each table stands in the reference", sorted("no table of " + k for k in (kinds | {"Types"}) - set(re.findall(r"<!-- fields: (\w+) -->", page))))
    shown = {k for b in language.examples(page) for k, _ in identity(b)}
    result("each kind has an example", sorted("no example of " + k for k in kinds - {"Common"} - shown))
    for path in sorted(glob.glob("docs/*.md") + glob.glob("docs/decisions/*.md") + ["README.md"]):
        if path == "docs/language.md" or path in TESTED_ELSEWHERE:
            continue
        blocks, lines = page_result(path)
        if blocks:
            result("%s: its %d example%s" % (path, len(blocks), "" if len(blocks) == 1 else "s"), lines)
    print("1..%d" % n)
    return failed


sys.exit(main())
