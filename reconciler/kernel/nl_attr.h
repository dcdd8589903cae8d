/* SPDX-License-Identifier: Apache-2.0 */
/* nl_attr - walks over netlink attributes: libmnl's own macros do not pass -Wconversion. */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#define attr_each_in(attr, from, to) \
	for ((attr) = (from); mnl_attr_ok((attr), (int)((const char *)(to) - (const char *)(attr))); \
	     (attr) = mnl_attr_next(attr))

#define attr_each_nested(attr, nest) \
	attr_each_in(attr, (const struct nlattr *)mnl_attr_get_payload(nest), \
		     (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))

#define attr_each(attr, nlh, header) \
	attr_each_in(attr, (const struct nlattr *)mnl_nlmsg_get_payload_offset((nlh), (header)), \
		     mnl_nlmsg_get_payload_tail(nlh))
