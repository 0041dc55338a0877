// Sends a template to everyone in a CSV file, and waits until every message is accounted for:
//
//	send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]
//
// With LISTEN_ADDRESS ("127.0.0.1:8080") it also answers the provider's webhooks there and waits for the receipts.
// Killed in the middle, run it again: it finds the unfinished campaign in the store and goes on with it. It ends with 0
// when every message is accounted for, with 3 when the campaign is paused or messages are unconfirmed.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"bulkmsg"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err) // nothing is lost: the store is as safe as after a crash
	}
	return value
}

func unfinishedCampaign(engine *bulkmsg.Engine) *bulkmsg.Campaign {
	for _, campaign := range must(engine.Campaigns()) {
		state := must(campaign.State())
		if state > bulkmsg.CampaignDraft && !state.IsFinal() {
			if state == bulkmsg.CampaignPaused {
				must(0, campaign.Resume(context.Background(), bulkmsg.By{}))
			}
			return campaign
		}
	}
	return nil
}

func newCampaign(engine *bulkmsg.Engine, senderFile, templateFile, csvFile string) *bulkmsg.Campaign {
	campaign := must(engine.CreateCampaign(bulkmsg.CampaignOptions{
		Name:     csvFile,
		Sender:   must(engine.PutSender(string(must(os.ReadFile(senderFile))))),
		Template: must(engine.PutTemplate(string(must(os.ReadFile(templateFile))))),
		Account:  must(engine.PutAccount("send_csv", bulkmsg.AccountPlan{Users: 5})), // 3,000 credits a month each
	}))
	report := must(campaign.ImportCSVFile(csvFile))
	fmt.Printf("%d rows: %d added, %d duplicates, %d rejected\n", report.Rows, report.Added, report.Duplicates,
		report.Rejected)
	plan := must(campaign.Start(bulkmsg.StartOptions{}))
	fmt.Printf("sending %d messages, at least %v\n", plan.Messages, plan.Duration)
	return campaign
}

// Takes events until none came for `quiet`; durable ones are acknowledged when they are dealt with.
func takeEvents(engine *bulkmsg.Engine, quiet time.Duration) {
	events := make([]bulkmsg.Event, 256)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), quiet)
		count, err := engine.Poll(ctx, events)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		must(count, err)
		for i := count - 1; i >= 0; i-- {
			if events[i].IsDurable() {
				must(0, engine.Ack(events[i].ID))
				break
			}
		}
	}
}

func main() {
	if len(os.Args) != 5 && len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]")
		os.Exit(2)
	}
	engine := must(bulkmsg.Open(os.Args[1], bulkmsg.Options{}))
	campaign := unfinishedCampaign(engine)
	if campaign == nil {
		campaign = newCampaign(engine, os.Args[2], os.Args[3], os.Args[4])
	}
	if len(os.Args) == 6 {
		must(engine.Listen(os.Args[5]))
	}
	state := must(campaign.State())
	for !state.IsFinal() && state != bulkmsg.CampaignPaused {
		takeEvents(engine, 200*time.Millisecond)
		state = must(campaign.State())
	}
	if len(os.Args) == 6 {
		takeEvents(engine, 3*time.Second) // receipts
	}
	c := must(campaign.Counters())
	fmt.Printf("total %d\nsent %d\nfailed %d\nunconfirmed %d\nskipped %d\nqueued %d\n", c.Total, c.Sent, c.Failed,
		c.Unconfirmed, c.Skipped, c.Queued)
	fmt.Printf("delivered %d\nread %d\nundelivered %d\ncredits_spent %d\n", c.Delivered, c.Read, c.Undelivered,
		c.CreditsSpent)
	failed, skipped, err := campaign.Reasons()
	must(0, err)
	for _, why := range append(failed, skipped...) {
		fmt.Printf("not sent: %d, %s\n", why.Count, why.Reason)
	}
	if state != bulkmsg.CampaignCompleted {
		fmt.Fprintf(os.Stderr, "%v: %s; put it right and run this again\n", state, must(campaign.Status()).Reason)
	}
	must(0, engine.Close(5*time.Second))
	if state != bulkmsg.CampaignCompleted || c.Unconfirmed != 0 {
		os.Exit(3)
	}
}
