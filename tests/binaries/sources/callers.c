/* A C program that enters glibc's NSS in three ways, each from a function of its own name. */
#include <dlfcn.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>

__attribute__((noinline)) int ask_user(const char *name) { return getpwnam(name) != 0; }

__attribute__((noinline)) int ask_host(const char *name) {
    struct addrinfo *found;
    return getaddrinfo(name, 0, 0, &found);
}

__attribute__((noinline)) int load(const char *name) { return dlopen(name, RTLD_NOW) != 0; }

int main(int count, char **words) {
    printf("%d\n", ask_user(words[0]) + ask_host(words[0]) + load(words[count - 1]));
    return 0;
}
