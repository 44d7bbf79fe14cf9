package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	kitjwt "github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	"github.com/golang-jwt/jwt/v4"
	"github.com/openzipkin/zipkin-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An operation is what every transport carries: an endpoint, and what its messages are read into.
type operation struct {
	name        string
	endpoint    endpoint.Endpoint
	newRequest  func() any
	newResponse func() any
}

func on[Request, Response any](name string, method func(context.Context, *Request) (*Response, error)) operation {
	return operation{
		name:        name,
		endpoint:    func(ctx context.Context, request any) (any, error) { return method(ctx, request.(*Request)) },
		newRequest:  func() any { return new(Request) },
		newResponse: func() any { return new(Response) },
	}
}

func operations() []operation {
	waits := waits{ended: map[string]chan string{}}
	who := on("whoami", whoami)
	who.endpoint = kitjwt.NewParser(func(*jwt.Token) (any, error) { return jwtKey, nil }, jwt.SigningMethodHS256, kitjwt.MapClaimsFactory)(who.endpoint)
	return []operation{on("sum", sum), on("echo", echo), on("fail", fail), on("wait", waits.wait), on("waited", waits.waited), who}
}

type sumRequest struct {
	A int32 `json:"a"`
	B int32 `json:"b"`
}

type sumResponse struct {
	V   int32  `json:"v"`
	Err string `json:"err"`
}

var errTwoZeroes = errors.New("can't sum two zeroes")

// Failed implements endpoint.Failer: a business error travels in the response.
func (r *sumResponse) Failed() error {
	if r.Err == "" {
		return nil
	}
	return errTwoZeroes
}

func sum(_ context.Context, q *sumRequest) (*sumResponse, error) {
	if q.A == 0 && q.B == 0 {
		return &sumResponse{Err: errTwoZeroes.Error()}, nil
	}
	return &sumResponse{V: q.A + q.B}, nil
}

type echoMessage struct {
	Text string `json:"text"`
}

func echo(_ context.Context, q *echoMessage) (*echoMessage, error) { return q, nil }

type failRequest struct {
	// Whether the error says what it is on the wires that can tell.
	Coded bool `json:"coded"`
}

type nothing struct{}

var errPlain = errors.New("out of order")

// A codedError is one that chooses its status on each wire.
type codedError struct{}

func (codedError) Error() string                { return "no such thing" }
func (codedError) StatusCode() int              { return 404 }
func (codedError) ErrorCode() int               { return -32001 }
func (e codedError) GRPCStatus() *status.Status { return status.New(codes.NotFound, e.Error()) }

// An endedError is a context's, which gRPC does not know as such by itself.
type endedError struct{ error }

func (e endedError) GRPCStatus() *status.Status { return status.FromContextError(e.error) }

func fail(_ context.Context, q *failRequest) (*nothing, error) {
	if q.Coded {
		return nil, codedError{}
	}
	return nil, errPlain
}

type waitRequest struct {
	ID string `json:"id"`
	Ms int32  `json:"ms"`
}

type waitedRequest struct {
	ID string `json:"id"`
}

type waitedResponse struct {
	// Why the context of that wait ended; empty if the time was over first.
	Ended string `json:"ended"`
}

// waits remembers how each wait came to its end.
type waits struct {
	mu    sync.Mutex
	ended map[string]chan string
}

func (w *waits) of(id string) chan string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended[id] == nil {
		w.ended[id] = make(chan string, 1)
	}
	return w.ended[id]
}

func (w *waits) wait(ctx context.Context, q *waitRequest) (*nothing, error) {
	select {
	case <-time.After(time.Duration(q.Ms) * time.Millisecond):
		w.of(q.ID) <- ""
		return &nothing{}, nil
	case <-ctx.Done():
		w.of(q.ID) <- ctx.Err().Error()
		return nil, endedError{ctx.Err()}
	}
}

// waited answers once the wait of that id is over.
func (w *waits) waited(ctx context.Context, q *waitedRequest) (*waitedResponse, error) {
	select {
	case ended := <-w.of(q.ID):
		return &waitedResponse{Ended: ended}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type whoamiResponse struct {
	User    string `json:"user"`
	Trace   string `json:"trace"`
	Span    string `json:"span"`
	Parent  string `json:"parent"`
	Sampled string `json:"sampled"`
}

// whoami tells what go-kit took from the request's B3 headers and its token.
func whoami(ctx context.Context, _ *nothing) (*whoamiResponse, error) {
	claims := ctx.Value(kitjwt.JWTClaimsContextKey).(jwt.MapClaims)
	span := zipkin.SpanOrNoopFromContext(ctx).Context()
	response := &whoamiResponse{Trace: span.TraceID.String(), Span: span.ID.String()}
	response.User, _ = claims["user"].(string)
	if span.ParentID != nil {
		response.Parent = span.ParentID.String()
	}
	if span.Sampled != nil {
		response.Sampled = map[bool]string{true: "1", false: "0"}[*span.Sampled]
	}
	return response, nil
}

// as copies by the fields' names between a transport's own messages and those above.
func as[T any](message any) (*T, error) {
	made := new(T)
	return made, copyInto(made, message)
}

func copyInto(made, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, made)
}
