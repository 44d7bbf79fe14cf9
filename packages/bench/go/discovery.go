package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/zk"
	"github.com/go-kit/log"
	zookeeper "github.com/go-zookeeper/zk"
)

// As in src/benches/discovery.ts, less what go-kit's instances do not have: weight, zone, metadata.
const (
	size     = 10_000
	replaced = 100
	turns    = 8
)

func instancesOf(turn int) []string {
	instances := make([]string, size)
	for i := range instances {
		if i%replaced == 0 {
			instances[i] = fmt.Sprintf("host-%d-%d:8080", i, turn)
		} else {
			instances[i] = fmt.Sprintf("host-%d:8080", i)
		}
	}
	return instances
}

// A registry is what go-kit's instancer for ZooKeeper takes for one: of its instancers that which does least between an answer and its cache.
type registry struct {
	zk.Client
	changed chan zookeeper.Event
	answers [turns][]string
	turn    int
}

func (r *registry) CreateParentNodes(string) error { return nil }

func (r *registry) GetEntries(string) ([]string, <-chan zookeeper.Event, error) {
	// The cache sorts it in place.
	answer := slices.Clone(r.answers[r.turn%turns])
	r.turn++
	return answer, r.changed, nil
}

// updates goes from the registry's answer to the endpoints that come of it.
func updates() loop {
	registry := &registry{changed: make(chan zookeeper.Event)}
	for turn := range registry.answers {
		registry.answers[turn] = instancesOf(turn)
	}
	instancer, err := zk.NewInstancer(registry, "/addsvc", log.NewNopLogger())
	if err != nil {
		panic(err)
	}
	made := make(chan struct{}, 1)
	live := sd.NewEndpointer(instancer, func(instance string) (endpoint.Endpoint, io.Closer, error) {
		select {
		case made <- struct{}{}:
		default:
		}
		return echoes(instance)
	}, log.NewNopLogger())
	// Whoever asks for the endpoints while some are made waits for all of them.
	<-made
	return func(count int) {
		for range count {
			before := first(live)
			select {
			case <-made:
			default:
			}
			registry.changed <- zookeeper.Event{}
			<-made
			if first(live) == before {
				panic("not updated")
			}
		}
		if endpoints, err := live.Endpoints(); len(endpoints) != size || err != nil {
			panic("not the endpoints")
		}
	}
}

// first tells one list from another: each is made anew.
func first(live sd.Endpointer) *endpoint.Endpoint {
	endpoints, err := live.Endpoints()
	if err != nil {
		panic(err)
	}
	if len(endpoints) == 0 {
		return nil
	}
	return &endpoints[0]
}
