package main

import (
	"context"
	"fmt"
	"net"
)

type sumRequest struct {
	A int32 `json:"a"`
	B int32 `json:"b"`
}

type sumResponse struct {
	V int32 `json:"v"`
}

func sum(_ context.Context, request any) (any, error) {
	asked := request.(sumRequest)
	return sumResponse{asked.A + asked.B}, nil
}

// serve has that server listen on a free port of the loopback, and answers for it.
func serve(run func(net.Listener) error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- run(listener) }()
	return answerLines(func(line string) (string, error) {
		select {
		case err := <-failed:
			return "", err
		default:
		}
		switch line {
		case "port":
			return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port), nil
		case "cpu":
			return fmt.Sprint(cpuTime().Microseconds()), nil
		}
		return "", fmt.Errorf("no such question: %s", line)
	})
}
