/* What a user writes: this one include and nothing else. */
#include <stele/stele.h>
