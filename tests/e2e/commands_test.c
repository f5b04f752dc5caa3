/* commands */
#include "harness.h"

int main(int argc, char **argv)
{
    Suite *suite = suite_create("commands");
    return e2e_run(suite, argc, argv);
}
