/* A C program that asks nobody: glibc still brings the code by which iconv loads its modules. */
#include <stdio.h>

int main(void) {
    puts("nothing");
    return 0;
}
