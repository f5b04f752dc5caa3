/* reconnect */
#include "harness.h"

int main(int argc, char **argv)
{
    Suite *suite = suite_create("reconnect");
    return e2e_run(suite, argc, argv);
}
