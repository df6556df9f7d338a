/* key_rules.h - the ways in which LoRA files name modules, one table each. Private to core/patch. */
#ifndef RESIDENCY_PATCH_KEY_RULES_H
#define RESIDENCY_PATCH_KEY_RULES_H

#include "core/patch/keys/key_map.h"

#define KEY_MAX_BYTES 512

/* A map being made. A failure is remembered; later calls do nothing. */
struct key_builder;

struct key_rules {
	const char *name;
	const char *mark; /* a key that models of this kind have and others have not; NULL: every model */
	const char *but_not; /* and one that they have not; may be NULL */
	void (*add)(struct key_builder *b);
};

/* In the order in which upstream adds them: later names win. NULL ends them. */
extern const struct key_rules *const key_rules[];
extern const struct key_rules key_rules_unet, key_rules_ldm, key_rules_flux, key_rules_mochi, key_rules_hunyuan_video,
	key_rules_qwen_image, key_rules_text, key_rules_clip, key_rules_t5;

/* A map by other rules than a model's: for nets of tests. */
struct key_map *key_map_make(const struct key_target *targets, size_t count, const struct key_rules *const *rules,
			     struct error *e);

/* One name more, the text of which is copied. */
void key_add(struct key_builder *b, const char *name, const char *key);
void key_add_slice(struct key_builder *b, const char *name, const char *key, struct slice slice);
void key_add_swapped(struct key_builder *b, const char *name, const char *key);

/* The model's parameters, in their order. */
const struct key_target *key_targets(const struct key_builder *b, size_t *count);

/* The parameter of a key, or NULL. */
__attribute__((format(printf, 2, 3))) const struct key_target *key_find(const struct key_builder *b, const char *format, ...);

/* ---- text ---- */

/* What stands between a prefix and a suffix of key, into `middle`; false where key has not got both or is too long. */
bool key_between(const char *key, const char *prefix, const char *suffix, char middle[KEY_MAX_BYTES]);

/* Every dot an underscore, as kohya's names have it. */
void key_underscore(char *name);

/* Every `from` becomes `to`. */
void key_replace(char text[KEY_MAX_BYTES], const char *from, const char *to);

/* Text that would not fit is cut off: it then names nothing. */
__attribute__((format(printf, 2, 3))) void key_print(char text[KEY_MAX_BYTES], const char *format, ...);

#endif
