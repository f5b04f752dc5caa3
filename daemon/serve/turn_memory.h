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

#include "serve/turn.h"

/* Whether a peer that is readable may be received from. False: it has to wait (TURN_MEMORY_IN), until
 * turn_memory_wake(). */
bool turn_memory_admits(struct turn_peer *peer);

/* Whether so many bytes of values may be put into a reply now. False: the command has to wait
 * (TURN_MEMORY_OUT), until turn_memory_wake(), or is refused. */
bool turn_memory_allows(const struct turn *turn, uint64_t value_bytes);

/* Gives the peer a place among those that wait for memory of a reply, if it has none. */
void turn_memory_delay(struct turn_peer *peer);

/* Ends of a turn: lets those go on for whom there is room now. */
void turn_memory_wake(struct turn *turn);

/* The peer is not favoured any more. */
void turn_memory_forget(struct turn_peer *peer);

/* Once a tick: drops those that keep others waiting. */
void turn_memory_tick(struct turn *turn);

#endif
