/*
 * floors.h - servers that do nothing with what they receive: what the sockets and the kernel cost
 * by themselves. For server_fork(). They speak the native wire's sizes, and greet as it does.
 */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

/*
 * Ping-pong of one put: whatever one receive brings is answered by 16 bytes. One connection after
 * the other. The second spins for up to a millisecond before it sleeps.
 */
void floors_ping_pong(int fd, unsigned connections);
void floors_ping_pong_spinning(int fd, unsigned connections);

/*
 * A pipeline without work: lengths are read, each frame is answered by 16 bytes, one send for all
 * that was received. Takes `connections` of them first; a single one is received from blocking,
 * several wait in poll().
 */
void floors_frames(int fd, unsigned connections);

#endif
