// What ../crossing_driver.cpp does, from Go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"
	"time"

	"bulkmsg"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The processor's time of the whole process: the machine may be shared.
func now() time.Duration {
	var used syscall.Rusage
	must(0, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func main() {
	origin, template, store, way := os.Args[1], os.Args[2], os.Args[3], os.Args[5]
	rows := must(strconv.Atoi(os.Args[4]))
	engine := must(bulkmsg.Open(store, bulkmsg.Options{ProgressMax: 1000000}))
	sender := fmt.Sprintf(`{"name": "crossing", "origin": %q, "phone_number_id": "106540352242922",
		"token": "env:BULKMSG_TOKEN", "limits": "in-flight=64", "connections_max": 64, "agent": "bench"}`, origin)
	options := bulkmsg.CampaignOptions{
		Name:     "crossing",
		Sender:   must(engine.PutSender(sender)),
		Template: must(engine.PutTemplate(string(must(os.ReadFile(template))))),
		Account:  must(engine.PutAccount("crossing", bulkmsg.AccountPlan{Users: 100000})),
	}
	names := []string{"phone_number", "header_param1", "param1", "param2", "button0_param"}
	columns := make([][]string, len(names))
	for i := 0; i < rows; i++ {
		n := strconv.Itoa(i)
		for at, cell := range []string{fmt.Sprintf("+1555%07d", i), "A-" + n, "Ana Maria " + n,
			"the order number " + n + " of this week", "track-" + n} {
			columns[at] = append(columns[at], cell)
		}
	}

	drafts := 3
	if way == "live" {
		drafts = 1
	}
	var campaign *bulkmsg.Campaign
	add := time.Hour
	for i := 0; i < drafts; i++ {
		campaign = must(engine.CreateCampaign(options))
		began := now()
		table := must(bulkmsg.TableOf(names, columns...))
		report := must(campaign.Add(table, bulkmsg.ImportOptions{}))
		if took := now() - began; took < add {
			add = took
		}
		if report.Added != int64(rows) {
			log.Fatalf("driver.go: %d of %d rows were added", report.Added, rows)
		}
	}
	columns = nil

	must(campaign.Start(bulkmsg.StartOptions{}))
	accepted := 0
	events := make([]bulkmsg.Event, 1024)
	take := func(ctx context.Context) int {
		count, err := engine.Poll(ctx, events)
		if err != nil && !errors.Is(err, context.Canceled) {
			log.Fatal(err)
		}
		for i := range events[:count] {
			if events[i].Kind == bulkmsg.EventMessage && events[i].State == int32(bulkmsg.MessageAccepted) {
				accepted++
			}
		}
		return count
	}
	if way == "live" {
		for accepted < rows {
			take(context.Background())
		}
	}
	for !must(campaign.State()).IsFinal() {
		time.Sleep(20 * time.Millisecond)
	}
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	began := now()
	for take(atOnce) != 0 {
	}
	drain := now() - began
	if accepted != rows {
		log.Fatalf("driver.go: %d of %d messages were told of", accepted, rows)
	}
	var status struct {
		Started  int64 `json:"started_at_unix_ms"`
		Finished int64 `json:"finished_at_unix_ms"`
	}
	must(0, json.Unmarshal([]byte(must(campaign.Status())), &status))
	n := float64(rows)
	fmt.Printf("{\"add_us\":%.4f,\"drain_us\":%.4f,\"per_second\":%.1f}\n", add.Seconds()*1e6/n, drain.Seconds()*1e6/n,
		n*1000/float64(status.Finished-status.Started))
	must(0, engine.Close(5*time.Second))
}
