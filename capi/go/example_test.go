package bulkmsg_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"bulkmsg"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// A draft is filled, looked at, tested for completeness and scheduled; the lists tell what is in the store.
func Example() {
	directory := must(os.MkdirTemp("", "bulkmsg"))
	defer os.RemoveAll(directory)
	os.Setenv("EXAMPLE_TOKEN", "a-token")
	engine := must(bulkmsg.Open(filepath.Join(directory, "shop.bulkmsg"), bulkmsg.Options{}))
	defer engine.Close(time.Second)

	sender := must(engine.PutSender(`{"name": "shop", "phone_number_id": "106540352242922", "agent": "ana",
		"token": "env:EXAMPLE_TOKEN"}`))
	words := must(engine.PutTemplate(`{"id": "7", "name": "hello", "language": "en_US", "status": "APPROVED",
		"category": "UTILITY", "components": [{"type": "BODY", "text": "Hello {{1}}, how are you?",
		"example": {"body_text": [["Ana"]]}}]}`))
	campaign := must(engine.CreateCampaign(bulkmsg.CampaignOptions{Name: "spring"}))
	fmt.Println("missing first:", must(campaign.Status()).Missing[0].Step)
	must(0, campaign.Edit(bulkmsg.CampaignOptions{Name: "spring", Sender: sender, Template: words,
		Mapping: map[string]string{"body.1": "first_name|friend"}}))

	table := bulkmsg.NewTable("phone_number", "first_name")
	table.Append("+447700900123", "Ben")
	table.Append("+447700900124")
	table.Append("no number", "Eve")
	must(campaign.Add(table, bulkmsg.ImportOptions{}))
	for rows := campaign.Rejected(); rows.Next(); {
		fmt.Println("rejected:", rows.Row().Address)
	}
	fmt.Println(must(campaign.Preview(1)).Body)

	tomorrow := time.Now().Add(24 * time.Hour)
	plan := must(campaign.Schedule(context.Background(), tomorrow, bulkmsg.ScheduleOptions{Actor: "ana"}))
	fmt.Println(plan.Messages, "messages are", must(campaign.Status()).State)
	for rows := campaign.History(); rows.Next(); {
		fmt.Printf("%s by %q\n", rows.Row().Action, rows.Row().Actor)
	}
	// Output:
	// missing first: content
	// rejected: no number
	// Hello friend, how are you?
	// 2 messages are scheduled
	// create by ""
	// edit by ""
	// schedule by "ana"
}
