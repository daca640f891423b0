// Command wrapper calls libc's look-up by cgo itself; net is not in it.
package main

// #include <pwd.h>
import "C"

import "os"

func main() {
	if C.getpwuid(0) == nil {
		os.Exit(1)
	}
}
