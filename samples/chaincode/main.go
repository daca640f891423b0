// Command chaincode stands for Go chaincode: it looks the host name of its peer up, as the shim does to reach it.
//
// Usage: chaincode [-many N] [-peer.address HOST:PORT]
//
// A peer starts it with -peer.address. With -many it asks from N goroutines at once, as chaincode that calls other
// services does. It exits with 1 where an answer could not be had. The peer decides how it is linked, and so the rest.
package main

import (
	"flag"
	"net"
	"os"
	"sync"
)

// lookUp asks for a host from several goroutines at once, and returns an error if any of them had one.
func lookUp(host string, goroutines int) (failure error) {
	var (
		group sync.WaitGroup
		mutex sync.Mutex
		start = make(chan struct{})
	)
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			<-start
			if _, err := net.LookupHost(host); err != nil {
				mutex.Lock()
				failure = err
				mutex.Unlock()
			}
		}()
	}
	close(start)
	group.Wait()
	return failure
}

func main() {
	many := flag.Int("many", 1, "goroutines")
	address := flag.String("peer.address", "localhost:7052", "the peer")
	flag.Parse()
	host, _, err := net.SplitHostPort(*address)
	if err == nil {
		err = lookUp(host, *many)
	}
	if err != nil {
		os.Stderr.WriteString("chaincode: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("chaincode: " + host + " found\n")
}
