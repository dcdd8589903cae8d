#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command as if the kernel lacked Landlock or seccomp filters: without_call.py landlock|seccomp COMMAND..."""
import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
LANDLOCK_CREATE_RULESET = 444
PRCTL = {"x86_64": 157, "aarch64": 167}[platform.machine()]
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
what = {
    # (call, first argument or None, error)
    "landlock": (LANDLOCK_CREATE_RULESET, None, 38),
    "seccomp": (PRCTL, PR_SET_SECCOMP, 22),
}[sys.argv[1]]
call, argument, error = what
code = [(LOAD, 0, 0, 0), (EQUAL, 0, 1 if argument is None else 3, call)]
if argument is not None:
    code += [(LOAD, 0, 0, 16), (EQUAL, 0, 1, argument)]
code += [(RETURN, 0, 0, ERRNO | error), (RETURN, 0, 0, ALLOW)]
program = b"".join(struct.pack("HBBI", c, yes, no, k) for c, yes, no, k in code)
memory = ctypes.create_string_buffer(program, len(program))
fprog = struct.pack("HxxxxxxP", len(code), ctypes.addressof(memory))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, ctypes.create_string_buffer(fprog, len(fprog)), 0, 0):
    sys.exit(f"cannot filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[2], sys.argv[2:])
