// Command crasher dies in the way that it is told to, so that there are real tracebacks of every kind.
//
// Usage: crasher WAY [NAME]
package main

/*
#cgo LDFLAGS: -lpthread
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>

static void c_fault(void) { *(volatile int *)16 = 1; }
static void c_abort(void) { abort(); }
static volatile int zero;
static int c_divide(void) { return 77 / zero; }
static void c_free(void) { char *volatile inside = malloc(2000); free(inside + 16); }

// look_up asks as a C library does: without any help of Go's.
static void *look_up(void *name) {
	struct addrinfo *found = NULL;
	if (getaddrinfo(name, NULL, NULL, &found) == 0)
		freeaddrinfo(found);
	return NULL;
}

// look_up_in_threads asks from threads that Go knows nothing of.
static void look_up_in_threads(char *name, int count) {
	pthread_t threads[64];
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, look_up, name);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}
*/
import "C"

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

type node struct{ next *node }

var ways = map[string]func(string){
	"nil-pointer":     func(string) { var first *node; println(first.next.next) },
	"nil-map":         func(string) { var none map[string]int; none["key"] = 1 },
	"index":           func(name string) { println([]int{}[len(name)]) },
	"divide":          func(name string) { println(1 / (len(name) - len(name))) },
	"type-assertion":  func(name string) { var any interface{} = name; println(any.(int)) },
	"own-panic":       func(name string) { panic("cannot go on: " + name) },
	"closed-channel":  func(string) { c := make(chan int); close(c); close(c) },
	"concurrent-maps": func(string) { shared := map[int]int{}; go write(shared); write(shared) },
	"stack-overflow":  func(string) { println(recurse(1)) },
	"out-of-memory":   func(string) { println(len(make([]byte, 1<<46))) },
	"c-fault":         func(string) { C.c_fault() },
	"c-abort":         func(string) { C.c_abort() },
	"c-divide":        func(string) { println(C.c_divide()) },
	"c-free":          func(string) { C.c_free() },
	"c-look-up":       func(name string) { ask(func() { C.look_up(unsafe.Pointer(C.CString(name))) }, 64) },
	"c-threads":       func(name string) { C.look_up_in_threads(C.CString(name), 64) },
	"quit":            func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGQUIT); time.Sleep(time.Minute) },
	"fault": func(string) {
		page, _ := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		page[0] = 1
	},
}

func write(shared map[int]int) {
	for i := 0; ; i++ {
		shared[i&1] = i
	}
}

// ask calls from many goroutines at once.
func ask(question func(), count int) {
	done := make(chan bool)
	for i := 0; i < count; i++ {
		go func() { question(); done <- true }()
	}
	for i := 0; i < count; i++ {
		<-done
	}
}

func recurse(depth int) int { return recurse(depth+1) + 1 }

func main() {
	name := "orderer.example.com"
	if len(os.Args) > 2 {
		name = os.Args[2]
	}
	if len(os.Args) < 2 || ways[os.Args[1]] == nil {
		println("usage: crasher WAY [NAME]")
		os.Exit(64)
	}
	ways[os.Args[1]](name)
	println("alive")
}
