/*
 * verify.h - walks everything and compares it with itself and with the writer's private state.
 * The single truth is the slots; each derived thing has a line here.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "catalog.h"

/* No adoption and no reclaim may be under way. STELE_ECORRUPT and one line of text, or STELE_OK;
 * STELE_ENOMEM: one bit per granule of private memory. */
enum stele_status verify_all(struct catalog *catalog, char *text, size_t text_bytes);

#endif
