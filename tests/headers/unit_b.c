/* The other unit: what the headers define must not collide. */
#include <stele/store.h>
#include <stele/stele.h>
#include <stele/map.h>

size_t second_unit_get(const struct stele_table *table, const char *key);

size_t second_unit_get(const struct stele_table *table, const char *key)
{
    char value[16];
    size_t bytes = 0;
    enum stele_status status = stele_get(table, key, strlen(key), value, sizeof value, &bytes);
    return status == STELE_OK ? bytes : strlen(stele_status_text(status));
}
