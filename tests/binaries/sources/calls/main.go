// Command calls has C code of its own that asks for a user, besides Go's own look-ups of hosts.
package main

// int find_owner(const char *name);
import "C"

import (
	"net"
	"os"
)

func main() {
	_, err := net.LookupHost("localhost")
	if err != nil || C.find_owner(C.CString("root")) == 0 {
		os.Exit(1)
	}
}
