/* layout_rule.h - a family's parameters in terms of another program's tensors, as rows of the family's table.
 *
 * core/model/detect/layout.h follows the rules. They are static data: nothing here is owned, and any thread may read it.
 */
#ifndef RESIDENCY_MODEL_LAYOUT_RULE_H
#define RESIDENCY_MODEL_LAYOUT_RULE_H

#define LAYOUT_PIECES_MAX 4 /* tensors that one parameter is made of */

/* Which rows, and how. */
enum layout_cut {
	CUT_WHOLE, /* all rows; of several tensors one after the other */
	CUT_FIRST_THIRD,
	CUT_SECOND_THIRD,
	CUT_LAST_THIRD,
	CUT_SWAPPED_HALVES, /* the second half of the rows, then the first */
	CUT_TRANSPOSED /* rows become columns */
};

/* In names a '*' is any number, the same on both sides, and an '@' is "weight" or "bias". */
struct layout_rule {
	const char *own; /* the family's parameter; NULL ends the rules */
	const char *from[LAYOUT_PIECES_MAX]; /* the file's tensors, prefix left out; NULL ends them */
	enum layout_cut cut;
};

#endif
