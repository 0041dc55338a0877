// Go's net/http client, storing nothing: one goroutine for each connection.
//
//	net_http URL BODY_FILE CONNECTIONS SECONDS      the token is in BULKMSG_TOKEN
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)*1e-6
}

func main() {
	url, token := os.Args[1], "Bearer "+os.Getenv("BULKMSG_TOKEN")
	body, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	connections, _ := strconv.Atoi(os.Args[3])
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	var answers int64
	began, beganCPU := time.Now(), cpu()
	until := began.Add(time.Duration(seconds * float64(time.Second)))
	var all sync.WaitGroup
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(until) {
				request, _ := http.NewRequest("POST", url, bytes.NewReader(body))
				request.Header.Set("Content-Type", "application/json")
				request.Header.Set("Authorization", token)
				answer, err := client.Do(request)
				if err != nil {
					panic(err)
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if answer.StatusCode != 200 {
					panic(answer.Status)
				}
				atomic.AddInt64(&answers, 1)
			}
		}()
	}
	all.Wait()
	fmt.Printf("{\"requests_per_second\":%.1f,\"cpu_us\":%.3f}\n", float64(answers)/time.Since(began).Seconds(),
		(cpu()-beganCPU)*1e6/float64(answers))
}
