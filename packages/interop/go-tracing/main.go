// Both sides of go-kit's tracing with libraries that are no more, as its users write them, over HTTP and gRPC. A module of its own, as they need.
//
//	tracing serve -library opencensus|opentracing -http ADDRESS -grpc ADDRESS
//	tracing call -library opencensus|opentracing -transport http|grpc -address ADDRESS [-w3c] [-unsampled]
package main

import (
	"fmt"
	"os"

	"github.com/go-kit/kit/endpoint"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	kithttp "github.com/go-kit/kit/transport/http"
)

func main() {
	commands := map[string]func([]string) error{"call": call, "serve": serve}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: tracing serve|call [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A library is what go-kit's tracing makes of one; each side of a call uses its half.
type library struct {
	server, client endpoint.Middleware
	httpServer     kithttp.ServerOption
	httpClient     kithttp.ClientOption
	grpcServer     kitgrpc.ServerOption
	grpcClient     kitgrpc.ClientOption
	// spans are those that have ended, in that order.
	spans func() []span
}

// libraries are made by their names: serving or calling, for W3C's headers or the library's own, sampled or not. A server samples what its caller does.
var libraries = map[string]func(w3c bool, sample bool, serving bool) (library, error){
	"opencensus":  opencensus,
	"opentracing": openTracing,
}

// A span is what is looked at of theirs.
type span struct {
	Name         string         `json:"name"`
	Trace        string         `json:"trace"`
	ID           string         `json:"id"`
	Parent       string         `json:"parent"`
	Kind         int            `json:"kind"`
	RemoteParent bool           `json:"remoteParent"`
	Attributes   map[string]any `json:"attributes"`
}
