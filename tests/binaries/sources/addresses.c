/* A C program that enters glibc's NSS by addresses only: a table's, an argument's, and the offset table's. */
#include <dlfcn.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>

int getnameinfo(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int) __attribute__((noplt));

struct passwd *(*const lookups[])(const char *) = {getpwnam, 0};

__attribute__((noinline)) void *apply(void *(*load)(const char *, int), const char *name) { return load(name, RTLD_NOW); }

__attribute__((noinline)) int by_argument(const char *name) { return apply(dlopen, name) != 0; }

__attribute__((noinline)) int by_offset(const char *name) {
    return getnameinfo((const struct sockaddr *)name, 16, (char *)name, 0, (char *)name, 0, 0);
}

int main(int count, char **words) {
    printf("%d\n", (lookups[count - 1](words[0]) != 0) + by_argument(words[0]) + by_offset(words[0]));
    return 0;
}
