/* SPDX-License-Identifier: Apache-2.0 */
/* commit_text - who made and signed a commit, as `yett log` and `yett can --blame` tell it. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "log/commit.h"

json_t *commit_text_person(const struct commit_person *p);
json_t *commit_text_signature_json(const struct commit *c);
/* "good, by ana@example.com (SHA256:...)" */
void commit_text_signature(const struct commit *c, struct buf *out);
