/* SPDX-License-Identifier: Apache-2.0 */
/* text - what people read on a terminal: nothing that the terminal would obey, and lines that fit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define TEXT_WIDTH 80

/* Controls, and what changes the direction of text or has no width: a terminal does something with them. */
bool text_is_unsafe(uint32_t c);
/* A stranger's bytes with U+FFFD for each that is unsafe or no UTF-8. */
void text_add_safe(struct buf *out, const char *s, size_t n);
/*
 * Words, with line breaks so that no line has more than TEXT_WIDTH bytes if a word allows it. column: where the first word
 * stands; further lines begin at indent. No line feed at the end.
 */
void text_add_wrapped(struct buf *out, const char *words, size_t column, size_t indent);
/* Paragraphs, which an empty line parts, wrapped each; a line that begins with a space stays as it is. With a line feed at the end. */
void text_add_paragraphs(struct buf *out, const char *text);
