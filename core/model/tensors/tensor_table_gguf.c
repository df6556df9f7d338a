/* GGUF's tensors as a table. Files of text encoders name them as llama.cpp does; ComfyUI-GGUF renames those it knows, part by part,
 * and so does this page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"
#include "core/model/tensors/tensor_table.h"

/* llama.cpp's part of a name, upstream's; in this order. */
struct gguf_renaming {
	const char *from, *to;
};

static const struct gguf_renaming t5_names[] = {
	{ .from = "enc.", .to = "encoder." },
	{ .from = ".blk.", .to = ".block." },
	{ .from = "token_embd", .to = "shared" },
	{ .from = "output_norm", .to = "final_layer_norm" },
	{ .from = "attn_q", .to = "layer.0.SelfAttention.q" },
	{ .from = "attn_k", .to = "layer.0.SelfAttention.k" },
	{ .from = "attn_v", .to = "layer.0.SelfAttention.v" },
	{ .from = "attn_o", .to = "layer.0.SelfAttention.o" },
	{ .from = "attn_norm", .to = "layer.0.layer_norm" },
	{ .from = "attn_rel_b", .to = "layer.0.SelfAttention.relative_attention_bias" },
	{ .from = "ffn_up", .to = "layer.1.DenseReluDense.wi_1" },
	{ .from = "ffn_down", .to = "layer.1.DenseReluDense.wo" },
	{ .from = "ffn_gate", .to = "layer.1.DenseReluDense.wi_0" },
	{ .from = "ffn_norm", .to = "layer.1.layer_norm" },
	{ .from = NULL },
};

static const struct gguf_renaming llama_names[] = {
	{ .from = "blk.", .to = "model.layers." },
	{ .from = "attn_norm", .to = "input_layernorm" },
	{ .from = "attn_q_norm.", .to = "self_attn.q_norm." },
	{ .from = "attn_k_norm.", .to = "self_attn.k_norm." },
	{ .from = "attn_v_norm.", .to = "self_attn.v_norm." },
	{ .from = "attn_q", .to = "self_attn.q_proj" },
	{ .from = "attn_k", .to = "self_attn.k_proj" },
	{ .from = "attn_v", .to = "self_attn.v_proj" },
	{ .from = "attn_output", .to = "self_attn.o_proj" },
	{ .from = "ffn_up", .to = "mlp.up_proj" },
	{ .from = "ffn_down", .to = "mlp.down_proj" },
	{ .from = "ffn_gate", .to = "mlp.gate_proj" },
	{ .from = "ffn_norm", .to = "post_attention_layernorm" },
	{ .from = "token_embd", .to = "model.embed_tokens" },
	{ .from = "output_norm", .to = "model.norm" },
	{ .from = "output.weight", .to = "lm_head.weight" },
	{ .from = NULL },
};

static const struct gguf_renaming vision_names[] = {
	{ .from = "mm.", .to = "visual.merger.mlp." },
	{ .from = "v.post_ln.", .to = "visual.merger.ln_q." },
	{ .from = "v.patch_embd", .to = "visual.patch_embed.proj" },
	{ .from = "v.blk.", .to = "visual.blocks." },
	{ .from = "ffn_up", .to = "mlp.up_proj" },
	{ .from = "ffn_down", .to = "mlp.down_proj" },
	{ .from = "ffn_gate", .to = "mlp.gate_proj" },
	{ .from = "attn_out.", .to = "attn.proj." },
	{ .from = "ln1.", .to = "norm1." },
	{ .from = "ln2.", .to = "norm2." },
	{ .from = NULL },
};

static const struct gguf_renaming *names_of(const struct gguf *file)
{
	static const struct {
		const char *architecture;
		const struct gguf_renaming *names;
	} known[] = {
		{ .architecture = "t5", .names = t5_names },
		{ .architecture = "t5encoder", .names = t5_names },
		{ .architecture = "llama", .names = llama_names },
		{ .architecture = "qwen2vl", .names = llama_names },
	};
	struct gguf_value value;
	const char *text;
	size_t length;

	if (!gguf_value_find(file, "general.architecture", &value))
		return NULL;
	text = gguf_value_text(&value, &length);
	for (size_t i = 0; text && i < ARRAY_SIZE(known); i++) {
		if (length == strlen(known[i].architecture) && memcmp(text, known[i].architecture, length) == 0)
			return known[i].names;
	}
	return NULL;
}

/* Every `from` in the text; the result is the caller's, and the text is freed. */
static char *replace_all(char *text, const struct gguf_renaming *renaming, struct error *e)
{
	struct strbuf b = STRBUF_INIT;
	const char *rest = text;

	for (const char *at; (at = strstr(rest, renaming->from)); rest = at + strlen(renaming->from)) {
		strbuf_append_n(&b, rest, (size_t)(at - rest));
		strbuf_append(&b, renaming->to);
	}
	strbuf_append(&b, rest);
	free(text);
	return strbuf_finish(&b, e);
}

/* The new name, owned by the table; NULL when out of memory. One replacement after the other, as ComfyUI-GGUF does: a later one
 * sees what an earlier one made. */
static const char *renamed(struct tensor_table *table, const char *name, const struct gguf_renaming *names, struct error *e)
{
	char *text = array_reserve(&table->names, &table->name_capacity, table->name_count + 1, sizeof(*table->names), e)
			     ? string_copy(name, e)
			     : NULL;

	for (; text && names->from; names++)
		text = replace_all(text, names, e);
	if (text)
		table->names[table->name_count++] = text;
	return text;
}

static void take_shape(struct tensor_row *row, const uint64_t *shape, unsigned rank)
{
	row->rank = rank > TENSOR_RANK_MAX ? TENSOR_RANK_MAX + 1 : rank;
	for (unsigned i = 0; i < row->rank && i < TENSOR_RANK_MAX; i++)
		row->shape[i] = shape[i] > DIMENSION_MAX ? DIMENSION_MAX : (int64_t)shape[i];
}

/* The embeddings of large vocabularies, which ComfyUI-GGUF turns into numbers at once. */
static bool is_large_embedding(const struct tensor_row *row, const char *name, const struct gguf_renaming *names)
{
	if (!names || strcmp(name, "token_embd.weight") != 0 || row->rank != 2)
		return false;
	return names == t5_names ? row->shape[0] == 256384 && row->shape[1] == 4096 : row->shape[0] >= 65536;
}

/* What ComfyUI-GGUF makes of a tensor when it loads it: only F32 and F16 are numbers to it, vectors of BF16 become F32, and all
 * else stays as it is until it is used. */
static void decide_loading(struct tensor_row *row, const struct gguf_tensor *tensor, const struct gguf_renaming *names)
{
	bool is_plain = quant_to_dtype((enum quant)tensor->type, &row->dtype);

	row->type = (enum quant)tensor->type;
	row->quant = is_plain ? NULL : quant_name(row->type);
	row->in_blocks = !is_plain || row->type == QUANT_BF16;
	if (row->in_blocks && row->type == QUANT_BF16 && row->rank <= 1) {
		row->loads_converted = true;
		row->loads_as = DTYPE_F32;
	} else if (row->in_blocks && is_large_embedding(row, tensor->name, names)) {
		row->loads_converted = true;
		row->loads_as = DTYPE_F16;
	}
	row->in_blocks = row->in_blocks && !row->loads_converted;
}

static bool make_row(struct tensor_table *table, const struct gguf *file, const struct gguf_tensor *tensor,
		     const struct gguf_renaming *names, struct tensor_row *row, struct error *e)
{
	uint64_t shape[GGUF_RANK_MAX];
	unsigned rank;

	*row = (struct tensor_row) { .name = tensor->name,
				     .dtype = DTYPE_F16,
				     .size_bytes = tensor->size_bytes,
				     .file_offset = gguf_file_offset(file, tensor),
				     .bytes = tensor->bytes };
	if (gguf_original_shape(file, tensor, shape, &rank))
		take_shape(row, shape, rank);
	else
		take_shape(row, tensor->shape, tensor->rank);
	decide_loading(row, tensor, names);
	if (names)
		row->name = renamed(table, tensor->name, names, e);
	return row->name != NULL;
}

bool tensor_table_of_gguf(struct tensor_table *table, const struct gguf *file, struct error *e)
{
	const struct gguf_renaming *names = names_of(file);

	*table = (struct tensor_table) { .rows = NULL };
	for (size_t i = 0; i < gguf_count(file); i++) {
		struct tensor_row row;

		if (!make_row(table, file, gguf_tensor(file, i), names, &row, e) || !tensor_table_add(table, &row, e)) {
			tensor_table_free(table);
			return false;
		}
	}
	tensor_table_sort(table);
	return true;
}

/* ---- a vision tower ---- */

static bool add_joined(struct tensor_table *table, struct tensor_row *joined, const struct tensor_row *parts, size_t count,
		       const char *name, struct error *e)
{
	joined->name = renamed(table, name, vision_names, e);
	joined->path = parts[0].path;
	joined->file_offset = parts[0].file_offset;
	joined->parts = parts;
	joined->part_count = count;
	joined->dtype = joined->loads_as;
	joined->loads_converted = true;
	joined->size_bytes = tensor_row_loaded_bytes(joined);
	return joined->name && tensor_table_add(table, joined, e);
}

/* The parts by their names in the file, behind the table's other parts; false in *whole where one is missing or of another shape. */
static bool make_parts(struct tensor_table *table, const struct gguf *file, const char *path, const char *const *names,
		       size_t count, struct tensor_row *parts, bool *whole, struct error *e)
{
	*whole = true;
	for (size_t i = 0; i < count; i++) {
		const struct gguf_tensor *tensor = gguf_find(file, names[i]);

		*whole = *whole && tensor && tensor->rank > 0 && tensor->rank < TENSOR_RANK_MAX;
		if (!*whole)
			return true;
		if (!make_row(table, file, tensor, vision_names, &parts[i], e))
			return false;
		parts[i].path = path;
		*whole = parts[i].rank == parts[0].rank && memcmp(parts[i].shape, parts[0].shape, sizeof(parts[0].shape)) == 0;
	}
	return true;
}

/* q, k and v under each other: BF16 of quantised ones, else F16, as ComfyUI-GGUF has it. */
static bool join_attention(struct tensor_table *table, const struct gguf *file, const char *path, const char *block,
			   const char *suffix, size_t *at, struct error *e)
{
	struct tensor_row *parts = &table->parts[*at];
	struct tensor_row joined = { .rank = 0 };
	char names[4][160];
	bool whole;

	for (size_t i = 0; i < 3; i++)
		snprintf(names[i], sizeof(names[i]), "%s.attn_%c.%s", block, "qkv"[i], suffix);
	snprintf(names[3], sizeof(names[3]), "%s.attn.qkv.%s", block, suffix);
	if (!make_parts(table, file, path, (const char *[]) { names[0], names[1], names[2] }, 3, parts, &whole, e))
		return false;
	if (!whole)
		return true;
	*at += 3;
	joined.loads_as = parts[0].in_blocks ? DTYPE_BF16 : DTYPE_F16;
	joined.rank = parts[0].rank;
	memcpy(joined.shape, parts[0].shape, sizeof(joined.shape));
	joined.shape[0] *= 3;
	return add_joined(table, &joined, parts, 3, names[3], e);
}

/* Two kernels of two dimensions, one a frame, are one of three. */
static bool join_frames(struct tensor_table *table, const struct gguf *file, const char *path, size_t *at, struct error *e)
{
	static const char *const names[] = { "v.patch_embd.weight", "v.patch_embd.weight.1" };
	struct tensor_row *parts = &table->parts[*at];
	struct tensor_row joined = { .loads_as = DTYPE_F32, .rank = 5, .alternates = true };
	bool whole;

	if (!make_parts(table, file, path, names, 2, parts, &whole, e))
		return false;
	if (!whole || parts[0].rank != 4)
		return true;
	*at += 2;
	memcpy(joined.shape, parts[0].shape, 2 * sizeof(*joined.shape));
	joined.shape[2] = 2;
	memcpy(joined.shape + 3, parts[0].shape + 2, 2 * sizeof(*joined.shape));
	return add_joined(table, &joined, parts, 2, names[0], e);
}

/* "v.blk.7" and "weight" of "v.blk.7.attn_q.weight", and which of q, k and v it is; 0 for any other name. */
static char attention_part(const char *name, char block[64], const char **suffix)
{
	const char *at = strstr(name, ".attn_");

	if (strncmp(name, "v.blk.", 6) != 0 || !at || (size_t)(at - name) >= 64 || !strchr("qkv", at[6]) || at[6] == '\0' ||
	    at[7] != '.' || strlen(at + 8) > 60)
		return 0;
	memcpy(block, name, (size_t)(at - name));
	block[at - name] = '\0';
	*suffix = at + 8;
	return at[6];
}

static bool add_vision_tensor(struct tensor_table *table, const struct gguf *file, const struct gguf_tensor *tensor,
			      const char *path, size_t *at, struct error *e)
{
	char block[64];
	const char *suffix;
	char part = attention_part(tensor->name, block, &suffix);
	struct tensor_row row;

	if (part)
		return part != 'q' || join_attention(table, file, path, block, suffix, at, e);
	if (strcmp(tensor->name, "v.patch_embd.weight") == 0 && gguf_find(file, "v.patch_embd.weight.1"))
		return join_frames(table, file, path, at, e);
	if (strcmp(tensor->name, "v.patch_embd.weight.1") == 0)
		return true;
	if (!make_row(table, file, tensor, vision_names, &row, e))
		return false;
	row.path = path;
	return tensor_table_add(table, &row, e);
}

bool tensor_table_add_vision(struct tensor_table *table, const struct gguf *file, const char *path, struct error *e)
{
	size_t at = 0;

	table->parts = array_new(gguf_count(file) + 1, sizeof(*table->parts), e); /* each tensor is a part once at most */
	if (!table->parts)
		return false;
	for (size_t i = 0; i < gguf_count(file); i++) {
		if (!add_vision_tensor(table, file, gguf_tensor(file, i), path, &at, e))
			return false;
	}
	tensor_table_sort(table);
	return true;
}
