/* card.h - a manager on a card of 100 MiB, and models of eight blocks of 1 MiB.
 *
 * The manager believes of free memory what a test says, so that pressure needs no bytes. There is one card at a time; the
 * checked fixtures of a suite open and close it.
 */
#ifndef RESIDENCY_TESTS_MANAGER_CARD_H
#define RESIDENCY_TESTS_MANAGER_CARD_H

#include "tests/fixtures/manager.h"

#define BLOCKS 8
#define CARD_MODELS_MAX 4

struct card {
	struct managed scene;
	struct device *cpu, *device;
	double free_bytes; /* of the card, as the manager believes; 4 GiB at first */
	bool is_full; /* the card rejects weights, whatever is free */
	struct reference holds[CARD_MODELS_MAX]; /* of the models, in the order they were made */
	size_t hold_count;
	struct error e;
};

extern struct card card;

void card_open(const struct policy *policy);
void card_open_stock(void);
void card_close(void);

/* A model of blocks "b0", "b1", ..., held until the card is closed or its hold is dropped. */
struct patcher *card_model(const char *name);
void card_hold(struct patcher *patcher);

void card_load(struct patcher *const *patchers, size_t count);
uint64_t card_bytes(const struct patcher *patcher); /* on the card */

#endif
