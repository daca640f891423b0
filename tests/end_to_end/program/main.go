// Command rollout is both ends of a rollout: a server that greets, and a client that makes one call of package net or
// os/user from many goroutines at once, as a server with many connections does.
//
// Usage: rollout serve | CALL GOROUTINES [ARGUMENT...] | repeat RUNS SECONDS CALL GOROUTINES [ARGUMENT...]
//
// CALL is dial, host, addr, cname, port, current, user, uid, group or groupids; the goroutines share the arguments out
// among themselves. It prints the last answer and exits with 0, or prints an error and exits with 1 if any goroutine had
// one. How it is linked decides the rest. With repeat it starts itself anew for every run, and prints how each ended and
// what it said as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"io/ioutil"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"
)

const address = ":7051"

func serve() error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		connection.Write([]byte("greetings"))
		connection.Close()
	}
}

// dial reaches a server by its name and returns what it says.
func dial(host string) (string, error) {
	connection, err := net.Dial("tcp", host+address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	said, err := ioutil.ReadAll(connection)
	return string(said), err
}

func host(name string) (string, error) {
	found, err := net.DefaultResolver.LookupHost(context.Background(), name)
	return strings.Join(found, " "), err
}

func addr(address string) (string, error) {
	found, err := net.LookupAddr(address)
	return strings.Join(found, " "), err
}

func port(service string) (string, error) {
	number, err := net.LookupPort("tcp", service)
	return strconv.Itoa(number), err
}

func name(found *user.User, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return found.Uid + " " + found.Username, nil
}

func group(name string) (string, error) {
	found, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return found.Gid, nil
}

func groupIDs(string) (string, error) {
	found, err := user.Current()
	if err != nil {
		return "", err
	}
	ids, err := found.GroupIds()
	return strings.Join(ids, " "), err
}

var calls = map[string]func(string) (string, error){
	"dial":     dial,
	"host":     host,
	"addr":     addr,
	"cname":    net.LookupCNAME,
	"port":     port,
	"current":  func(string) (string, error) { return name(user.Current()) },
	"user":     func(wanted string) (string, error) { return name(user.Lookup(wanted)) },
	"uid":      func(wanted string) (string, error) { return name(user.LookupId(wanted)) },
	"group":    group,
	"groupids": groupIDs,
}

// callFromMany makes the call from several goroutines that start together, each with one of the arguments.
//
// Package net merges look-ups of one name that run at the same time, so that only several names keep threads busy.
func callFromMany(call func(string) (string, error), arguments []string, goroutines int) (answer string, err error) {
	var (
		group sync.WaitGroup
		mutex sync.Mutex
		start = make(chan struct{})
	)
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func(argument string) {
			defer group.Done()
			<-start
			one, problem := call(argument)
			mutex.Lock()
			defer mutex.Unlock()
			if problem != nil {
				err = problem
			} else {
				answer = one
			}
		}(arguments[i%len(arguments)])
	}
	close(start)
	group.Wait()
	return answer, err
}

func run(arguments []string) (string, error) {
	if len(arguments) == 0 {
		return "", nil
	}
	if arguments[0] == "serve" {
		return "", serve()
	}
	if arguments[0] == "repeat" {
		return "", repeat(arguments[1], arguments[2], arguments[3:])
	}
	goroutines, err := strconv.Atoi(arguments[1])
	if err != nil {
		return "", err
	}
	return callFromMany(calls[arguments[0]], append(arguments[2:], "")[:max(len(arguments)-2, 1)], goroutines)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// repeat starts this program anew for every run and prints how each ended.
func repeat(runs, seconds string, arguments []string) error {
	times, err := strconv.Atoi(runs)
	if err != nil {
		return err
	}
	limit, err := time.ParseDuration(seconds + "s")
	if err != nil {
		return err
	}
	for ; times > 0; times-- {
		end, said := once(limit, arguments)
		line, err := json.Marshal(map[string]string{"end": end, "said": said})
		if err != nil {
			return err
		}
		os.Stdout.Write(append(line, '\n'))
	}
	return nil
}

// once starts this program and returns how it ended and the beginning of what it said.
func once(limit time.Duration, arguments []string) (end, said string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, "/proc/self/exe", arguments...)
	output, _ := command.CombinedOutput()
	if len(output) > 600 {
		output = output[:600]
	}
	if ctx.Err() != nil {
		return "hangs", string(output)
	}
	return command.ProcessState.String(), string(output)
}

func main() {
	answer, err := run(os.Args[1:])
	if err != nil {
		os.Stdout.WriteString("failed: " + err.Error() + "\n")
		os.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] != "repeat" {
		os.Stdout.WriteString("ok: " + answer + "\n")
	}
}
