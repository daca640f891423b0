#include <pwd.h>

int find_owner(const char *name) { return getpwnam(name) != 0; }
