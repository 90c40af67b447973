/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/usage.h"

#include "common/base/near_word.h"
#include "worker/control/wording.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 32 /* of commands.def, with a NUL */

const struct usage usages[] = {
#define COMMAND(words, operation, handler, arguments, help) \
	{ words, arguments, help },
#include "worker/control/commands.def"
#undef COMMAND
};
const size_t usage_count = ARRAY_LEN(usages);

/* --- the words --- */

/* True when the row has a word of this number. */
static bool
word_of(const struct usage *usage, unsigned number, char word_out[WORD_MAX])
{
	const char *at = usage->words;
	size_t len = strcspn(at, " ");

	for (; number > 0 && at[len]; number--) {
		at += len + 1;
		len = strcspn(at, " ");
	}
	snprintf(word_out, WORD_MAX, "%.*s", (int)len, at);
	return number == 0;
}

static unsigned
word_count(const struct usage *usage)
{
	char word[WORD_MAX];
	unsigned count = 0;

	while (word_of(usage, count, word))
		count++;
	return count;
}

bool
usage_begins(const struct usage *usage, const struct control_line *line,
    unsigned first, unsigned count)
{
	char word[WORD_MAX];
	unsigned i;

	if (count > line->count - first)
		return false;
	for (i = 0; i < count; i++)
		if (!word_of(usage, i, word) ||
		    strcmp(word, line->words[first + i]) != 0)
			return false;
	return true;
}

const struct usage *
usage_find(const struct control_line *line, unsigned *first_out)
{
	size_t i;

	for (i = 0; i < usage_count; i++) {
		*first_out = word_count(&usages[i]);
		if (usage_begins(&usages[i], line, 0, *first_out))
			return &usages[i];
	}
	return NULL;
}

/* --- the arguments --- */

static void
count_arguments(const struct usage *usage, unsigned *least, unsigned *most)
{
	const char *at = usage->arguments;
	size_t len;

	*least = *most = 0;
	for (; *at; at += len + (at[len] == ' ')) {
		len = strcspn(at, " ");
		*least += *at != '[';
		++*most;
		if (memmem(at, len, "...", 3))
			*most = CONTROL_WORDS_MAX;
	}
}

static void
append_usage(const struct usage *usage, struct buf *out)
{
	buf_append_str(out, usage->words);
	if (usage->arguments[0])
		buf_printf(out, " %s", usage->arguments);
}

static void
append_call(const struct usage *usage, struct buf *why)
{
	buf_append_str(why, "; usage: ");
	append_usage(usage, why);
	buf_printf(why, ": %s", usage->help);
}

void
usage_refuse_excess(const struct usage *usage, const struct control_line *line,
    unsigned at, struct buf *why)
{
	if (usage->arguments[0])
		buf_printf(why, "there are too many arguments, from '%s' on",
		    wording_quote_short(line->words[at]));
	else
		buf_printf(why, "%s takes no argument, so not '%s'",
		    usage->words, wording_quote_short(line->words[at]));
	append_call(usage, why);
}

bool
usage_fits(const struct usage *usage, const struct control_line *line,
    unsigned first, struct buf *why)
{
	unsigned least, most, count = line->count - first;

	count_arguments(usage, &least, &most);
	if (count >= least && count <= most)
		return true;
	if (count > most) {
		usage_refuse_excess(usage, line, first + most, why);
		return false;
	}
	buf_append_str(why, "an argument is missing");
	append_call(usage, why);
	return false;
}

/* --- a line that is none --- */

/* Each word once that may follow the first `known` ones of the line. */
static size_t
list_next(const struct control_line *line, unsigned first, unsigned known,
    char words[ARRAY_LEN(usages)][WORD_MAX])
{
	size_t count = 0, i, j;

	for (i = 0; i < usage_count; i++) {
		if (!usage_begins(&usages[i], line, first, known) ||
		    !word_of(&usages[i], known, words[count]))
			continue;
		for (j = 0; j < count; j++)
			if (strcmp(words[j], words[count]) == 0)
				break;
		count += j == count;
	}
	return count;
}

/* The one that is nearest to what was written, if it is near. */
static const char *
nearest(const char *written, char words[][WORD_MAX], size_t count)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (near_word_is_slip(written, words[i]) &&
		    (!found || near_word_distance(written, words[i]) <
				   near_word_distance(written, found)))
			found = words[i];
	return found;
}

static void
append_usages(const struct control_line *line, unsigned first, unsigned known,
    struct buf *why)
{
	const char *between = "; usage: ";
	size_t i;

	for (i = 0; i < usage_count; i++) {
		if (!usage_begins(&usages[i], line, first, known))
			continue;
		buf_append_str(why, between);
		append_usage(&usages[i], why);
		between = " | ";
	}
}

static void
append_words(char words[][WORD_MAX], size_t count, struct buf *why)
{
	const char *all[ARRAY_LEN(usages)];
	size_t i;

	for (i = 0; i < count; i++)
		all[i] = words[i];
	buf_append_str(why, "; the commands begin with ");
	wording_join(why, all, count, "or");
	buf_append_str(why, ", and help lists them");
}

/* How many words of the line some row begins with. */
static unsigned
count_known(const struct control_line *line, unsigned first)
{
	unsigned known = 0;
	size_t i;

	for (i = 0; i < usage_count; i++)
		while (usage_begins(&usages[i], line, first, known + 1))
			known++;
	return known;
}

/* What is wrong with the word behind those that are known; NULL: none. */
static void
append_fault(const struct control_line *line, unsigned at, unsigned known,
    const char *written, struct buf *why)
{
	if (written && !*written && known == 0)
		written = NULL;
	if (written && known > 0)
		buf_printf(why, "behind '%s' there is no '%s'",
		    line->words[at - 1], wording_quote_short(written));
	else if (written)
		buf_printf(why, "there is no command '%s'",
		    wording_quote_short(written));
	else if (known > 0)
		buf_printf(why, "'%s' is only the beginning of a command",
		    line->words[at - 1]);
	else
		buf_append_str(why, "which command?");
}

void
usage_explain(const struct control_line *line, unsigned first, struct buf *why)
{
	static char words[ARRAY_LEN(usages)][WORD_MAX];
	unsigned known = count_known(line, first), at = first + known;
	const char *written = at < line->count ? line->words[at] : NULL;
	size_t count = list_next(line, first, known, words);
	const char *near = written ? nearest(written, words, count) : NULL;

	append_fault(line, at, known, written, why);
	if (near)
		buf_printf(why, "; did you mean '%s'?", near);
	if (known > 0)
		append_usages(line, first, known, why);
	else
		append_words(words, count, why);
}
