/* SPDX-License-Identifier: Apache-2.0 */
/* A new ledger in the place of one that does not fit, with all that this has
 * left open: written beside it, then renamed. */
#include "common/base/log.h"
#include "common/shm/ledger_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEW_FILE LEDGER_FILE ".new"

/* --- what was left open --- */

/* The name's number, or LEDGER_NAMES when there is no room for it. */
static unsigned
intern_name(struct ledger_shape *shape, const char *name)
{
	unsigned i;

	for (i = 0; i < LEDGER_NAMES; i++) {
		if (!shape->names[i][0])
			memcpy(shape->names[i], name, strlen(name) + 1);
		if (strcmp(shape->names[i], name) == 0)
			return i;
	}
	return LEDGER_NAMES;
}

/* Counts the sessions to be carried over and notes their names. */
static void
count_open(const struct ledger *ledger, struct ledger_shape *shape)
{
	uint32_t row, rows = ledger_row_count(ledger), forgotten = 0;
	struct ledger_entry entry;

	for (row = 0; row < rows; row++) {
		if (!ledger_is_live(ledger, row, &entry))
			continue;
		if (shape->former_count < LEDGER_FORMER_MAX &&
		    intern_name(shape, entry.name) < LEDGER_NAMES)
			shape->former_count++;
		else
			forgotten++;
	}
	if (forgotten)
		log_at(LOG_WARNING,
		    "sessions of more than %u former manager names are not"
		    " closed count=%u",
		    LEDGER_NAMES - 1, forgotten);
}

static void
copy_open(const struct ledger *ledger, struct ledger *next)
{
	struct ledger_former *to = ledger_part(next, LEDGER_FORMER, 0);
	_Atomic uint16_t *ends = ledger_part(next, LEDGER_FORMER_ENDS, 0);
	uint32_t row, rows = ledger_row_count(ledger), count = 0;
	struct ledger_entry entry;
	unsigned name;

	for (row = 0; row < rows && count < next->shape.former_count; row++) {
		if (!ledger_is_live(ledger, row, &entry))
			continue;
		name = intern_name(&next->shape, entry.name);
		if (name == LEDGER_NAMES)
			continue;
		to[count].slot = entry.slot;
		to[count].name = (uint16_t)name;
		memcpy(to[count].nonce, entry.nonce, SESSION_NONCE_BYTES);
		count++;
	}
	/* Some may have ended since they were counted. */
	for (; count < next->shape.former_count; count++)
		ends[count] = LEDGER_FORMER_GENERATION;
}

/* --- replacing --- */

static int
write_beside(const struct ledger *ledger, struct ledger *next)
{
	int error;

	if (unlinkat(ledger->directory, NEW_FILE, 0) != 0 && errno != ENOENT)
		return -errno;
	next->fd = openat(ledger->directory, NEW_FILE,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (next->fd < 0)
		return -errno;
	error = ledger_lock(next->fd, ledger->path);
	if (!error)
		error = ledger_make(next);
	if (error)
		return error;
	copy_open(ledger, next);
	return fsync(next->fd) == 0 ? 0 : -errno;
}

/* From here on it is the ledger, or it never was. */
static int
put_in_place(int directory)
{
	if (renameat(directory, NEW_FILE, directory, LEDGER_FILE) != 0)
		return -errno;
	(void)fsync(directory);
	return 0;
}

static int
renew(struct ledger *ledger, const struct ledger_shape *shape)
{
	struct ledger *next = xcalloc(1, sizeof(*next)), old;
	int error;

	*next = (struct ledger){ .shape = *shape,
		.viewer = VIEWER_MASTER,
		.path = ledger->path,
		.directory = ledger->directory,
		.fd = -1,
		.readonly = -1 };
	count_open(ledger, &next->shape);
	error = write_beside(ledger, next);
	if (!error)
		error = put_in_place(ledger->directory);
	if (error) {
		(void)unlinkat(ledger->directory, NEW_FILE, 0);
	} else {
		if (ledger->base)
			log_at(LOG_NOTICE,
			    "the ledger is replaced former_version=%u"
			    " former_name=%s open_sessions=%u",
			    ledger->shape.version, ledger->shape.names[0],
			    next->shape.former_count);
		old = *ledger;
		*ledger = *next;
		*next = old;
	}
	next->path = NULL; /* these stay */
	next->directory = -1;
	ledger_free(&next);
	return error;
}

static bool
has_open_former(const struct ledger *ledger)
{
	uint32_t rows = ledger_row_count(ledger);
	uint32_t row = rows - ledger->shape.former_count;
	struct ledger_entry entry;

	for (; row < rows; row++)
		if (ledger_is_live(ledger, row, &entry))
			return true;
	return false;
}

static bool
fits(const struct ledger *ledger, const struct ledger_shape *shape)
{
	const struct ledger_shape *has = &ledger->shape;

	return ledger->base && has->version == shape->version &&
	       has->partition_count == shape->partition_count &&
	       has->slots_per_partition == shape->slots_per_partition &&
	       strcmp(has->names[0], shape->names[0]) == 0 &&
	       (has->former_count == 0 || has_open_former(ledger));
}

int
ledger_settle(struct ledger *ledger, const char *name, uint32_t partition_count,
    uint32_t slots_per_partition)
{
	struct ledger_shape shape = { .version = LEDGER_VERSION,
		.partition_count = partition_count,
		.slots_per_partition = slots_per_partition };
	int error = 0;

	if (!ledger_is_name(name) || partition_count < 1 ||
	    partition_count > LEDGER_PARTITION_MAX || slots_per_partition < 1 ||
	    (uint64_t)partition_count * slots_per_partition > LEDGER_SLOT_MAX)
		return -EINVAL;
	snprintf(shape.names[0], sizeof(shape.names[0]), "%s", name);
	if (!fits(ledger, &shape))
		error = renew(ledger, &shape);
	if (!error && ledger->directory >= 0) {
		close(ledger->directory);
		ledger->directory = -1;
	}
	return error;
}
