/* ask */
#include "harness.h"

int main(int argc, char **argv)
{
    Suite *suite = suite_create("ask");
    return e2e_run(suite, argc, argv);
}
