#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random histories: log against diff and can.
exec /usr/bin/python3 "$(dirname "$0")/log.py"
