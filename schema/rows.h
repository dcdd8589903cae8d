/* SPDX-License-Identifier: Apache-2.0 */
/* rows - what each kind's file gives to the table in kinds.c; private to schema/. */
#pragma once

#include "field.h"

#define END { 0 }

/* Offset of a member of a nested struct, from that nested struct. */
#define SUB(outer, nested, member) (offsetof(outer, nested.member) - offsetof(outer, nested))

/* A scalar; a list of scalars; a name of another object. Flags, bounds and defaults follow by name. */
#define SCALAR(outer, member, t, d, ...) \
	{ .name = #member, .type = &(t), .offset = offsetof(outer, member), .doc = (d), __VA_ARGS__ }

extern const struct field network_fields[], user_fields[], group_fields[], device_fields[], site_fields[],
	gateway_fields[], resource_fields[], plan_fields[], policy_fields[], test_fields[], guardrail_fields[],
	site_link_fields[];

/* Rows that several kinds share. */
extern const struct field profile_fields[]; /* of struct profile_settings */
extern const struct field dns_fields[];     /* of struct dns_settings */

extern const char *const device_owner_or_tag[], *const test_allow_or_deny[], *const guardrail_rules[];

void network_init(void *object);
void user_init(void *object);
void device_init(void *object);
void site_init(void *object);
void policy_init(void *object);
void test_init(void *object);
void site_link_init(void *object);
