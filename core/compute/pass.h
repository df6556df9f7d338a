/* pass.h - what the files that make up a pass share: how it fails, how it copies, how a module's name is written.
 * Private to core/compute.
 *
 * A pass belongs to one thread. What fails fills the pass's error.
 */
#ifndef RESIDENCY_COMPUTE_PASS_H
#define RESIDENCY_COMPUTE_PASS_H

#include <stdarg.h>

#include "core/compute/compute.h"

#define PASS_NAME_MAX 256 /* bytes of a module's name, prefix and end included; longer ones are cut */

/* Marks the pass as failed where its error is set already. Returns NULL. */
struct tensor *pass_fail_as_set(struct compute *c);

/* Of an element as the operations keep it. */
size_t pass_element_size_bytes(const struct compute *c, enum dtype dtype);

/* The first size_bytes of `from`, put on the pass's stream. */
bool pass_copy(const struct compute *c, const struct buffer *to, const struct buffer *from, uint64_t size_bytes);

/* The pass's prefix, then the formatted name; name[] has room for PASS_NAME_MAX bytes. */
void pass_write_name(const struct compute *c, char *name, const char *format, va_list arguments);

#endif
