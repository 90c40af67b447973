/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_salt - what keeps peers from choosing names that fall together in
 * expat's hash tables. Without one given, expat asks the kernel for it at each
 * parser's start, which is a system call for each stanza.
 */
#include "common/xmpp/framer_private.h"

#include "common/xmpp/framer.h"

#include <sys/random.h>

#define SALT_USES 4096u /* parsers' starts until it is another */

static unsigned long salt; /* 0: none */
static unsigned salt_uses;

void
framer_renew_salt(void)
{
	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(salt))
		salt = 0;
	salt_uses = 0;
}

/* Without one expat finds its own. */
void
framer_take_salt(XML_Parser parser)
{
	if (salt == 0 || salt_uses++ == SALT_USES)
		framer_renew_salt();
	if (salt != 0)
		CHECK(XML_SetHashSalt(parser, salt));
}
