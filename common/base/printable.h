/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printable - which characters of a text a terminal merely shows. Pure.
 *
 * What outsiders wrote (a JID, a stream error, a certificate's name) reaches
 * logs and answers that people look at; there it may neither move the cursor
 * nor turn the order of what stands beside it.
 */
#ifndef COMMON_BASE_PRINTABLE_H
#define COMMON_BASE_PRINTABLE_H

#include "common/base/base.h"

/* The code point of the UTF-8 character of `len` bytes at `text`. */
uint32_t utf8_char_number(const char *text, size_t len);

/*
 * The character at `text`, of which `left` bytes, at least 1, are there: its
 * length in bytes, 1 for a byte that belongs to none. *shown_out is false for
 * that, for control characters (U+0000 to U+001F, U+007F to U+009F), for those
 * that set the direction of text (Unicode's Bidi_Control) and for the
 * separators of lines and paragraphs (U+2028, U+2029).
 */
size_t printable_next(const char *text, size_t left, bool *shown_out);

/* A copy of a string in which `instead` stands for each character that is not
 * shown; cut between two characters where `cap` bytes do not hold it. */
void printable_copy(char *out, size_t cap, const char *text, char instead);

#endif
