/* SPDX-License-Identifier: Apache-2.0 */
/* nft_abi - linux/netfilter/nf_tables.h, with the four names that plan/nft.h has too spelled apart. */
#pragma once

#define NFT_RETURN NFT_VERDICT_RETURN
#define NFT_JUMP NFT_VERDICT_JUMP
#define NFT_GOTO NFT_VERDICT_GOTO
#define NFT_CT_DIRECTION NFT_CTKEY_DIRECTION
#include <linux/netfilter/nf_tables.h>
#undef NFT_RETURN
#undef NFT_JUMP
#undef NFT_GOTO
#undef NFT_CT_DIRECTION
