/*
 * codec.h - bytes of the wire from and to numbers: decode.h and encode.h. Pure functions over the
 * caller's memory: any thread may call them; they know no socket, allocate nothing, keep nothing.
 */
#ifndef STELE_DETAIL_CODEC_H
#define STELE_DETAIL_CODEC_H

#include "decode.h"
#include "encode.h"

#endif
