/*
 * picture.h - shares of a whole as a bar of letters. Pure.
 */
#ifndef STELE_CLI_PICTURE_H
#define STELE_CLI_PICTURE_H

#include <stdint.h>

struct picture_part {
    char letter;
    uint64_t bytes;
};

/*
 * Fills out[0..width-1] with each part's letter in proportion to its bytes, and a zero behind. Parts
 * that are not empty get at least one place, as long as there are places; what the parts do not
 * cover is '.'. Their sum may exceed `whole`: then they are the whole.
 */
void picture_bar(char *out, unsigned width, const struct picture_part *parts, unsigned count,
                 uint64_t whole);

#endif
