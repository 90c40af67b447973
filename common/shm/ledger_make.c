/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger's life in the master, whatever it lies in: locked, given room,
 * mapped, filled with its header, freed. */
#include "common/base/log.h"
#include "common/shm/ledger_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ledger *
ledger_new(void)
{
	struct ledger *ledger = xcalloc(1, sizeof(*ledger));

	ledger->viewer = VIEWER_MASTER;
	ledger->directory = ledger->fd = ledger->readonly = -1;
	return ledger;
}

int
ledger_lock(int fd, const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;
	if (fcntl(fd, F_GETLK, &lock) != 0)
		lock.l_pid = 0;
	log_at(LOG_ERROR,
	    "another instance uses this ledger file=%s/" LEDGER_FILE
	    " pid=%d hint=\"give each a state.directory and an "
	    "xmpp.manager.name of its own\"",
	    path, (int)lock.l_pid);
	return -EBUSY;
}

/* A store to a page that a full disk cannot hold would be a signal. */
int
ledger_take_room(int fd, uint64_t bytes)
{
	return -posix_fallocate(fd, 0, (off_t)bytes);
}

/* What is written to a file of version 1 is not kept. */
int
ledger_map(struct ledger *ledger)
{
	int how = ledger->shape.version == 1 ? MAP_PRIVATE : MAP_SHARED;
	void *at = mmap(NULL, ledger->bytes, PROT_READ | PROT_WRITE,
	    how | MAP_NORESERVE, ledger->fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	ledger->base = at;
	return 0;
}

static void
write_header(struct ledger *ledger)
{
	const struct ledger_shape *shape = &ledger->shape;
	struct ledger_header *header = ledger_part(ledger, LEDGER_HEADER, 0);
	unsigned i;

	memcpy(header->magic, LEDGER_MAGIC, sizeof(header->magic));
	header->version = LEDGER_VERSION;
	header->partition_count = shape->partition_count;
	header->slots_per_partition = shape->slots_per_partition;
	header->former_count = shape->former_count;
	for (i = 0; i < LEDGER_NAMES; i++)
		memcpy(header->names[i], shape->names[i],
		    sizeof(shape->names[i]));
}

int
ledger_make(struct ledger *ledger)
{
	int error;

	ledger->bytes = ledger_lay_out(&ledger->shape, ledger->spans);
	/* The pages of one that is volatile come when they are touched. */
	if (ledger->directory >= 0)
		error = ledger_take_room(ledger->fd, ledger->bytes);
	else
		error = ftruncate(ledger->fd, (off_t)ledger->bytes) == 0
			    ? 0
			    : -errno;
	if (error)
		return error;
	ledger->readonly = view_open_readonly(ledger->fd);
	if (ledger->readonly < 0)
		return ledger->readonly;
	error = ledger_map(ledger);
	if (!error)
		write_header(ledger);
	return error;
}

int
ledger_new_volatile(const char *name, uint32_t partition_count,
    uint32_t slots_per_partition, struct ledger **ledger_out)
{
	struct ledger *ledger = ledger_new();
	int error;

	ledger->shape.version = LEDGER_VERSION;
	ledger->shape.partition_count = partition_count;
	ledger->shape.slots_per_partition = slots_per_partition;
	snprintf(ledger->shape.names[0], sizeof(ledger->shape.names[0]), "%s",
	    name);
	ledger->fd = memfd_create("cmanager-ledger", MFD_CLOEXEC);
	error = ledger->fd < 0 ? -errno : ledger_make(ledger);
	if (error)
		ledger_free(&ledger);
	*ledger_out = ledger;
	return error;
}

void
ledger_free(struct ledger **ledger)
{
	struct ledger *l = *ledger;

	if (!l)
		return;
	/* A child has holes in it that may be something else's by now. */
	if (l->base && l->fd >= 0)
		munmap(l->base, l->bytes);
	if (l->readonly >= 0)
		close(l->readonly);
	if (l->fd >= 0)
		close(l->fd);
	if (l->directory >= 0)
		close(l->directory);
	free(l->path);
	free(l);
	*ledger = NULL;
}
