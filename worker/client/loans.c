/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/loans.h"

#include "common/base/list.h"

static void
init_class(struct loan_class *class)
{
	size_t i;

	list_init(&class->order);
	for (i = 0; i < LOAN_SIZES; i++)
		list_init(&class->sizes[i]);
	class->count = 0;
	class->bytes = 0;
}

void
loans_init(struct loans *loans)
{
	init_class(&loans->unauthenticated);
	init_class(&loans->trusted);
}

void
loans_limit(struct loans *loans, unsigned count, size_t bytes)
{
	loans->count_max = count;
	loans->bytes_max = bytes;
}

static struct loan_class *
class_of(struct loans *loans, const struct loan *loan)
{
	return loan->trusted ? &loans->trusted : &loans->unauthenticated;
}

static size_t
size_of(size_t bytes)
{
	size_t size = 0;

	while (bytes > 1 && size < LOAN_SIZES - 1) {
		bytes /= 2;
		size++;
	}
	return size;
}

static void
enter(struct loans *loans, struct loan *loan)
{
	struct loan_class *class = class_of(loans, loan);

	list_append(&class->order, &loan->order);
	list_append(&class->sizes[size_of(loan->bytes)], &loan->size);
	class->count++;
	class->bytes += loan->bytes;
}

void
loans_add(struct loans *loans, struct loan *loan, bool trusted)
{
	list_init(&loan->order);
	list_init(&loan->size);
	loan->bytes = 0;
	loan->trusted = trusted;
	enter(loans, loan);
}

void
loans_remove(struct loans *loans, struct loan *loan)
{
	struct loan_class *class = class_of(loans, loan);

	list_remove(&loan->order);
	list_remove(&loan->size);
	class->count--;
	class->bytes -= loan->bytes;
}

static void
set_bytes(struct loan_class *class, struct loan *loan, size_t bytes)
{
	class->bytes = class->bytes - loan->bytes + bytes;
	if (size_of(bytes) != size_of(loan->bytes)) {
		list_remove(&loan->size);
		list_append(&class->sizes[size_of(bytes)], &loan->size);
	}
	loan->bytes = bytes;
}

void
loans_note(struct loans *loans, struct loan *loan, size_t bytes, bool trusted,
    bool progress)
{
	set_bytes(class_of(loans, loan), loan, bytes);
	if (!progress && trusted == loan->trusted)
		return;
	loans_remove(loans, loan);
	loan->trusted = trusted;
	enter(loans, loan);
}

static struct loan *
longest(const struct loan_class *class)
{
	return list_is_empty(&class->order)
		   ? NULL
		   : container_of(class->order.next, struct loan, order);
}

static struct loan *
largest(const struct loan_class *class)
{
	size_t i = LOAN_SIZES;

	while (i-- > 0)
		if (!list_is_empty(&class->sizes[i]))
			return container_of(class->sizes[i].next, struct loan,
			    size);
	return NULL;
}

struct loan *
loans_payer_for_one(const struct loans *loans, bool trusted)
{
	const struct loan_class *unauthenticated = &loans->unauthenticated;
	unsigned half = MAX(loans->count_max / 2, 1u);

	if (!trusted && unauthenticated->count >= half)
		return longest(unauthenticated);
	if (unauthenticated->count + loans->trusted.count < loans->count_max)
		return NULL;
	/* Those who have logged in hold more than their half. */
	return longest(loans->trusted.count > 0 ? &loans->trusted
						: unauthenticated);
}

struct loan *
loans_payer_for_memory(const struct loans *loans)
{
	const struct loan_class *unauthenticated = &loans->unauthenticated;

	if (unauthenticated->bytes > loans->bytes_max / 2)
		return largest(unauthenticated);
	if (unauthenticated->bytes + loans->trusted.bytes > loans->bytes_max)
		return largest(&loans->trusted);
	return NULL;
}
