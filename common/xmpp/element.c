/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/element.h"

#include <string.h>

static const char *
find(const struct attribute *attributes, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (attributes[i].namespace[0] == '\0' &&
		    strcmp(attributes[i].name, name) == 0)
			return attributes[i].value;
	return NULL;
}

const char *
element_attribute(const struct element *element, const char *name)
{
	return find(element->attributes, element->attribute_count, name);
}

const char *
element_child_attribute(const struct element *element, const char *name)
{
	return find(element->child_attributes, element->child_attribute_count,
	    name);
}

bool
element_is(const struct element *element, const char *name,
    const char *namespace)
{
	return strcmp(element->name, name) == 0 &&
	       strcmp(element->namespace, namespace) == 0;
}
