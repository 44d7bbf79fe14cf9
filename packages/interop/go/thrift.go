package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/go-kit/kit/endpoint"
	"github.com/openzipkin/zipkin-go"

	"kit/interop/gen/thriftgen"
)

// go-kit has no package for Thrift: the service that the compiler generated is bound to endpoints by hand, as in its addsvc.

func thriftFactories(protocol string, framed bool, configuration *thrift.TConfiguration) (thrift.TTransportFactory, thrift.TProtocolFactory, error) {
	transports := thrift.TTransportFactory(thrift.NewTBufferedTransportFactory(4096))
	if framed {
		transports = thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), configuration)
	}
	switch protocol {
	case "binary":
		return transports, thrift.NewTBinaryProtocolFactoryConf(configuration), nil
	case "compact":
		return transports, thrift.NewTCompactProtocolFactoryConf(configuration), nil
	case "json":
		return transports, thrift.NewTJSONProtocolFactory(), nil
	default:
		return nil, nil, fmt.Errorf("no protocol %q", protocol)
	}
}

type thriftService struct{ endpoints map[string]endpoint.Endpoint }

func serveThrift(address, protocol string, framed bool, served []operation, failed chan<- error) error {
	transports, protocols, err := thriftFactories(protocol, framed, &thrift.TConfiguration{})
	if err != nil {
		return err
	}
	socket, err := thrift.NewTServerSocket(address)
	if err != nil {
		return err
	}
	if err := socket.Listen(); err != nil {
		return err
	}
	service := &thriftService{endpoints: map[string]endpoint.Endpoint{}}
	for _, op := range served {
		service.endpoints[op.name] = op.endpoint
	}
	server := thrift.NewTSimpleServer4(thriftgen.NewInteropProcessor(service), socket, transports, protocols)
	go func() { failed <- server.Serve() }()
	return nil
}

// answerThrift runs an endpoint and makes the IDL's response of its own.
func answerThrift[Response any](ctx context.Context, next endpoint.Endpoint, request any) (*Response, error) {
	response, err := next(ctx, request)
	if errors.As(err, &codedError{}) {
		return nil, &thriftgen.Coded{Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return as[Response](response)
}

func (s *thriftService) Sum(ctx context.Context, a, b int32) (*thriftgen.SumResponse, error) {
	return answerThrift[thriftgen.SumResponse](ctx, s.endpoints["sum"], &sumRequest{A: a, B: b})
}

func (s *thriftService) Echo(ctx context.Context, text string) (*thriftgen.EchoResponse, error) {
	return answerThrift[thriftgen.EchoResponse](ctx, s.endpoints["echo"], &echoMessage{Text: text})
}

func (s *thriftService) Fail(ctx context.Context, coded bool) (*thriftgen.FailResponse, error) {
	return answerThrift[thriftgen.FailResponse](ctx, s.endpoints["fail"], &failRequest{Coded: coded})
}

func (s *thriftService) Wait(ctx context.Context, id string, ms int32) (*thriftgen.WaitResponse, error) {
	return answerThrift[thriftgen.WaitResponse](ctx, s.endpoints["wait"], &waitRequest{ID: id, Ms: ms})
}

func (s *thriftService) Waited(ctx context.Context, id string) (*thriftgen.WaitedResponse, error) {
	return answerThrift[thriftgen.WaitedResponse](ctx, s.endpoints["waited"], &waitedRequest{ID: id})
}

func (s *thriftService) Whoami(ctx context.Context) (*thriftgen.WhoamiResponse, error) {
	return answerThrift[thriftgen.WhoamiResponse](ctx, s.endpoints["whoami"], &nothing{})
}

// thriftClient's timeout is its socket's: not every protocol looks at the context, and those that do look when the socket has had enough.
func thriftClient(protocol string, framed bool, timeout time.Duration) dialer {
	return func(address string, _ operation, _ *zipkin.Tracer) (endpoint.Endpoint, error) {
		configuration := &thrift.TConfiguration{SocketTimeout: timeout}
		transports, protocols, err := thriftFactories(protocol, framed, configuration)
		if err != nil {
			return nil, err
		}
		transport, err := transports.GetTransport(thrift.NewTSocketConf(address, configuration))
		if err != nil {
			return nil, err
		}
		if err := transport.Open(); err != nil {
			return nil, err
		}
		return thriftEndpoint(thriftgen.NewInteropClientFactory(transport, protocols)), nil
	}
}

func thriftEndpoint(client thriftgen.Interop) endpoint.Endpoint {
	return func(ctx context.Context, request any) (response any, err error) {
		switch q := request.(type) {
		case *sumRequest:
			response, err = client.Sum(ctx, q.A, q.B)
		case *echoMessage:
			response, err = client.Echo(ctx, q.Text)
		case *failRequest:
			response, err = client.Fail(ctx, q.Coded)
		case *waitRequest:
			response, err = client.Wait(ctx, q.ID, q.Ms)
		case *waitedRequest:
			response, err = client.Waited(ctx, q.ID)
		case *nothing:
			response, err = client.Whoami(ctx)
		}
		var told thrift.TApplicationException
		if errors.As(err, &told) {
			err = wireError{err, int(told.TypeId())}
		}
		return response, err
	}
}
