#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Judges a CI file that yett init wrote, and runs its steps as the forge would.

  ci.py judge FORGE FILE             complains about what a forge would refuse or should not trust
  ci.py run FORGE FILE KEY=VALUE...  runs the scripts in bash; ${{ KEY }} and variables come from the arguments
"""
import os
import re
import subprocess
import sys

import yaml

MODE, FORGE, FILE = sys.argv[1:4]
GIVEN = dict(arg.split("=", 1) for arg in sys.argv[4:])
STEP_KEYS = {"name", "if", "uses", "with", "env", "run"}


class Loader(yaml.SafeLoader):
    pass


# YAML 1.2, as the forges have it: `on` is a word.
Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rows if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

with open(FILE, encoding="utf-8") as f:
    doc = yaml.load(f, Loader)


def want(what, message):
    if not what:
        sys.exit("%s: %s" % (FILE, message))


def judge_script(text):
    want("${{" not in text, "an expression inside a script is an injection; pass it in env")
    want(subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0, "bash does not read: " + text)
    judged = subprocess.run(["shellcheck", "-s", "bash", "-S", "warning", "-"], input="set -e\n" + text, text=True, check=False)
    want(judged.returncode == 0, "shellcheck complains")


def judge_actions():
    want(set(doc) <= {"name", "on", "permissions", "concurrency", "jobs"}, "unknown keys: %s" % sorted(map(str, doc)))
    want(set(doc["on"]) == {"push", "pull_request"}, "it runs on pushes and pull requests, and never with a base's rights")
    want(list(doc["jobs"]) == ["yett"], "one job")
    job = doc["jobs"]["yett"]
    want(isinstance(job["runs-on"], str), "runs-on")
    if FORGE == "github":
        want(doc["permissions"] == {"contents": "read", "pull-requests": "write"}, "as few permissions as it needs")
    for step in job["steps"]:
        want(set(step) <= STEP_KEYS, "unknown keys in a step: %s" % sorted(step))
        want(("uses" in step) != ("run" in step), "a step uses or runs")
        if "uses" in step:
            want(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), "an action and its version")
        for value in step.get("env", {}).values():
            want(isinstance(value, str), "env values are text")
        if "run" in step:
            judge_script(step["run"])
    checkout = job["steps"][0]
    want(checkout["uses"].startswith("actions/checkout@") and checkout["with"]["fetch-depth"] == 0, "the whole history")


def judge_gitlab():
    want(list(doc) == ["yett"], "one job")
    job = doc["yett"]
    want(set(job) <= {"image", "variables", "rules", "before_script", "script", "artifacts"}, "unknown keys")
    want(all(isinstance(v, str) for v in job["variables"].values()), "variables are text")
    want(all(set(r) <= {"if"} for r in job["rules"]), "rules")
    for text in job["before_script"] + job["script"]:
        judge_script(text)


def expand(text):
    def value(match):
        key = match.group(1).strip()
        want(key in GIVEN, "an expression that the test does not know: " + key)
        return GIVEN[key]

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def run(text, env, fails_late):
    flags = ["-e"] if fails_late else ["-eo", "pipefail"]
    full = {**os.environ, **{k: v for k, v in GIVEN.items() if re.fullmatch(r"[A-Z_]+", k)}, **env}
    done = subprocess.run(["bash", "--noprofile", "--norc", *flags, "-c", text], env=full, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def run_actions():
    for step in doc["jobs"]["yett"]["steps"]:
        if "run" not in step:
            continue
        if "if" in step:
            want(step["if"] == "github.event_name == 'pull_request'", "a condition that the test does not know")
            if GIVEN["github.event_name"] != "pull_request":
                continue
        run(step["run"], {k: expand(v) for k, v in step.get("env", {}).items()}, False)


def run_gitlab():
    job = doc["yett"]
    for text in job["before_script"] + job["script"]:
        run(text, {}, True)


if MODE == "judge":
    judge_gitlab() if FORGE == "gitlab" else judge_actions()
else:
    run_gitlab() if FORGE == "gitlab" else run_actions()
