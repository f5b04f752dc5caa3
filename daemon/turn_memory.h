/*
 * turn_memory.h - how much memory large frames and large replies of all connections take together,
 * and who may have it next. The loop's thread only; for turn.c.
 *
 * Over TURN_LARGE_MAX one connection at a time goes on receiving a large frame (turn->favoured), the
 * one with the smallest first; gets of large values are refused or delayed; and whoever holds memory without
 * moving a byte, while others want it, is dropped after ten seconds.
 */
#ifndef STELE_DAEMON_TURN_MEMORY_H
#define STELE_DAEMON_TURN_MEMORY_H

#include "turn.h"

/* Receives for a peer that is readable, unless it has to wait; then it is not read from until
 * turn_memory_wake(). */
void turn_memory_receive(struct turn_peer *peer);

/* Whether so many bytes of values may be put into a reply now. */
bool turn_memory_allows(const struct turn *turn, uint64_t value_bytes);

/* The peer's next command waits for memory of its reply, until turn_memory_wake(). */
void turn_memory_delay(struct turn_peer *peer);
/* It is tried again. */
void turn_memory_undelay(struct turn_peer *peer);

/* Ends of a turn: lets those go on for whom there is room now. */
void turn_memory_wake(struct turn *turn);

/* The peer neither waits, nor is delayed, nor favoured any more. */
void turn_memory_forget(struct turn_peer *peer);

/* Once a tick: drops those that keep others waiting. */
void turn_memory_tick(struct turn *turn);

#endif
