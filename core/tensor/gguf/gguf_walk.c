/* A cursor that refuses with its offset. Every length is compared with what is left of the file before the cursor moves, in
 * a form that cannot overflow; nesting is bounded. After the walk the head is known to be whole, so that reading it again
 * needs no checks.
 */
#include "core/tensor/gguf/gguf_walk.h"

#include <stdio.h>
#include <string.h>

#include "core/base/file_kind.h"
#include "core/base/utf8.h"

#define MAGIC UINT32_C(0x46554747) /* "GGUF" */

/* Arrays in arrays: the reference reader recurses, and Python stops it near its limit of 1000 calls. */
#define DEPTH_MAX 990u

static const struct {
	const char *name;
	unsigned bytes; /* 0: varies */
} types[GGUF_TYPE_COUNT] = {
#define GGUF_ROW(name, number, bytes) [number] = { #name, bytes },
	GGUF_TYPES(GGUF_ROW)
#undef GGUF_ROW
};

/* A place in the file. */
struct gguf_cursor {
	const struct gguf_walk *walk;
	uint64_t at;
	struct error *e;
};

static bool refuse(const struct gguf_cursor *c, uint64_t at, const char *what)
{
	return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: %s", c->walk->where, (unsigned long long)at, what);
}

static bool has_bytes(struct gguf_cursor *c, uint64_t wanted, const char *what)
{
	uint64_t left = c->walk->size_bytes - c->at;

	if (wanted <= left)
		return true;
	return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: %s needs %llu bytes, %llu are left: was the download cut off?",
			 c->walk->where, (unsigned long long)c->at, what, (unsigned long long)wanted, (unsigned long long)left);
}

/* ---- numbers in the file's byte order, without checks ---- */

static uint32_t u32_at(const struct gguf_walk *walk, uint64_t at)
{
	uint32_t value;

	memcpy(&value, walk->bytes + at, sizeof(value));
	return walk->swapped ? __builtin_bswap32(value) : value;
}

static uint64_t u64_at(const struct gguf_walk *walk, uint64_t at)
{
	uint64_t value;

	memcpy(&value, walk->bytes + at, sizeof(value));
	return walk->swapped ? __builtin_bswap64(value) : value;
}

/* ---- the same with checks, moving on ---- */

static bool read_u32(struct gguf_cursor *c, uint32_t *value, const char *what)
{
	if (!has_bytes(c, sizeof(*value), what))
		return false;
	*value = u32_at(c->walk, c->at);
	c->at += sizeof(*value);
	return true;
}

static bool read_u64(struct gguf_cursor *c, uint64_t *value, const char *what)
{
	if (!has_bytes(c, sizeof(*value), what))
		return false;
	*value = u64_at(c->walk, c->at);
	c->at += sizeof(*value);
	return true;
}

static bool skip_text(struct gguf_cursor *c, uint64_t *length, const char *what)
{
	if (!read_u64(c, length, what) || !has_bytes(c, *length, what))
		return false;
	c->at += *length;
	return true;
}

/* A key or a tensor's name. */
static bool skip_name(struct gguf_cursor *c, uint64_t *length, const char *what)
{
	uint64_t start = c->at + 8;
	size_t bad;

	if (!skip_text(c, length, what))
		return false;
	if (!utf8_check(c->walk->bytes + start, (size_t)*length, &bad))
		return refuse(c, start + bad, "a name that is not UTF-8");
	if (*length > UINT32_MAX)
		return refuse(c, start, "a name of more than 4 GiB");
	return true;
}

static bool check_type(struct gguf_cursor *c, uint32_t type, uint64_t at)
{
	return type < GGUF_TYPE_COUNT || error_set(c->e, ERROR_FORMAT, "%s: offset %llu: %u is no type of value",
						   c->walk->where, (unsigned long long)at, type);
}

static bool skip_value(struct gguf_cursor *c, uint32_t type, unsigned depth); // NOLINT(misc-no-recursion): DEPTH_MAX

/* The type of the items is looked at where there are any, as in the reference reader. */
static bool skip_array(struct gguf_cursor *c, unsigned depth) // NOLINT(misc-no-recursion)
{
	uint64_t start = c->at;
	uint64_t size_bytes;
	uint64_t count;
	uint32_t type;

	if (depth > DEPTH_MAX)
		return refuse(c, start, "arrays nested too deep");
	if (!read_u32(c, &type, "an array's type") || !read_u64(c, &count, "an array's length"))
		return false;
	if (count == 0)
		return true;
	if (!check_type(c, type, start))
		return false;
	if (types[type].bytes) {
		if (__builtin_mul_overflow(count, (uint64_t)types[type].bytes, &size_bytes))
			return refuse(c, start, "an array of more than 2^64 bytes");
		if (!has_bytes(c, size_bytes, "an array"))
			return false;
		c->at += size_bytes;
		return true;
	}
	/* Every item takes eight bytes at least, so the file's end bounds the loop. */
	for (uint64_t i = 0; i < count; i++) {
		if (!skip_value(c, type, depth + 1))
			return false;
	}
	return true;
}

static bool skip_value(struct gguf_cursor *c, uint32_t type, unsigned depth) // NOLINT(misc-no-recursion)
{
	uint64_t length;

	if (type == GGUF_STRING)
		return skip_text(c, &length, "a string");
	if (type == GGUF_ARRAY)
		return skip_array(c, depth);
	if (!has_bytes(c, types[type].bytes, types[type].name))
		return false;
	c->at += types[type].bytes;
	return true;
}

static bool read_alignment(struct gguf_walk *walk, const struct gguf_cursor *c, uint64_t key_offset, uint32_t type,
			   uint64_t value_at)
{
	static const char key[] = "general.alignment";

	if (u64_at(walk, key_offset) != sizeof(key) - 1 || memcmp(walk->bytes + key_offset + 8, key, sizeof(key) - 1) != 0)
		return true;
	if (type != GGUF_U32)
		return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: general.alignment is of type %s, U32 is wanted",
				 walk->where, (unsigned long long)key_offset, types[type].name);
	walk->alignment = u32_at(walk, value_at);
	if (walk->alignment == 0 || (walk->alignment & (walk->alignment - 1)) != 0)
		return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: general.alignment is %u, a power of two is wanted",
				 walk->where, (unsigned long long)value_at, walk->alignment);
	return true;
}

static bool walk_values(struct gguf_walk *walk, struct gguf_cursor *c)
{
	walk->values_offset = c->at;
	for (uint64_t i = 0; i < walk->value_count; i++) {
		uint64_t key_offset = c->at;
		uint64_t value_at;
		uint64_t length;
		uint32_t type;

		if (!skip_name(c, &length, "a key") || !read_u32(c, &type, "a value's type") || !check_type(c, type, c->at - 4))
			return false;
		value_at = c->at;
		if (!skip_value(c, type, 1) || !read_alignment(walk, c, key_offset, type, value_at))
			return false;
	}
	return true;
}

static bool walk_descriptions(struct gguf_walk *walk, struct gguf_cursor *c)
{
	walk->tensors_offset = c->at;
	for (uint64_t i = 0; i < walk->tensor_count; i++) {
		uint64_t length;
		uint32_t rank;

		if (!skip_name(c, &length, "a tensor's name") || !read_u32(c, &rank, "a tensor's rank"))
			return false;
		if (!has_bytes(c, (uint64_t)rank * 8 + 12, "a tensor's description"))
			return false;
		if (rank > GGUF_RANK_MAX)
			return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: a tensor of %u dimensions (%u at most)",
					 walk->where, (unsigned long long)c->at - 4, rank, GGUF_RANK_MAX);
		c->at += (uint64_t)rank * 8 + 12;
		walk->name_bytes += length;
		walk->dimension_count += rank;
	}
	return true;
}

/* ---- a tensor's description, when its extent is known to be there ---- */

struct description {
	uint64_t name_at, name_length;
	uint64_t rank_at;
	uint32_t rank;
	uint32_t type;
	uint64_t data_at; /* in the file; sums wrap, as the reference reader's do, and what comes out must be inside */
	uint64_t next;
};

static struct description describe(const struct gguf_walk *walk, uint64_t at)
{
	struct description d = { .name_at = at + 8, .name_length = u64_at(walk, at) };
	uint64_t after;

	d.rank_at = d.name_at + d.name_length;
	d.rank = u32_at(walk, d.rank_at);
	after = d.rank_at + 4 + (uint64_t)d.rank * 8;
	d.type = u32_at(walk, after);
	d.data_at = walk->data_offset + u64_at(walk, after + 4);
	d.next = after + 12;
	return d;
}

/* The file's order: the fastest dimension, whose rows are whole blocks, first. */
static uint64_t dimension_of(const struct gguf_walk *walk, const struct description *d, uint32_t index)
{
	return u64_at(walk, d->rank_at + 4 + (uint64_t)index * 8);
}

static bool refuse_tensor(const struct gguf_cursor *c, const struct description *d, const char *what)
{
	return error_set(c->e, ERROR_FORMAT, "%s: offset %llu: tensor %.*s: %s", c->walk->where, (unsigned long long)d->rank_at,
			 (int)(d->name_length < 200 ? d->name_length : 200), (const char *)c->walk->bytes + d->name_at, what);
}

/* Whether the reference reader takes a tensor of this type apart into elements; it sees all others as rows of bytes, and there
 * is no row without a dimension. */
static bool has_elements(enum quant type)
{
	enum dtype dtype;

	return type != QUANT_BF16 && quant_to_dtype(type, &dtype);
}

/* Dimensions of 0 are left out of the product: the others must be possible even so. */
static bool tensor_size(const struct gguf_cursor *c, const struct description *d, uint64_t *size_bytes)
{
	enum quant type = (enum quant)d->type;
	uint64_t product = quant_block_bytes(type);
	bool is_empty = false;

	if (d->rank == 0 && !has_elements(type))
		return refuse_tensor(c, d, "a quantised tensor without dimensions");
	if (d->rank && dimension_of(c->walk, d, 0) % quant_block_elements(type)) {
		char what[120];

		snprintf(what, sizeof(what), "rows of %llu elements are not whole blocks of %s, which hold %u",
			 (unsigned long long)dimension_of(c->walk, d, 0), quant_name(type), quant_block_elements(type));
		return refuse_tensor(c, d, what);
	}
	for (uint32_t i = 0; i < d->rank; i++) {
		uint64_t dimension = dimension_of(c->walk, d, i);

		if (dimension > INT64_MAX)
			return refuse_tensor(c, d, "a dimension is past 2^63");
		if (i == 0)
			dimension /= quant_block_elements(type);
		is_empty |= dimension == 0;
		if (dimension && (__builtin_mul_overflow(product, dimension, &product) || product > INT64_MAX))
			return refuse_tensor(c, d, "its dimensions ask for more than 2^63 bytes");
	}
	*size_bytes = is_empty ? 0 : product;
	return true;
}

static bool check_tensors(const struct gguf_walk *walk, struct gguf_cursor *c)
{
	uint64_t at = walk->tensors_offset;

	for (uint64_t i = 0; i < walk->tensor_count; i++) {
		struct description d = describe(walk, at);
		uint64_t size_bytes;
		char what[160];

		if (!quant_is_known(d.type)) {
			snprintf(what, sizeof(what), "%u is no type of tensor", d.type);
			return refuse_tensor(c, &d, what);
		}
		if (!tensor_size(c, &d, &size_bytes))
			return false;
		if (size_bytes && (d.data_at > walk->size_bytes || size_bytes > walk->size_bytes - d.data_at)) {
			snprintf(what, sizeof(what),
				 "its %llu bytes at %llu end past the file's %zu: was the download cut off?",
				 (unsigned long long)size_bytes, (unsigned long long)d.data_at, walk->size_bytes);
			return refuse_tensor(c, &d, what);
		}
		at = d.next;
	}
	return true;
}

static bool walk_header(struct gguf_walk *walk, struct gguf_cursor *c)
{
	char kind[FILE_KIND_TEXT_MAX];
	uint32_t magic = 0;

	if (!read_u32(c, &magic, "the magic number"))
		return false;
	if (magic != MAGIC && file_kind_text(walk->bytes, walk->size_bytes, kind))
		return error_set(c->e, ERROR_FORMAT, "%s: this is no GGUF file but %s", walk->where, kind);
	if (magic != MAGIC)
		return refuse(c, 0, "it does not begin with \"GGUF\": this is no GGUF file");
	if (!read_u32(c, &walk->version, "the version"))
		return false;
	if ((walk->version & 0xffff) == 0) {
		walk->swapped = true;
		walk->version = __builtin_bswap32(walk->version);
	}
	if (walk->version != 2 && walk->version != 3)
		return error_set(c->e, ERROR_FORMAT, "%s: offset 4: GGUF version %u: 2 and 3 can be read", walk->where,
				 walk->version);
	return read_u64(c, &walk->tensor_count, "the number of tensors") &&
	       read_u64(c, &walk->value_count, "the number of values");
}

bool gguf_walk_file(struct gguf_walk *walk, struct error *e)
{
	struct gguf_cursor c = { .walk = walk, .e = e };

	walk->alignment = GGUF_ALIGNMENT;
	if (!walk_header(walk, &c) || !walk_values(walk, &c) || !walk_descriptions(walk, &c))
		return false;
	walk->data_offset = (c.at + walk->alignment - 1) / walk->alignment * walk->alignment;
	return check_tensors(walk, &c);
}

/* ---- what was checked, read again ---- */

static uint64_t after_payload(const struct gguf_walk *walk, uint64_t at, uint32_t type)
{
	struct gguf_cursor c = { .walk = walk, .at = at };

	skip_value(&c, type, 1);
	return c.at;
}

const char *gguf_walk_key(const struct gguf_walk *walk, uint64_t at, size_t *length)
{
	*length = (size_t)u64_at(walk, at);
	return (const char *)walk->bytes + at + 8;
}

struct gguf_value gguf_walk_value(const struct gguf_walk *walk, uint64_t at)
{
	struct gguf_value value = { .count = 1, .swapped = walk->swapped };
	uint64_t type_at;

	value.key = gguf_walk_key(walk, at, &value.key_length);
	type_at = at + 8 + value.key_length;
	value.type = (enum gguf_type)u32_at(walk, type_at);
	value.item_type = value.type;
	value.raw = walk->bytes + type_at + 4;
	value.raw_size_bytes = (size_t)(after_payload(walk, type_at + 4, value.type) - (type_at + 4));
	value.bytes = value.raw;
	if (value.type == GGUF_STRING) {
		value.count = u64_at(walk, type_at + 4);
		value.bytes += 8;
	} else if (value.type == GGUF_ARRAY) {
		value.item_type = u32_at(walk, type_at + 4);
		value.count = u64_at(walk, type_at + 8);
		value.bytes += 12;
	}
	return value;
}

uint64_t gguf_walk_after_value(const struct gguf_walk *walk, uint64_t at)
{
	struct gguf_value value = gguf_walk_value(walk, at);

	return (uint64_t)(value.raw - walk->bytes) + value.raw_size_bytes;
}

uint64_t gguf_walk_fill(const struct gguf_walk *walk, uint64_t at, struct gguf_tensor *tensor, char *name, uint64_t *dimensions)
{
	struct gguf_cursor c = { .walk = walk };
	struct description d = describe(walk, at);

	memcpy(name, walk->bytes + d.name_at, (size_t)d.name_length);
	name[d.name_length] = '\0';
	for (uint32_t i = 0; i < d.rank; i++)
		dimensions[d.rank - 1 - i] = dimension_of(walk, &d, i);
	*tensor = (struct gguf_tensor) {
		.name = name,
		.shape = dimensions,
		.name_length = (uint32_t)d.name_length,
		.type = (uint8_t)d.type,
		.rank = (uint8_t)d.rank,
	};
	tensor_size(&c, &d, &tensor->size_bytes);
	tensor->bytes = walk->bytes + (tensor->size_bytes ? d.data_at : 0);
	return d.next;
}
