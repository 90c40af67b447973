/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/unix_address.h"

#include <errno.h>
#include <string.h>

int
unix_address(const char *path, struct sockaddr_un *address_out)
{
	size_t len = strlen(path);

	*address_out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(address_out->sun_path))
		return -ENAMETOOLONG;
	memcpy(address_out->sun_path, path, len + 1);
	return 0;
}
