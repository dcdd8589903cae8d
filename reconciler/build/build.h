/* SPDX-License-Identifier: Apache-2.0 */
/* build - the role that reads what people wrote: bundle in, this gateway's plan out; touches neither network nor kernel. */
#pragma once

int build_main(int sock);
