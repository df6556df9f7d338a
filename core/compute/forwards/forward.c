/* forward.c - the list of forwards.
 *
 * A new forward is its own file, ended by its row, and one line here. A model finds its row by family and by what is asked of
 * it; the list is short and is searched from the front.
 */
#include "core/compute/forwards/forward.h"

const struct forward *const forwards[] = {
	&forward_flux_step, &forward_flux_ae_decode, &forward_clip_l_encode, &forward_flux_text_encode, NULL,
};

const struct forward *forward_find(const struct model *model, enum forward_kind kind)
{
	for (const struct forward *const *forward = forwards; *forward; forward++) {
		if ((*forward)->family == model->family && (*forward)->kind == kind)
			return *forward;
	}
	return NULL;
}
