/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ledger.h"

#include "common/base/log.h"
#include "common/shm/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEDGER_MAGIC   "cmledger"
#define LEDGER_VERSION 1u
#define HEADER_BYTES   4096u
#define PROCESS_MAX    200u
#define ROWS_MAX       (1u << 25)

/* The layout on disk, for ever. Numbers in the machine's byte order. */
struct ledger_process_entry {
	uint64_t start_ticks;
	uint32_t pid;
	uint32_t reserved;
};

struct ledger_header {
	char magic[8];
	uint32_t version;
	uint32_t row_count;
	char name[MANAGER_NAME_MAX + 8];
	struct ledger_process_entry processes[PROCESS_MAX];
};

struct ledger_row {
	uint8_t nonce[SESSION_NONCE_BYTES];
	_Atomic uint16_t ended; /* low 16 bits of the last use that is over */
	_Atomic uint32_t use;   /* stored last */
};

_Static_assert(sizeof(struct ledger_header) <= HEADER_BYTES, "one page");
_Static_assert(sizeof(struct ledger_row) == 16, "frozen layout");

struct ledger {
	struct ledger_header *header;
	struct ledger_row *rows;
	uint32_t row_count; /* as checked at the opening */
	size_t bytes;
	int fd; /* holds the lock; -1: volatile */
};

static size_t
file_bytes(uint32_t row_count)
{
	return HEADER_BYTES + (size_t)row_count * sizeof(struct ledger_row);
}

static void
write_header(struct ledger_header *header, const char *name, uint32_t row_count)
{
	CHECK(header);
	memset(header, 0, sizeof(*header));
	header->version = LEDGER_VERSION;
	header->row_count = row_count;
	snprintf(header->name, sizeof(header->name), "%s", name);
	/* Last: without it the file counts as not made yet. */
	memcpy(header->magic, LEDGER_MAGIC, sizeof(header->magic));
}

static bool
is_name(const char *name, size_t room)
{
	size_t len = strnlen(name, room);

	return len >= 1 && len <= MANAGER_NAME_MAX;
}

/* --- opening --- */

static int
lock_file(int fd, const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return -errno;
	if (fcntl(fd, F_GETLK, &lock) != 0)
		lock.l_pid = 0;
	log_at(LOG_ERROR, "another instance uses this ledger file=%s pid=%d",
	    path, (int)lock.l_pid);
	return -EBUSY;
}

static int
map_file(struct ledger *ledger, size_t bytes)
{
	/* A store to a page that a full disk cannot hold would be a signal. */
	int error = posix_fallocate(ledger->fd, 0, (off_t)bytes);
	void *at;

	if (error)
		return -error;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ledger->fd,
	    0);
	if (at == MAP_FAILED)
		return -errno;
	ledger->bytes = bytes;
	ledger->header = at;
	ledger->rows =
	    (struct ledger_row *)(void *)((uint8_t *)at + HEADER_BYTES);
	return 0;
}

static int
make_new(struct ledger *ledger, const char *name, uint32_t row_count)
{
	int error;

	if (ftruncate(ledger->fd, 0) != 0)
		return -errno;
	error = map_file(ledger, file_bytes(row_count));
	if (error) {
		(void)!ftruncate(ledger->fd, 0);
		return error;
	}
	write_header(ledger->header, name, row_count);
	ledger->row_count = row_count;
	return 0;
}

static bool
is_blank(const struct ledger_header *header)
{
	static const char nothing[sizeof(header->magic)];

	return memcmp(header->magic, nothing, sizeof(nothing)) == 0;
}

static bool
is_sound(const struct ledger_header *header, size_t bytes)
{
	return memcmp(header->magic, LEDGER_MAGIC, sizeof(header->magic)) ==
		   0 &&
	       header->version == LEDGER_VERSION && header->row_count >= 1 &&
	       header->row_count <= ROWS_MAX &&
	       file_bytes(header->row_count) == bytes &&
	       is_name(header->name, sizeof(header->name));
}

static int
take_over(struct ledger *ledger, size_t bytes, const char *name,
    uint32_t row_count)
{
	int error = map_file(ledger, bytes);

	if (error)
		return error;
	if (is_blank(ledger->header)) { /* its maker died before the end */
		munmap(ledger->header, bytes);
		ledger->header = NULL;
		return make_new(ledger, name, row_count);
	}
	if (!is_sound(ledger->header, bytes))
		return -EBADMSG;
	ledger->row_count = ledger->header->row_count;
	return 0;
}

static int
open_file(struct ledger *ledger, const char *path, const char *name,
    uint32_t row_count)
{
	struct stat status;
	int error;

	ledger->fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ledger->fd < 0)
		return -errno;
	error = lock_file(ledger->fd, path);
	if (error)
		return error;
	if (fstat(ledger->fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	if (status.st_size == 0)
		return make_new(ledger, name, row_count);
	if (status.st_size < (off_t)HEADER_BYTES ||
	    status.st_size > (off_t)file_bytes(ROWS_MAX))
		return -EBADMSG;
	return take_over(ledger, (size_t)status.st_size, name, row_count);
}

int
ledger_open(const char *directory, const char *name, uint32_t row_count,
    struct ledger **ledger_out)
{
	struct ledger *ledger;
	char path[4096];
	int error;

	*ledger_out = NULL;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/ledger", directory) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	ledger = xcalloc(1, sizeof(*ledger));
	ledger->fd = -1;
	error = open_file(ledger, path, name, row_count);
	if (error) {
		ledger_free(&ledger);
		return error;
	}
	*ledger_out = ledger;
	return 0;
}

struct ledger *
ledger_new_volatile(const char *name, uint32_t row_count)
{
	struct ledger *ledger = xcalloc(1, sizeof(*ledger));
	void *at;

	ledger->fd = -1;
	ledger->bytes = file_bytes(row_count);
	/* Shared: children write to it too. */
	at = mmap(NULL, ledger->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(at != MAP_FAILED);
	ledger->header = at;
	ledger->rows =
	    (struct ledger_row *)(void *)((uint8_t *)at + HEADER_BYTES);
	ledger->row_count = row_count;
	write_header(ledger->header, name, row_count);
	return ledger;
}

void
ledger_free(struct ledger **ledger)
{
	struct ledger *l = *ledger;

	if (!l)
		return;
	if (l->header)
		munmap(l->header, l->bytes);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	*ledger = NULL;
}

/* --- facts --- */

bool
ledger_matches(const struct ledger *ledger, const char *name,
    uint32_t row_count)
{
	return ledger->row_count == row_count &&
	       strncmp(ledger->header->name, name,
		   sizeof(ledger->header->name)) == 0;
}

const char *
ledger_name(const struct ledger *ledger)
{
	return ledger->header->name;
}

uint32_t
ledger_row_count(const struct ledger *ledger)
{
	return ledger->row_count;
}

int
ledger_restart(struct ledger *ledger, const char *name, uint32_t row_count)
{
	if (ledger_live_count(ledger) > 0)
		return -EBUSY;
	if (ledger->fd < 0)
		return -EINVAL;
	munmap(ledger->header, ledger->bytes);
	ledger->header = NULL;
	return make_new(ledger, name, row_count);
}

/* --- rows --- */

int
ledger_rename(struct ledger *ledger, const char *name)
{
	if (ledger_live_count(ledger) > 0)
		return -EBUSY;
	snprintf(ledger->header->name, sizeof(ledger->header->name), "%s",
	    name);
	return 0;
}

void
ledger_claim(struct ledger *ledger, uint32_t slot, const uint8_t nonce[10],
    uint32_t use)
{
	struct ledger_row *row;

	if (slot >= ledger->row_count)
		return;
	row = &ledger->rows[slot];
	memcpy(row->nonce, nonce, SESSION_NONCE_BYTES);
	atomic_store_explicit(&row->use, use, memory_order_release);
}

void
ledger_end(struct ledger *ledger, uint32_t slot, uint32_t use)
{
	if (slot < ledger->row_count)
		atomic_store_explicit(&ledger->rows[slot].ended, (uint16_t)use,
		    memory_order_release);
}

bool
ledger_is_live(const struct ledger *ledger, uint32_t slot,
    uint8_t nonce_out[10], uint32_t *use_out)
{
	const struct ledger_row *row;
	uint32_t use;

	if (slot >= ledger->row_count)
		return false;
	row = &ledger->rows[slot];
	use = atomic_load_explicit(&row->use, memory_order_acquire);
	memcpy(nonce_out, row->nonce, SESSION_NONCE_BYTES);
	*use_out = use;
	return (uint16_t)use !=
	       atomic_load_explicit(&row->ended, memory_order_acquire);
}

uint32_t
ledger_live_count(const struct ledger *ledger)
{
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint32_t slot, use, count = 0;

	for (slot = 0; slot < ledger->row_count; slot++)
		count += ledger_is_live(ledger, slot, nonce, &use);
	return count;
}

/* --- processes --- */

void
ledger_set_process(struct ledger *ledger, uint32_t number, pid_t pid,
    uint64_t start_ticks)
{
	struct ledger_process_entry *entry;

	if (number >= PROCESS_MAX)
		return;
	entry = &ledger->header->processes[number];
	entry->pid = 0;
	entry->start_ticks = start_ticks;
	entry->pid = (uint32_t)pid;
}

uint32_t
ledger_process_count(const struct ledger *ledger)
{
	(void)ledger;
	return PROCESS_MAX;
}

void
ledger_process(const struct ledger *ledger, uint32_t number, pid_t *pid_out,
    uint64_t *start_ticks_out)
{
	CHECK(number < PROCESS_MAX);
	*pid_out = (pid_t)ledger->header->processes[number].pid;
	*start_ticks_out = ledger->header->processes[number].start_ticks;
}
