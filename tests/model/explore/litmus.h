/* litmus.h - small programs whose outcomes are known: shows that the engine itself is right. */
#ifndef EXPLORE_LITMUS_H
#define EXPLORE_LITMUS_H

#include <stdbool.h>

/* Prints one line per program. False: an outcome was missing, or one appeared that may not. */
bool explore_litmus(void);

#endif
