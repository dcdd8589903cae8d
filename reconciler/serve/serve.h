/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve - the role that answers HTTP: /metrics, /healthz, /v1/status, and POST /v1/hook.
 *
 * It holds what the supervisor has told it and the webhook's secret, opens nothing, and can ask for nothing but a fetch.
 */
#pragma once

int serve_main(int sock);
