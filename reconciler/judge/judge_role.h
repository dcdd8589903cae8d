/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_role - the role that decides whether a commit may come into force. It gets bytes from the fetch role, which reads what strangers
 * serve, and believes none of them but by their hashes and signatures. It opens nothing: no file, no socket, no git library.
 */
#pragma once

int judge_main(int sock);
