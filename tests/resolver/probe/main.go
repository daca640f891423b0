// Probe makes one call of package net; with GODEBUG=netdns=2 Go prints the order that it chose.
//
//	probe CALL NAME
//	probe watch NAME   looks NAME up once for each line of its input
package main

import (
	"bufio"
	"net"
	"os"
	"time"
)

func main() {
	call, name := os.Args[1], os.Args[2]
	if call == "watch" {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			net.LookupHost(name)
			println("looked up")
		}
		return
	}
	done := make(chan bool)
	go func() {
		look(call, name)
		done <- true
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}

func look(call, name string) {
	switch call {
	case "host":
		net.LookupHost(name)
	case "ip":
		net.LookupIP(name)
	case "dial":
		net.DialTimeout("tcp", net.JoinHostPort(name, "9"), time.Second)
	case "port":
		net.LookupPort("tcp", name)
	case "cname":
		net.LookupCNAME(name)
	case "addr":
		net.LookupAddr(name)
	case "txt":
		net.LookupTXT(name)
	case "srv":
		net.LookupSRV("", "", name)
	case "mx":
		net.LookupMX(name)
	case "ns":
		net.LookupNS(name)
	}
}
