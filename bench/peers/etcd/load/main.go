// Load for etcd: closed-loop clients that put values of one size, each its own keys. Commands as JSON lines on standard
// input, results as JSON lines on standard output.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

type command struct {
	Clients int `json:"clients"`
	Ms      int `json:"ms"`
	Bytes   int `json:"bytes"`
}

type result struct {
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	P50Ms   float64 `json:"p50Ms"`
	P99Ms   float64 `json:"p99Ms"`
	Failed  int     `json:"failed"`
}

func main() {
	endpoints := strings.Split(os.Args[1], ",")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer, err := run(endpoints, asked)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}

// Connections are shared: one for many clients would be a bottleneck, one for each a cost that is not etcd's.
const clientsPerConnection = 16

const putTimeout = 30 * time.Second

func run(endpoints []string, asked command) (result, error) {
	var connections []*clientv3.Client
	for i := 0; i*clientsPerConnection < asked.Clients; i++ {
		connection, err := clientv3.New(clientv3.Config{
			Endpoints:   endpoints,
			DialTimeout: 5 * time.Second,
			Logger:      zap.NewNop(),
		})
		if err != nil {
			return result{}, err
		}
		defer connection.Close()
		connections = append(connections, connection)
	}
	value := make([]byte, asked.Bytes)
	prefix := make([]byte, 8)
	if _, err := rand.Read(value); err != nil {
		return result{}, err
	}
	if _, err := rand.Read(prefix); err != nil {
		return result{}, err
	}
	began := time.Now()
	until := began.Add(time.Duration(asked.Ms) * time.Millisecond)
	taken := make([][]float64, asked.Clients)
	failed := make([]int, asked.Clients)
	var all sync.WaitGroup
	for i := range asked.Clients {
		all.Add(1)
		go func() {
			defer all.Done()
			connection := connections[i/clientsPerConnection]
			for n := 0; time.Now().Before(until); n++ {
				key := fmt.Sprintf("%s/%d/%d", hex.EncodeToString(prefix), i, n)
				at := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), putTimeout)
				_, err := connection.Put(ctx, key, string(value))
				cancel()
				if err == nil {
					taken[i] = append(taken[i], float64(time.Since(at).Microseconds())/1000)
				} else {
					failed[i]++
				}
			}
		}()
	}
	all.Wait()
	answer := result{Seconds: time.Since(began).Seconds()}
	var latencies []float64
	for i := range taken {
		latencies = append(latencies, taken[i]...)
		answer.Failed += failed[i]
	}
	sort.Float64s(latencies)
	answer.Count = len(latencies)
	if len(latencies) > 0 {
		answer.P50Ms = latencies[len(latencies)/2]
		answer.P99Ms = latencies[len(latencies)*99/100]
	}
	return answer, nil
}
