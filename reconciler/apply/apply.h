/* SPDX-License-Identifier: Apache-2.0 */
/* apply - the role that holds the private key and the door to the kernel, and reads nothing but checked plans. */
#pragma once

int apply_main(int sock);
