package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	kitjwt "github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	"github.com/golang-jwt/jwt/v4"
	"github.com/openzipkin/zipkin-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A report is what call prints, on one line.
type report struct {
	Response any          `json:"response,omitempty"`
	Error    *errorReport `json:"error,omitempty"`
	Trace    string       `json:"trace"`
	Span     string       `json:"span"`
}

type errorReport struct {
	Text string `json:"text"`
	// The wire's own number for it: an HTTP status, the number of JSON-RPC, gRPC's code or Thrift's type.
	Code int `json:"code"`
	// Whether it is that of a passed deadline, however the transport says so.
	Deadline bool `json:"deadline"`
}

// A wireError is one whose number the transport has told.
type wireError struct {
	error
	code int
}

func (e wireError) Unwrap() error { return e.error }

// A dialer makes an endpoint of one operation elsewhere.
type dialer func(address string, op operation, tracer *zipkin.Tracer) (endpoint.Endpoint, error)

// call reads a request from its input, calls one operation with it and prints a report.
func call(args []string) error {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	transport := flags.String("transport", "", "http, jsonrpc, grpc, thrift, nats or amqp")
	address := flags.String("address", "", "where the server is, or the broker")
	name := flags.String("operation", "", "sum, echo, fail, wait, waited or whoami")
	timeout := flags.Duration("timeout", time.Minute, "for context.WithTimeout")
	user := flags.String("user", "", "whose token goes along; none without")
	thriftProtocol := flags.String("thrift-protocol", "binary", "binary, compact or json")
	thriftFramed := flags.Bool("thrift-framed", false, "whether Thrift's messages are framed")
	collector := flags.String("zipkin", "", "where spans are posted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dialers := map[string]dialer{
		"http":    httpClient,
		"jsonrpc": jsonrpcClient,
		"grpc":    grpcClient,
		"thrift":  thriftClient(*thriftProtocol, *thriftFramed, *timeout),
		"nats":    natsClient,
		"amqp":    amqpClient,
	}
	dial, found := dialers[*transport]
	if !found {
		return fmt.Errorf("no transport %q", *transport)
	}
	op, err := operationOf(*name)
	if err != nil {
		return err
	}
	request := op.newRequest()
	if err := json.NewDecoder(os.Stdin).Decode(request); err != nil {
		return err
	}
	tracer, reporter, err := newTracer("gokit-client", *collector)
	if err != nil {
		return err
	}
	// Sends what is left.
	defer reporter.Close()
	next, err := dial(*address, op, tracer)
	if err != nil {
		return err
	}
	if *user != "" {
		next = kitjwt.NewSigner("kid", jwtKey, jwt.SigningMethodHS256, jwt.MapClaims{"user": *user})(next)
	}

	span := tracer.StartSpan("caller")
	ctx, cancel := context.WithTimeout(zipkin.NewContext(context.Background(), span), *timeout)
	defer cancel()
	made := report{Trace: span.Context().TraceID.String(), Span: span.Context().ID.String()}
	made.Response, err = next(ctx, request)
	span.Finish()
	if err != nil {
		told := errorReport{Text: err.Error(), Deadline: isDeadline(err)}
		var wire wireError
		if errors.As(err, &wire) {
			told.Code = wire.code
		}
		made.Response, made.Error = nil, &told
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}

func isDeadline(err error) bool {
	var told interface{ GRPCStatus() *status.Status }
	if errors.As(err, &told) {
		return told.GRPCStatus().Code() == codes.DeadlineExceeded
	}
	// The latter is a socket's, which is all that Thrift knows.
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func operationOf(name string) (operation, error) {
	for _, op := range operations() {
		if op.name == name {
			return op, nil
		}
	}
	return operation{}, fmt.Errorf("no operation %q", name)
}
