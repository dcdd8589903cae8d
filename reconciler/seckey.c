/* SPDX-License-Identifier: Apache-2.0 */
#include "seckey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define TEXT_LEN (KEY_TEXT_MAX - 1)
#define READ_LEN (KEY_TEXT_MAX + 1) /* one byte more than a key and its newline, to see that there is more */

/*
 * In the service manager's own folder of credentials (LoadCredential=, systemd.exec(5)): it belongs to root, and an access list that shows
 * as the group's right lets the service's user read it.
 */
static bool is_credential(const char *path, const struct stat *st)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir != NULL ? strlen(dir) : 0;

	return n > 0 && strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL && st->st_uid == 0 &&
	       !(st->st_mode & 0337);
}

static int check_file(int fd, const char *path, char *err, size_t err_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		snprintf(err, err_size, "cannot look at private_key_file %s: %s", path, strerror(errno));
		return -EIO;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(err, err_size, "private_key_file %s is not a regular file", path);
		return -EINVAL;
	}
	if (is_credential(path, &st))
		return 0;
	if (st.st_uid != geteuid()) {
		snprintf(err, err_size, "private_key_file %s belongs to user %lu and not to user %lu, who runs yettd", path,
			 (unsigned long)st.st_uid, (unsigned long)geteuid());
		return -EPERM;
	}
	if (st.st_mode & 077) {
		snprintf(err, err_size, "private_key_file %s can be read by others (mode %04o); type: chmod 600 %s", path,
			 (unsigned int)st.st_mode & 07777, path);
		return -EPERM;
	}
	return 0;
}

static ssize_t read_text(int fd, char text[static READ_LEN])
{
	size_t got = 0;

	while (got < READ_LEN) {
		ssize_t n = read(fd, text + got, READ_LEN - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Canonical base64 only: what we decoded must encode to the same text. */
static bool decode(const char *text, size_t len, struct seckey *key, char again[static KEY_TEXT_MAX])
{
	size_t n = 0;

	if (len == TEXT_LEN + 1 && text[TEXT_LEN] == '\n')
		len--;
	if (len != TEXT_LEN || sodium_base642bin(key->b, sizeof(key->b), text, len, NULL, &n, NULL,
						 sodium_base64_VARIANT_ORIGINAL) != 0 || n != sizeof(key->b))
		return false;
	sodium_bin2base64(again, KEY_TEXT_MAX, key->b, sizeof(key->b), sodium_base64_VARIANT_ORIGINAL);
	return sodium_memcmp(again, text, TEXT_LEN) == 0;
}

static int load_fd(int fd, const char *path, struct seckey *key, char *err, size_t err_size)
{
	char *room = sodium_malloc(READ_LEN + KEY_TEXT_MAX); /* the text, and its second encoding */
	if (room == NULL) {
		snprintf(err, err_size, "no locked memory for the private key");
		return -ENOMEM;
	}
	int ret = 0;
	ssize_t n = read_text(fd, room);
	if (n < 0) {
		ret = (int)n;
		snprintf(err, err_size, "cannot read private_key_file %s: %s", path, strerror(-ret));
	} else if (!decode(room, (size_t)n, key, room + READ_LEN)) {
		ret = -EINVAL;
		snprintf(err, err_size, "private_key_file %s does not hold a WireGuard private key (44 characters of base64, as `wg genkey` prints)",
			 path);
	}
	sodium_free(room);
	return ret;
}

int seckey_load(const char *path, struct seckey **key, char *err, size_t err_size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int ret = -errno;
		snprintf(err, err_size, "cannot open private_key_file %s: %s", path, strerror(-ret));
		return ret;
	}
	int ret = check_file(fd, path, err, err_size);
	struct seckey *k = ret == 0 ? sodium_malloc(sizeof(*k)) : NULL;
	if (ret == 0 && k == NULL) {
		snprintf(err, err_size, "no locked memory for the private key");
		ret = -ENOMEM;
	}
	if (ret == 0)
		ret = load_fd(fd, path, k, err, err_size);
	close(fd);
	if (ret < 0) {
		seckey_free(k);
		return ret;
	}
	*key = k;
	return 0;
}

void seckey_free(struct seckey *key)
{
	sodium_free(key); /* wipes */
}

void seckey_public(const struct seckey *key, struct pubkey *out)
{
	/* Fails for no input: the base point has full order. */
	if (crypto_scalarmult_curve25519_base(out->b, key->b) != 0)
		memset(out, 0, sizeof(*out));
}
