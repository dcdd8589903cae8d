/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects - git objects as raw bytes, found by the hash that is computed here: whoever hands them over can leave some out, and
 * cannot change one. No git library is used to read them.
 *
 * As one run of bytes, to hand from process to process: "YETTOBJ1", u8 bytes of an id (20 or 32), then per object u8
 * enum object_type, u32 length (little-endian), bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "source/source.h"

#define OBJECTS_BYTES_MAX ((size_t)256 << 20)
#define OBJECTS_MAX 1000000u
#define OBJECT_ID_MAX 32
#define OBJECT_ID_TEXT_MAX (2 * OBJECT_ID_MAX + 1)

enum object_type { OBJECT_COMMIT = 1, OBJECT_TREE, OBJECT_BLOB };

struct object_id {
	uint8_t b[OBJECT_ID_MAX];
	uint8_t len; /* 20: SHA-1, 32: SHA-256, 0: none */
};

struct raw_object {
	struct object_id id;
	enum object_type type;
	const char *data;
	size_t len;
};

struct objects {
	struct raw_object *v;
	size_t n;
	uint32_t *place; /* open addressing over v, 1 + index; 0: free */
	size_t places;   /* a power of two */
	uint8_t id_len;
};

/* Lower-case hex of 40 or 64 digits, or "" for none; false on anything else. */
bool object_id_parse(struct object_id *id, const char *hex);
/* n hex digits of a commit's header. */
bool object_id_parse_n(struct object_id *id, const char *hex, size_t n);
char *object_id_text(const struct object_id *id, char out[static OBJECT_ID_TEXT_MAX]);
bool object_id_equal(const struct object_id *a, const struct object_id *b);
/* What git calls an object of these bytes, with ids of id_len bytes. */
struct object_id object_hash(enum object_type type, const void *data, size_t len, uint8_t id_len);

/* ---- writing ---- */

void objects_begin(struct buf *out, uint8_t id_len);
void objects_add(struct buf *out, enum object_type type, const void *data, size_t len);

/* ---- reading ---- */

/* Hashes all of them. 0 or -EBADMSG; data must outlive o, the rest lives in a. */
int objects_open(struct objects *o, const void *data, size_t len, struct arena *a);
/* NULL where there is none of that type. */
const struct raw_object *objects_find(const struct objects *o, const struct object_id *id, enum object_type type);

/* ---- trees ---- */

#define OBJECT_MODE_FOLDER 0040000u
#define OBJECT_MODE_FILE 0100644u
#define OBJECT_MODE_EXECUTABLE 0100755u
#define OBJECT_MODE_LINK 0120000u
#define OBJECT_MODE_SUBMODULE 0160000u

struct object_entry {
	unsigned int mode;
	const char *name; /* inside the object, NUL-terminated */
	struct object_id id;
};

/* The next entry of a tree from *p on: 1, 0 at the end, -EBADMSG where the bytes are no tree. */
int object_entry_next(const char **p, const char *end, uint8_t id_len, struct object_entry *e);
/* git's order of entries: bytes, a folder's name counting with a '/' at its end. */
int object_entry_cmp(const struct object_entry *a, const struct object_entry *b);

/* Why a tree could not be followed. */
struct object_error {
	const char *code; /* E_ODB_MISSING, or one about trees, static; NULL: nothing wrong */
	const char *why;  /* one sentence, in the arena */
};

/* The folder at path ("": root itself) below a tree. 0; -ENOENT: no such folder; -EBADMSG with *e. */
int objects_folder(const struct objects *o, const struct object_id *root, const char *path, struct object_id *folder,
		   struct arena *a, struct object_error *e);
/* The file at path below a tree; as objects_folder(). */
int objects_file(const struct objects *o, const struct object_id *root, const char *path, const struct raw_object **file,
		 struct arena *a, struct object_error *e);

/*
 * Paths that differ between two trees (either may have no id: the empty tree), sorted as git sorts, into a; a file counts as changed when
 * its mode does. -EBADMSG with *e.
 */
int objects_diff(const struct objects *o, const struct object_id *was, const struct object_id *is, const char ***path,
		 size_t *npaths, struct arena *a, struct object_error *e);

/*
 * The policy files of a whole tree with every check that source.h's walk makes, from the trees alone: data of each file is its id's
 * bytes and len their number. Mistakes go to d. -EBADMSG with *e.
 */
int objects_source(const struct objects *o, const struct object_id *root, struct source *s, struct arena *a,
		   struct diags *d, struct object_error *e);
