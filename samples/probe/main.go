// Command probe stands for a server such as Fabric's peer: it looks up host names, from as many goroutines as asked.
//
// Usage: probe [-many N] [-user NAME] [HOST...]
//
// Without HOST it takes PROBE_HOSTS, separated by spaces. With -user it also asks os/user for that user. It prints one
// line for each answer and exits with 1 where one could not be had. How it is linked decides the rest.
package main

import (
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
)

// question is one thing to ask, and how.
type question struct {
	text string
	ask  func() (string, error)
}

// questions reads the command line: what to ask, and from how many goroutines.
func questions(arguments []string) (asked []question, goroutines int) {
	goroutines = 1
	hosts := []string{}
	for i := 0; i < len(arguments); i++ {
		switch {
		case arguments[i] == "-many" && i+1 < len(arguments):
			i++
			goroutines, _ = strconv.Atoi(arguments[i])
		case arguments[i] == "-user" && i+1 < len(arguments):
			i++
			asked = append(asked, userQuestion(arguments[i]))
		default:
			hosts = append(hosts, arguments[i])
		}
	}
	if len(hosts) == 0 {
		hosts = strings.Fields(os.Getenv("PROBE_HOSTS"))
	}
	for _, host := range hosts {
		asked = append(asked, hostQuestion(host))
	}
	return asked, goroutines
}

func hostQuestion(host string) question {
	return question{"host " + host, func() (string, error) {
		addresses, err := net.LookupHost(host)
		return strings.Join(addresses, " "), err
	}}
}

func userQuestion(name string) question {
	return question{"user " + name, func() (string, error) {
		found, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return found.Uid, nil
	}}
}

// askMany asks from several goroutines at once and returns the last answer, or an error if any failed.
func askMany(asked question, goroutines int) (answer string, err error) {
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
			one, problem := asked.ask()
			mutex.Lock()
			defer mutex.Unlock()
			if problem != nil {
				err = problem
			} else {
				answer = one
			}
		}()
	}
	close(start)
	group.Wait()
	return answer, err
}

func main() {
	asked, goroutines := questions(os.Args[1:])
	status := 0
	for _, each := range asked {
		answer, err := askMany(each, goroutines)
		if err != nil {
			answer, status = "failed: "+err.Error(), 1
		}
		os.Stdout.WriteString(each.text + ": " + answer + "\n")
	}
	os.Exit(status)
}
