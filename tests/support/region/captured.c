/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/region/captured.h"

#include "common/shm/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMFD    "/memfd:cmanager (deleted)"
#define PATH_CAP 512

void
captured_fail(const char *what)
{
	fprintf(stderr, "forge: %s\n", what);
	exit(2);
}

/* --- the region --- */

static bool
is_region(const char *path)
{
	char name[PATH_CAP];
	ssize_t len = readlink(path, name, sizeof(name) - 1);

	if (len < 0)
		return false;
	name[len] = '\0';
	return !strcmp(name, MEMFD);
}

/* Of the master, which alone still has the descriptor. */
static int
open_file(const char *master)
{
	char folder[PATH_CAP], path[2 * PATH_CAP];
	const struct dirent *entry;
	int fd = -1;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%s/fd", master);
	dir = opendir(folder);
	if (!dir)
		captured_fail("no such master, or it is not ours to look at");
	while (fd < 0 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (is_region(path))
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	if (fd < 0)
		captured_fail("the master has no region");
	return fd;
}

static void
map_region(struct region *region, int fd)
{
	struct region_header header;
	struct stat status;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.version != REGION_VERSION)
		captured_fail("the region is of another version");
	region->geometry = header.geometry;
	if (region_lay_out(&region->geometry, &region->layout) != 0 ||
	    fstat(fd, &status) != 0 ||
	    (uint64_t)status.st_size != region->layout.bytes)
		captured_fail("the region is laid out in another way");
	region->base = mmap(NULL, region->layout.bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (region->base == MAP_FAILED)
		captured_fail("the region cannot be mapped");
	region->fd = region->readonly = -1;
	region->viewer = VIEWER_MASTER;
}

/* --- sessions --- */

struct search {
	struct captured *captured;
	struct directory *directory;
	bool has_own, has_victim;
};

static void
take(const struct directory *directory, uint32_t slot, uint32_t generation,
    struct frame_id *id_out, char streamid_out[STREAMID_MAX + 1])
{
	uint8_t lane;

	*id_out = (struct frame_id){ .slot = slot, .generation = generation };
	if (directory_check(directory, slot, generation, &id_out->nonce32,
		&lane) != 0)
		captured_fail("a session has just ended");
	directory_streamid(directory, slot, streamid_out);
}

static void
look_at(void *context, uint32_t slot, uint32_t generation)
{
	struct search *search = context;
	struct captured *captured = search->captured;
	bool is_own =
	    directory_owner(search->directory, slot) == captured->partition;

	if (directory_info(search->directory, slot)->phase != SESSION_BOUND ||
	    (is_own ? search->has_own : search->has_victim))
		return;
	if (is_own)
		take(search->directory, slot, generation, &captured->own,
		    captured->own_streamid);
	else
		take(search->directory, slot, generation, &captured->victim,
		    captured->victim_streamid);
	search->has_own |= is_own;
	search->has_victim |= !is_own;
}

static void
find_sessions(struct captured *captured)
{
	struct search search = {
		.captured = captured,
		.directory = directory_new(&captured->region, NULL,
		    CAPTURED_MANAGER, NULL),
	};

	directory_each_live(search.directory, -1, look_at, &search);
	directory_free(&search.directory);
	if (!search.has_own)
		captured_fail("nobody is logged in through this worker");
	if (!search.has_victim)
		captured_fail("nobody is logged in through another worker");
}

/* --- all --- */

void
captured_open(struct captured *captured, const char *master, uint32_t partition)
{
	int fd = open_file(master);

	memset(captured, 0, sizeof(*captured));
	map_region(&captured->region, fd);
	close(fd);
	if (partition >= captured->region.geometry.partition_count)
		captured_fail("no such partition");
	captured->partition = partition;
	find_sessions(captured);
	region_up_ring(&captured->region, partition,
	    captured->own.slot % LANE_COUNT, &captured->ring);
}

void
captured_count(struct captured *captured)
{
	struct worker_control *control =
	    region_worker_control(&captured->region, captured->partition);

	(void)atomic_fetch_add(&control->published, 1);
}
