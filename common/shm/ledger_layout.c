/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ledger_layout.h"

#include <string.h>

_Static_assert(sizeof(struct ledger_header) <= VIEW_PAGE, "one page");
_Static_assert(sizeof(struct ledger_header_1) <= VIEW_PAGE, "frozen layout");
_Static_assert(offsetof(struct ledger_header_1, processes) == 88,
    "frozen layout");
_Static_assert(sizeof(struct ledger_row_1) == 16, "frozen layout");
_Static_assert(sizeof(struct ledger_former) == 16, "part of the layout");
_Static_assert(LEDGER_PROCESS_MAX * sizeof(struct ledger_process_entry) <=
		   VIEW_PAGE,
    "one page");

bool
ledger_is_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= MANAGER_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* False when the text is no name; one that is empty may be allowed. */
static bool
take_name(const char text[LEDGER_NAME_ROOM], bool may_be_empty,
    char name_out[MANAGER_NAME_MAX + 1])
{
	memcpy(name_out, text, MANAGER_NAME_MAX);
	name_out[MANAGER_NAME_MAX] = '\0';
	if (text[MANAGER_NAME_MAX] != '\0')
		return false;
	return ledger_is_name(name_out) || (may_be_empty && !name_out[0]);
}

static const char *
read_version_1(const uint8_t page[VIEW_PAGE], uint64_t bytes,
    struct ledger_shape *shape)
{
	struct ledger_header_1 header;

	memcpy(&header, page, sizeof(header));
	shape->partition_count = 1;
	shape->slots_per_partition = header.row_count;
	if (!take_name(header.name, false, shape->names[0]))
		return "its name is damaged";
	if (header.row_count < 1 || header.row_count > LEDGER_SLOT_MAX)
		return "its size is damaged";
	if (VIEW_PAGE + header.row_count * sizeof(struct ledger_row_1) != bytes)
		return "it is cut short or too long";
	return NULL;
}

static const char *
read_version_2(const uint8_t page[VIEW_PAGE], uint64_t bytes,
    struct ledger_shape *shape)
{
	struct view_span spans[LEDGER_PARTS];
	struct ledger_header header;
	unsigned i;

	memcpy(&header, page, sizeof(header));
	shape->partition_count = header.partition_count;
	shape->slots_per_partition = header.slots_per_partition;
	shape->former_count = header.former_count;
	for (i = 0; i < LEDGER_NAMES; i++)
		if (!take_name(header.names[i], i > 0, shape->names[i]))
			return "its name is damaged";
	if (shape->partition_count < 1 ||
	    shape->partition_count > LEDGER_PARTITION_MAX ||
	    shape->slots_per_partition < 1 ||
	    (uint64_t)shape->partition_count * shape->slots_per_partition >
		LEDGER_SLOT_MAX ||
	    shape->former_count > LEDGER_FORMER_MAX)
		return "its size is damaged";
	if (ledger_lay_out(shape, spans) != bytes)
		return "it is cut short or too long";
	return NULL;
}

const char *
ledger_shape_read(const uint8_t page[VIEW_PAGE], uint64_t bytes,
    struct ledger_shape *shape_out)
{
	uint32_t version;

	*shape_out = (struct ledger_shape){ 0 };
	if (bytes < VIEW_PAGE)
		return "it is cut short";
	if (memcmp(page, LEDGER_MAGIC, sizeof(LEDGER_MAGIC) - 1) != 0)
		return "it is not a ledger";
	memcpy(&version, page + offsetof(struct ledger_header, version),
	    sizeof(version));
	shape_out->version = version;
	if (version == 1)
		return read_version_1(page, bytes, shape_out);
	if (version == LEDGER_VERSION)
		return read_version_2(page, bytes, shape_out);
	if (version > 0 && version < UINT16_MAX)
		return "it is of a later version of this program";
	return "it is damaged, or of a machine with another byte order";
}

static uint64_t
set_part(struct view_span spans[LEDGER_PARTS], enum view_area area, uint64_t at,
    uint64_t bytes, uint64_t count)
{
	struct view_span *span = &spans[LEDGER_PART_OF(area)];

	span->offset = at;
	span->part = align_up(bytes, VIEW_PAGE);
	span->count = count;
	return at + span->part * count;
}

uint64_t
ledger_lay_out(const struct ledger_shape *shape,
    struct view_span spans_out[LEDGER_PARTS])
{
	uint64_t slots = shape->slots_per_partition,
		 former = shape->former_count;
	uint64_t partitions = shape->partition_count, at;

	at = set_part(spans_out, LEDGER_HEADER, 0, VIEW_PAGE, 1);
	at = set_part(spans_out, LEDGER_PROCESSES, at, VIEW_PAGE, 1);
	at = set_part(spans_out, LEDGER_CLAIMS, at,
	    slots * (sizeof(uint32_t) + SESSION_NONCE_BYTES), partitions);
	at = set_part(spans_out, LEDGER_ENDS, at, slots * sizeof(uint16_t),
	    partitions);
	at = set_part(spans_out, LEDGER_FORMER, at,
	    former * sizeof(struct ledger_former), former > 0);
	return set_part(spans_out, LEDGER_FORMER_ENDS, at,
	    former * sizeof(uint16_t), former > 0);
}

void *
ledger_part(const struct ledger *ledger, enum view_area area, uint32_t number)
{
	const struct view_span *span = &ledger->spans[LEDGER_PART_OF(area)];

	if (!ledger->base || number >= span->count ||
	    view_access(&ledger->viewer, area, number, span->count) ==
		VIEW_NOTHING)
		return NULL;
	return ledger->base + span->offset + number * span->part;
}
