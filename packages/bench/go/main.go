// What go-kit costs, for the benches beside it. Each program here takes a line and answers with one, until its input ends.
//
//	gokit loop NAME   a number of operations: "WALL CPU", the nanoseconds that they took and those of CPU time
//	gokit http|grpc   "port": where it listens; "cpu": the CPU time that it has used, in microseconds
package main

import (
	"bufio"
	"fmt"
	"os"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "loop":
		return runLoop(args[1])
	case len(args) == 1 && args[0] == "http":
		return serve(serveHTTP)
	case len(args) == 1 && args[0] == "grpc":
		return serve(serveGRPC)
	}
	return fmt.Errorf("usage: gokit loop NAME|http|grpc")
}

func answerLines(answer func(line string) (string, error)) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answered, err := answer(lines.Text())
		if err != nil {
			return err
		}
		fmt.Println(answered)
	}
	return lines.Err()
}

// cpuTime is that of all threads, those of the garbage collector among them.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
