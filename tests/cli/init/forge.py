#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A forge's comments, as far as CI uses them: a program that stands in for gh and curl. Comments live in $FORGE_DIR, one
file a comment, named by its number; what was asked for stands in $FORGE_DIR/log.
"""
import json
import os
import sys
import urllib.parse

DIR = os.environ["FORGE_DIR"]
args = sys.argv[1:]
method, url, body, jq, token = "GET", None, None, None, os.environ.get("GH_TOKEN", "")
i = 0
while i < len(args):
    arg = args[i]
    value = args[i + 1] if i + 1 < len(args) else ""
    if arg in ("-X", "--request"):
        method, i = value, i + 1
    elif arg == "-F":
        body, i = open(value.split("=@", 1)[1], encoding="utf-8").read(), i + 1
    elif arg == "--data-urlencode":
        body, i = open(value.split("@", 1)[1], encoding="utf-8").read(), i + 1
    elif arg == "--data":
        body, i = json.load(sys.stdin)["body"], i + 1
    elif arg == "--jq":
        jq, i = value, i + 1
    elif arg == "--header":
        if "Authorization" in value or "TOKEN" in value:
            token = value.split()[-1]
        i += 1
    elif arg == "--output":
        i += 1
    elif not arg.startswith("-") and arg != "api":
        url = arg
    i += 1

if token != "secret-token":
    sys.exit("no right to do this")
path = urllib.parse.urlparse(url).path
with open(DIR + "/log", "a", encoding="utf-8") as log:
    print(method, path, file=log)
numbers = sorted(int(n) for n in os.listdir(DIR) if n.isdigit())
if method == "GET":
    found = [{"id": n, "user": {"type": "Bot"}, "body": open("%s/%d" % (DIR, n), encoding="utf-8").read()} for n in numbers]
    if jq:
        os.execvp("jq", ["jq", "-rn", "--argjson", "all", json.dumps(found), "$all | " + jq])
    print(json.dumps(found))
else:
    number = int(path.rsplit("/", 1)[1]) if method in ("PATCH", "PUT") else len(numbers) + 1
    with open("%s/%d" % (DIR, number), "w", encoding="utf-8") as f:
        f.write(body)
