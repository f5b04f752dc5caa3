/*
 * segment_object.h - a segment's names as its writer deals with them: the lock, the private name of
 * one that is being made, the name that everybody sees, and the end of one that is given up.
 *
 *   lock NAME.lock -> make NAME~new, mode and owner -> fill -> rename to NAME
 *
 * Under the name a segment is whole from its first instant to its last: it appears by one rename(),
 * which also takes the place of the one it replaces. What a killed maker left under the private name
 * is removed by the next one, which holds the lock and so knows that nobody is at it.
 */
#ifndef STORE_SEGMENT_OBJECT_H
#define STORE_SEGMENT_OBJECT_H

#include "segment.h"

#include <stele/detail/object.h>

/*
 * Takes the lock of this valid name; *fd, to be closed to let go of it. STELE_ELOCKED: another
 * writer lives. STELE_EOWNER: the lock is somebody else's.
 */
enum stele_status segment_object_lock(const char *name, int *fd,
                                      const struct segment_message *message);

/*
 * Takes the segment itself, by a write lock of its first byte (an open file description lock), before
 * anything is written to it: the lock's name may have been removed under a writer that lives. That takes a
 * descriptor which can write, which no reader has. A reader can put a read lock there and keep the writer
 * from it, but is told apart; then *claimed is false, and only the lock counts. Held by the descriptor.
 * STELE_ELOCKED: another writer has it.
 */
enum stele_status segment_object_claim(int fd, const char *path, bool *claimed,
                                       const struct segment_message *message);

/* Says what was found under the name and what helps against it; returns its status. */
enum stele_status segment_object_refuse(const struct stelei_object *object, const char *name,
                                        const struct segment_message *message);

/* Makes an empty object under the private name, with its final mode and group. On failure there is
 * none. */
enum stele_status segment_object_make(struct segment *segment,
                                      const struct stele_store_options *options,
                                      const struct segment_message *message);

/* Gives it the name; the object that has it, which was claimed, is given up first. Its private name is gone then,
 * whatever comes of it. */
enum stele_status segment_object_publish(const char *name, const struct stelei_object *former,
                                         const struct segment_message *message);
void segment_object_discard(const char *name);

/*
 * Tells everybody who has it mapped that they should attach again: stores the state, then empties
 * the table words, so that lookups find out without looking for it. Touches nothing where the header
 * is not one of ours, or the object is not open for writing. Nobody writes to it afterwards.
 */
void segment_object_give_up(const struct stelei_object *object);

/* Removes the names, the lock's last: it is held. STELE_ELOCKED: a writer has the segment all the same. */
enum stele_status segment_object_unlink(const char *name);

/* The object of a segment that is there, once more, read-only: for others. -1 with errno. */
int segment_object_reopen(const char *path, int fd);

#endif
