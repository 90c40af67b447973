/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/wording.h"

#include "common/base/printable.h"
#include "common/xmpp/jid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS   4u
#define BEGINNING 64u  /* bytes shown of what is too long */
#define SHORT_MAX 256u /* bytes of a word that is no JID */

static const char *
quote(const char *word, size_t max)
{
	static char buffers[BUFFERS][JID_MAX + 64];
	static unsigned turn;
	char *out = buffers[turn++ % BUFFERS];
	size_t len = strlen(word);

	if (len <= max) {
		printable_copy(out, JID_MAX + 1, word, '?');
		return out;
	}
	printable_copy(out, BEGINNING + 1, word, '?');
	sprintf(out + strlen(out), "… (%zu bytes)", len);
	return out;
}

const char *
wording_quote(const char *word)
{
	return quote(word, JID_MAX);
}

const char *
wording_quote_short(const char *word)
{
	return quote(word, SHORT_MAX);
}

const char *
wording_count(uint64_t count, const char *one, const char *many,
    char text_out[WORDING_COUNT_MAX])
{
	char plain[24];
	size_t len = (size_t)sprintf(plain, "%" PRIu64, count), used = 0, i;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text_out[used++] = ',';
		text_out[used++] = plain[i];
	}
	snprintf(text_out + used, WORDING_COUNT_MAX - used, " %s",
	    count == 1 ? one : many);
	return text_out;
}

void
wording_join(struct buf *out, const char *const *words, size_t count,
    const char *last)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (i > 0 && i + 1 == count)
			buf_printf(out, " %s ", last);
		else if (i > 0)
			buf_append_str(out, ", ");
		buf_append_str(out, words[i]);
	}
}
