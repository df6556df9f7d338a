/* fields_verdict.h - the fields of the records of what the judge says of a cell. Private to db/records.
 *
 * Each list is NUMBER(OF, type, member, column, wire) and STRING(OF, capacity, member, column, wire), in the order of the struct that
 * record.h makes of it. `column` is the store's (NULL: not stored), `wire` how a live server's line gives the member (NONE: it does
 * not), a word of enum record_wire in layout.h; its key there is the member's name. OF is the struct's tag, which record.h and
 * layout.c pass. Sizes are bytes and times nanoseconds where the names say so; nothing here owns, fails or runs.
 */
#ifndef RESIDENCY_DB_FIELDS_VERDICT_H
#define RESIDENCY_DB_FIELDS_VERDICT_H

/* What became of one object in a cell. `judged`: it counts for the verdict (rule_is_judged). Stages by the object's
 * own state: the first one not resident after the first one resident; the first of all if it never was. The outcome also
 * counts an object as resident whose model is listed through another patcher. */
#define RECORD_FIELDS_verdict_model(NUMBER, STRING, OF)                                                                        \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	NUMBER(OF, U32, model, "model", NONE)                                                                                  \
	STRING(OF, RECORD_MODEL_NAME_MAX, name, "name", NONE)                                                                  \
	NUMBER(OF, U32, generation, "generation", NONE)                                                                        \
	NUMBER(OF, BOOL, judged, "judged", NONE)                                                                               \
	NUMBER(OF, KEEP, keep, "keep", NONE)                                                                                   \
	NUMBER(OF, OUTCOME, outcome, "outcome", NONE)                                                                          \
	STRING(OF, 32, first_lost_stage, "first_lost_stage", NONE) /* "c1.after_gc"; "" where it never left */                 \
	NUMBER(OF, REASON, reason, "reason", NONE)                                                                             \
	NUMBER(OF, STATE, first_lost_state, "first_lost_state", NONE) /* STATE_COUNT where it never left */                    \
	NUMBER(OF, STATE, end_state, "end_state", NONE)                                                                        \
	STRING(OF, 32, died_stage, "died_stage", NONE) /* the first with state dead; "" where it lives */                      \
	STRING(OF, 512, holders_before, "holders_before",                                                                      \
	       NONE) /* JSON list of {"label","kind","strength"} one stage before it was lost */                               \
	STRING(OF, 512, holders_after, "holders_after", NONE)                                                                  \
	NUMBER(OF, U32, disk_loads, "disk_loads", NONE) /* of the name, over the whole cell */

#define RECORD_FIELDS_verdict(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	NUMBER(OF, VERDICT, verdict, "verdict", NONE)                                                                          \
	NUMBER(OF, U64, dropped, "dropped", NONE) /* records that did not fit the ring */                                      \
	STRING(OF, 160, why, "why", NONE) /* what is missing where it is UNTRUSTWORTHY, a dead worker; else "" */

/* One thing wrong, with what shows it. `class_name` is a finding class: lost, leaked, duplicated, ... What a class has no use for
 * is left unknown. `facts` are codes of probes/diagnosis/diagnosis.h; the last four fields are what those say about the likely cause. */
#define RECORD_FIELDS_finding(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	STRING(OF, 16, class_name, "class", NONE)                                                                              \
	STRING(OF, RECORD_MODEL_NAME_MAX, model, "model",                                                                      \
	       NONE) /* "B"; "B#2" for the second object of the name; "" where no model is to blame */                         \
	STRING(OF, 32, stage, "stage", NONE) /* the first that shows it */                                                     \
	STRING(OF, 512, detail, "detail", NONE) /* one line for people */                                                      \
	NUMBER(OF, INDEX, object, "object", NONE) /* its number in the cell; -1: none */                                       \
	NUMBER(OF, U64, size_bytes, "size_bytes", NONE) /* of the model, or of what is unattributed */                         \
	NUMBER(OF, INDEX, device, "device", NONE) /* index; -1: unknown */                                                     \
	NUMBER(OF, INDEX, planned_device, "planned_device", NONE) /* where the plan wants what is misplaced; -1 */             \
	STRING(OF, 96, action, "action", NONE) /* the action before that stage: "post unload_models free_memory" */            \
	NUMBER(OF, REASON, reason, "reason", NONE)                                                                             \
	NUMBER(OF, STATE, state, "state", NONE)                                                                                \
	NUMBER(OF, STATE, end_state, "end_state", NONE) /* at that stage, at the end; STATE_COUNT: of no object */             \
	STRING(OF, 512, holders_before, "holders_before",                                                                      \
	       NONE) /* JSON as in record_verdict_model; of a duplicate: who holds the kept copy */                            \
	STRING(OF, 512, holders_after, "holders_after", NONE) /* at that stage */                                              \
	STRING(OF, 128, missing_holder, "missing_holder",                                                                      \
	       NONE) /* labels of those who held it one stage earlier and no longer do */                                      \
	STRING(OF, RECORD_TEXT_MAX, path, "path", NONE) /* the shortest retaining path; "" for a dead object */                \
	NUMBER(OF, U64, bytes_before, "bytes_before", NONE)                                                                    \
	NUMBER(OF, U64, bytes_after, "bytes_after", NONE) /* on its device, one stage earlier and at that stage */             \
	STRING(OF, 64, weak_state, "weak_state", NONE) /* of a list entry: "patcher dead, model alive" */                      \
	STRING(OF, RECORD_NAME_MAX, place, "place",                                                                            \
	       NONE) /* which blocks, tensor and element, ledger line, place in the list */                                    \
	STRING(OF, 96, expected, "expected", NONE)                                                                             \
	STRING(OF, 96, actual, "actual", NONE) /* hashes or values there */                                                    \
	STRING(OF, 768, facts, "facts", NONE)                                                                                  \
	NUMBER(OF, INDEX, failure_class, "failure_class", NONE) /* likely known cause; -1: none that is known */               \
	STRING(OF, 160, cause, "cause", NONE)                                                                                  \
	STRING(OF, 96, threads, "threads", NONE) /* upstream's: "CC#6705, MG#69" */                                            \
	STRING(OF, 512, why, "why", NONE) /* the facts that decided, in words */

#endif
