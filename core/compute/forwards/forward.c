/* forward.c - the list of forwards.
 *
 * A new forward is its own file, ended by its row, and one line in forward.h. A model finds its row by family and by what is asked of
 * it; the list is short and is searched from the front.
 */
#include "core/compute/forwards/forward.h"

const struct forward *const forwards[] = {
#define FORWARD_ROW(name) &forward_##name,
	FORWARDS(FORWARD_ROW)
#undef FORWARD_ROW
		NULL,
};

const struct forward *forward_find(const struct model *model, enum forward_kind kind)
{
	for (const struct forward *const *forward = forwards; *forward; forward++) {
		if ((*forward)->family == model->family && (*forward)->kind == kind)
			return *forward;
	}
	return NULL;
}
