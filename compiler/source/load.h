/* SPDX-License-Identifier: Apache-2.0 */
/* load - the bytes of many blobs at once, by several threads; private to source/. */
#pragma once

#include "source/repo.h"

/*
 * Fills in data and len of each file of s, whose blob is id[i], and the bytes of s. False where one cannot be read, is larger than
 * SOURCE_FILE_MAX or all are larger than max_bytes: then nothing is as it should be, and who wants to know what is wrong reads one after
 * the other.
 */
bool load_blobs(const struct source_repo *r, const git_oid *id, uint64_t max_bytes, unsigned int threads, struct source *s,
		struct arena *a);
