/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wg_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bug.h"
#include "kernel/wg_uapi.h"

#define SILENCE_SECONDS 5 /* of the other side before it is given up */

int wg_socket_connect(const char *interface)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval silence = { .tv_sec = SILENCE_SECONDS };

	if (!wg_interface_name_valid(interface))
		return -EINVAL;
	int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s.sock", WG_SOCKET_DIR, interface);
	if (n < 0 || (size_t)n >= sizeof(to.sun_path))
		BUG("socket path of %s", interface);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence)) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}
