#include "core/model/family.h"

#include <string.h>

const struct family *const families[] = {
	&family_flux, &family_flux_text, &family_clip_l, &family_t5, &family_flux_ae, NULL,
};

const struct family *family_find(const char *name)
{
	for (const struct family *const *family = families; *family; family++) {
		if (strcmp((*family)->name, name) == 0)
			return *family;
	}
	return NULL;
}
