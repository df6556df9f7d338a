/* executor_behave.h - what the stubs' behaviours share: arguments, and results put together. Private to tests/conformance.
 *
 * Helpers take values over and give NULL without memory. One thread.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_BEHAVE_H
#define RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_BEHAVE_H

#include "tests/conformance/executor_stubs.h"

/* An argument; null where it was not given. Borrowed. */
const struct py *stub_argument(const struct prompt_call *call, const char *name);
bool stub_is_none(const struct py *value);
bool stub_has(const struct prompt_call *call, const char *name);
/* A list of one: a tuple in Python. */
struct py *stub_one(struct py *value);
struct py *stub_two(struct py *first, struct py *second);
/* The map with one member more. */
struct py *stub_with(struct py *map, const char *key, struct py *value);
/* A V3 output is a map even where it has only a result. */
struct py *stub_result(const struct prompt_call *call, struct py *value);
struct py *stub_whole(int64_t value);
int64_t stub_number(const struct py *value);
/* a + b as Python adds. */
struct py *stub_add(const struct py *a, const struct py *b, struct py_raised *raised);
/* NULL, with a ValueError. */
struct py *stub_raise_value(struct py_raised *raised, const char *text);
/* {"ui": {name: [item]}} */
struct py *stub_shows(const char *name, struct py *item);

/* Behaviours, by the name of what they do. */
#define STUB_BEHAVIOURS(X)                                                                                                     \
	X(ask_a)                                                                                                               \
	X(ask_all_none)                                                                                                        \
	X(ask_b_if_a)                                                                                                          \
	X(ask_in_sequence)                                                                                                     \
	X(ask_masked)                                                                                                          \
	X(ask_nope)                                                                                                            \
	X(ask_raising)                                                                                                         \
	X(ask_switched)                                                                                                        \
	X(ask_v_if_go)                                                                                                         \
	X(ask_without_list)                                                                                                    \
	X(block_bare)                                                                                                          \
	X(block_if)                                                                                                            \
	X(block_odd)                                                                                                           \
	X(block_second)                                                                                                        \
	X(block_v3)                                                                                                            \
	X(changed_blocker)                                                                                                     \
	X(changed_by_mode)                                                                                                     \
	X(changed_echo)                                                                                                        \
	X(changed_half)                                                                                                        \
	X(changed_list)                                                                                                        \
	X(changed_nan)                                                                                                         \
	X(changed_object)                                                                                                      \
	X(changed_one_nan)                                                                                                     \
	X(changed_raise)                                                                                                       \
	X(changed_same)                                                                                                        \
	X(changed_tick)                                                                                                        \
	X(count_runs)                                                                                                          \
	X(expand_and_show)                                                                                                     \
	X(expand_blocked)                                                                                                      \
	X(expand_displayed)                                                                                                    \
	X(expand_even)                                                                                                         \
	X(expand_fixed)                                                                                                        \
	X(expand_loop)                                                                                                         \
	X(expand_missing)                                                                                                      \
	X(expand_out)                                                                                                          \
	X(expand_plus_7)                                                                                                       \
	X(expand_raising)                                                                                                      \
	X(expand_raw)                                                                                                          \
	X(expand_self)                                                                                                         \
	X(expand_sum)                                                                                                          \
	X(expand_unknown)                                                                                                      \
	X(give_100a_plus_b)                                                                                                    \
	X(give_a)                                                                                                              \
	X(give_a_or_0)                                                                                                         \
	X(give_a_or_minus_1)                                                                                                   \
	X(give_doubled)                                                                                                        \
	X(give_hidden)                                                                                                         \
	X(give_id_and_x)                                                                                                       \
	X(give_list_sum)                                                                                                       \
	X(give_mix)                                                                                                            \
	X(give_model)                                                                                                          \
	X(give_none)                                                                                                           \
	X(give_range)                                                                                                          \
	X(give_range_and_n)                                                                                                    \
	X(give_raw_link)                                                                                                       \
	X(give_reversed)                                                                                                       \
	X(give_sum)                                                                                                            \
	X(give_sum_of_all)                                                                                                     \
	X(give_switched)                                                                                                       \
	X(give_two)                                                                                                            \
	X(give_v)                                                                                                              \
	X(give_value)                                                                                                          \
	X(give_x)                                                                                                              \
	X(hold_gate)                                                                                                           \
	X(hold_gate_and_listen)                                                                                                \
	X(make_counter)                                                                                                        \
	X(raise_at)                                                                                                            \
	X(raise_at_birth)                                                                                                      \
	X(raise_if)                                                                                                            \
	X(raise_interrupt)                                                                                                     \
	X(refuse_extra)                                                                                                        \
	X(report_progress)                                                                                                     \
	X(show_a_and_b)                                                                                                        \
	X(show_and_give_v)                                                                                                     \
	X(show_i)                                                                                                              \
	X(show_list)                                                                                                           \
	X(show_nothing)                                                                                                        \
	X(show_v)                                                                                                              \
	X(show_v_itself)                                                                                                       \
	X(show_x)                                                                                                              \
	X(sleep_and_give_v)                                                                                                    \
	X(sleep_and_raise)                                                                                                     \
	X(sleep_and_show)                                                                                                      \
	X(valid_always)                                                                                                        \
	X(valid_if_equal)                                                                                                      \
	X(valid_never)                                                                                                         \
	X(valid_raise)                                                                                                         \
	X(valid_types)                                                                                                         \
	X(valid_under_100)                                                                                                     \
	X(valid_under_5)

#define STUB_DECLARE(name) struct py *stub_##name(struct prompt_call *call, struct py_raised *raised);
STUB_BEHAVIOURS(STUB_DECLARE)
#undef STUB_DECLARE

#endif
