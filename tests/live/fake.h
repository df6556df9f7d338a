/* fake.h - a server that does one thing wrong (fake_server.py), started and stopped. */
#ifndef RESIDENCY_TESTS_LIVE_FAKE_H
#define RESIDENCY_TESTS_LIVE_FAKE_H

/* Starts it with a fault that strikes `count` times. "http://127.0.0.1:PORT", until fake_stop. */
const char *fake_start(const char *fault, int count);

/* The same for a fault that leaves the first `after` requests that it is about alone. */
const char *fake_start_after(const char *fault, int count, int after);

/* Another one, without a fault, where the last one was: another session. */
const char *fake_start_again(void);

void fake_stop(void);

#endif
