// Both sides of every transport, as go-kit's users write them.
//
//	gokit serve -http ADDRESS -jsonrpc ADDRESS -grpc ADDRESS -thrift ADDRESS -nats URL -amqp URL
//	gokit call -transport NAME -address ADDRESS -operation NAME <request.json
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{"call": call, "serve": serve}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gokit serve|call [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
