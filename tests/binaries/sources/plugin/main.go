// Command plugin loads libraries by dlopen, for reasons of its own.
package main

import (
	"os"
	"plugin"
)

func main() {
	if _, err := plugin.Open(os.Args[1]); err != nil {
		os.Exit(1)
	}
}
