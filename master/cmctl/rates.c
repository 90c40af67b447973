/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/rates.h"

#include <stdio.h>

#define LEAST_S 0.5

/* As text: the key may be a number. */
static void
key_of(const struct rates *rates, const json_t *row, char text_out[256])
{
	const json_t *key = json_object_get(row, rates->key);

	if (json_is_string(key))
		snprintf(text_out, 256, "%s", json_string_value(key));
	else
		snprintf(text_out, 256, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(key));
}

static json_t *
measure(const struct rates *rates, const json_t *row, const json_t *before,
    double elapsed_s)
{
	json_t *measured = json_object();
	unsigned i;

	for (i = 0; i < rates->count; i++) {
		const struct rate *rate = &rates->rates[i];
		const json_t *now = json_object_get(row, rate->counter);
		const json_t *then = json_object_get(before, rate->counter);
		double grown = json_number_value(now) - json_number_value(then);

		if (now && then && grown >= 0)
			json_object_set_new(measured, rate->name,
			    json_real(rate->scale * grown / elapsed_s));
	}
	return measured;
}

static json_t *
counters_of(const struct rates *rates, const json_t *row)
{
	json_t *counters = json_object();
	unsigned i;

	for (i = 0; i < rates->count; i++)
		json_object_set(counters, rates->rates[i].counter,
		    json_object_get(row, rates->rates[i].counter));
	return counters;
}

static void
measure_all(struct rates *rates, const json_t *rows, double elapsed_s)
{
	json_t *before = rates->before;
	char key[256];
	size_t i;

	json_decref(rates->shown);
	rates->shown = json_object();
	rates->before = json_object();
	for (i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		key_of(rates, row, key);
		json_object_set_new(rates->shown, key,
		    measure(rates, row, json_object_get(before, key),
			elapsed_s));
		json_object_set_new(rates->before, key,
		    counters_of(rates, row));
	}
	json_decref(before);
}

void
rates_init(struct rates *rates)
{
	rates->before = rates->shown = NULL;
	rates->then_s = 0;
}

void
rates_apply(struct rates *rates, json_t *rows, double now_s)
{
	char key[256];
	size_t i;

	if (!rates->before || now_s - rates->then_s >= LEAST_S) {
		measure_all(rates, rows, now_s - rates->then_s);
		rates->then_s = now_s;
	}
	for (i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);
		json_t *shown;

		key_of(rates, row, key);
		shown = json_object_get(rates->shown, key);
		if (shown)
			json_object_update(row, shown);
	}
}

void
rates_destroy(struct rates *rates)
{
	json_decref(rates->before);
	json_decref(rates->shown);
	rates_init(rates);
}
