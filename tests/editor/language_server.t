#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The JSON Schema in an editor: yaml-language-server, with the settings of contrib/editor, says what is wrong with a file
and completes what is missing. The server comes from npm, once, into the build folder.
"""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
YETT = os.path.join(BUILD, "yett")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from client import Client  # noqa: E402  pylint: disable=wrong-import-position


def install():
    """The folder with the server; None where the registry cannot be reached."""
    with open(HERE + "/package-lock.json", "rb") as f:
        home = "%s/editor/%s" % (BUILD, hashlib.sha256(f.read()).hexdigest()[:12])
    if os.path.exists(home + "/done"):
        return home
    os.makedirs(home, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), home)
    done = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1",
                           "--fetch-timeout=20000"], cwd=home, check=False, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        open(home + "/done", "w", encoding="utf-8").close()
        return home
    reachable = subprocess.run(["npm", "ping", "--silent", "--fetch-retries=0", "--fetch-timeout=10000"], check=False, timeout=60,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    if reachable:
        sys.exit("npm ci failed: " + done.stdout.decode())
    return None


def settings(schema):
    """What contrib/editor/vscode/settings.json says, with the schema's place, as the server wants it."""
    with open(ROOT + "/contrib/editor/vscode/settings.json", encoding="utf-8") as f:
        shipped = json.load(f)
    files = shipped["yaml.schemas"]["./.vscode/yett.schema.json"]
    return {"yaml": {"schemas": {"file://" + schema: files}, "validate": True, "completion": True, "hover": True,
                     "format": {"enable": shipped["yaml.format.enable"]}, "schemaStore": {"enable": False}}}


COUNT = 0
FAILED = False


def result(good, name, about=""):
    global COUNT, FAILED
    COUNT += 1
    print("%sok %d - %s" % ("" if good else "not ", COUNT, name))
    if not good:
        FAILED = True
        print("# %s" % (about,))


def said(found, line, text):
    return any(d["range"]["start"]["line"] == line and text in d["message"] for d in found)


BAD = """kind: Device
name: x
ownr: ana
platform: toaster
public_key: abc
addresses: 10.7.0.2
---
kind: Polcy
name: y
---
kind: Policy
name: Z!
from: []
to: [any]
priority: 1001
when: {days: [monday]}
"""

COMPLETIONS = [
    ("kinds", "kind: ", ["Device", "Policy", "Network"], ["linux"]),
    ("the fields of a device", "kind: Device\nname: x\np", ["platform", "public_key", "addresses", "owner"], ["endpoint", "from"]),
    ("the fields of a policy", "kind: Policy\nname: x\n", ["from", "to", "priority", "when"], ["public_key"]),
    ("the words of a field", "kind: Device\nname: x\nplatform: ", ["linux", "android"], ["Device"]),
    ("the words of a gateway's state", "kind: Gateway\nname: x\nstate: ", ["active", "draining", "maintenance"], []),
    ("the fields of a mapping in it", "kind: Policy\nname: x\nwhen:\n  ", ["days", "hours", "timezone"], ["from"]),
    ("true and false", "kind: Policy\nname: x\nlog: ", ["true", "false"], []),
    ("a second document", "kind: User\nname: x\n---\nkind: Gateway\nname: y\n", ["endpoint", "site"], ["email"]),
]


def formatted(tree, work):
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(tree, work)
    subprocess.run([YETT, "fmt", "--quiet", work], check=True)
    return work


def main():
    home = install()
    if home is None:
        print("1..0 # SKIP the npm registry cannot be reached")
        return
    work = BUILD + "/editor/work"
    os.makedirs(work, exist_ok=True)
    schema = work + "/yett.schema.json"
    with open(schema, "w", encoding="utf-8") as f:
        f.write(subprocess.run([YETT, "schema"], check=True, stdout=subprocess.PIPE).stdout.decode())
    server = ["node", home + "/node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"]
    client = Client(server, settings(schema), "file:///tree")

    found = client.open("file:///tree/devices/bad.yaml", BAD)
    result(said(found, 2, "ownr"), "an unknown field is underlined", found)
    result(said(found, 3, "linux"), "a word that the field does not have, with those that it has", found)
    result(said(found, 4, "pattern"), "a key that is none", found)
    result(said(found, 5, "array"), "a value where a list is wanted", found)
    result(said(found, 7, "Policy"), "an unknown kind", found)
    result(said(found, 11, "pattern"), "a name that is none", found)
    result(said(found, 12, ""), "an empty list where something must be", found)
    result(said(found, 14, "1000"), "a number that is too big", found)
    result(said(found, 15, "mon"), "a day that is none", found)
    result(all(d["range"]["start"]["line"] in (0, 2, 3, 4, 5, 7, 11, 12, 14, 15) for d in found), "and nothing else", found)
    result("What the device runs" in client.hover("file:///tree/devices/bad.yaml", 3, 2), "a field is explained")
    result(not client.open("file:///tree/.gitlab-ci.yml", "stages: [x]\n"), "files that are no policies are left alone")

    for i, (name, text, wanted, unwanted) in enumerate(COMPLETIONS):
        lines = text.split("\n")
        labels = client.complete("file:///tree/c%d.yaml" % i, text, len(lines) - 1, len(lines[-1]))
        result(set(wanted) <= set(labels) and not set(unwanted) & set(labels), "completes " + name, labels)

    for example in ("quickstart", "acme"):
        tree = "%s/examples/%s/tree" % (ROOT, example)
        for kind, folder in (("as it is", tree), ("formatted", formatted(tree, work + "/" + example))):
            texts = {}
            for path in sorted(glob.glob(folder + "/**/*.yaml", recursive=True)):
                with open(path, encoding="utf-8") as f:
                    texts["file:///tree/%s/%s" % (kind[:2], os.path.relpath(path, folder))] = f.read()
            wrong = [(uri, d["message"]) for uri, found in client.open_all(texts).items() for d in found]
            result(len(texts) > 5 and not wrong, "nothing is wrong with the example %s, %s" % (example, kind), wrong[:5])
    client.close()
    print("1..%d" % COUNT)
    sys.exit(FAILED)


main()
