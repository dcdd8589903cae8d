/* SPDX-License-Identifier: Apache-2.0 */
/* codec - the canonical bytes of a plan's pieces; content names are digests of them. */
#pragma once

#include "base/buf.h"
#include "plan/nft.h"

void codec_elem(struct buf *out, enum nft_set_kind kind, const struct nft_elem *e);
void codec_rule(struct buf *out, const struct nft_rule *r);

/* What an encoded element of this kind of set holds beside the key. */
enum codec_elem_part { CODEC_HI = 1, CODEC_BOX = 2, CODEC_VALUE = 4, CODEC_CHAIN = 8, CODEC_NUMBER = 16, CODEC_RATE = 32 };
unsigned int codec_elem_parts(enum nft_set_kind kind);
/* Whether this kind's keys are IPv6; false for IPv4 and for NFT_MAP_CHAIN. */
bool codec_elem_v6(enum nft_set_kind kind);
