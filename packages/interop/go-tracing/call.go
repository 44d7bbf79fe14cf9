package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/go-kit/kit/endpoint"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	kithttp "github.com/go-kit/kit/transport/http"
	"google.golang.org/grpc"

	"kit/interop/gen/pb"
)

// A report is what call prints, on one line.
type report struct {
	Text  string `json:"text"`
	Error string `json:"error"`
	Spans []span `json:"spans"`
}

// call has the text on its standard input echoed.
func call(args []string) error {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	name := flags.String("library", "", "opencensus or opentracing")
	transport := flags.String("transport", "http", "http or grpc")
	address := flags.String("address", "", "where the server is: a URL for HTTP")
	w3c := flags.Bool("w3c", false, "whether HTTP carries traceparent, else the library's own")
	unsampled := flags.Bool("unsampled", false, "whether the trace is not sampled")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	made, err := libraryOf(*name, *w3c, !*unsampled, false)
	if err != nil {
		return err
	}
	client := map[string]func(string, library) (endpoint.Endpoint, error){"grpc": grpcClient, "http": httpClient}[*transport]
	next, err := client(*address, made)
	if err != nil {
		return err
	}
	response, err := made.client(next)(context.Background(), message{string(text)})
	told := report{Spans: made.spans()}
	if err != nil {
		told.Error = err.Error()
	} else {
		told.Text = response.(message).Text
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}

func httpClient(address string, made library) (endpoint.Endpoint, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	decode := func(_ context.Context, r *http.Response) (any, error) {
		if r.StatusCode != http.StatusOK {
			text, err := io.ReadAll(r.Body)
			return nil, errors.Join(err, errors.New(string(text)))
		}
		var m message
		err := json.NewDecoder(r.Body).Decode(&m)
		return m, err
	}
	return kithttp.NewClient(http.MethodPost, target, kithttp.EncodeJSONRequest, decode, made.httpClient).Endpoint(), nil
}

func grpcClient(address string, made library) (endpoint.Endpoint, error) {
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	return kitgrpc.NewClient(
		connection,
		"interop.Interop",
		"Echo",
		func(_ context.Context, m any) (any, error) { return &pb.EchoRequest{Text: m.(message).Text}, nil },
		func(_ context.Context, m any) (any, error) { return message{m.(*pb.EchoResponse).Text}, nil },
		pb.EchoResponse{},
		made.grpcClient,
	).Endpoint(), nil
}
