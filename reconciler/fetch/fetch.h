/* SPDX-License-Identifier: Apache-2.0 */
/* fetch - the role that talks to the git host: keeps a bare mirror, reads a commit's policy files into a bundle. */
#pragma once

int fetch_main(int sock);
