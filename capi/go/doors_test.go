package bulkmsg

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func fill(t *testing.T, campaign *Campaign, rows int) {
	t.Helper()
	table := NewTable("phone_number", "param1")
	for i := 0; i < rows; i++ {
		table.Append(fmt.Sprintf("+4477009%05d", i), "Ana")
	}
	need[ImportReport](t)(campaign.Add(table, ImportOptions{}))
}

func TestScheduleAndCancel(t *testing.T) {
	ctx := context.Background()
	engine := open(t)
	campaign := draft(t, engine)
	fill(t, campaign, 3)
	at := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	plan := need[Plan](t)(campaign.Schedule(ctx, at, ScheduleOptions{MaxLateness: time.Minute, Actor: "ana"}))
	if plan.Messages != 3 {
		t.Fatal(plan)
	}
	status := need[CampaignStatus](t)(campaign.Status())
	if status.State != CampaignScheduled || !status.ScheduledAt.Equal(at) || status.MaxLateness.Duration != time.Minute {
		t.Fatalf("%+v", status)
	}
	if err := campaign.CancelSchedule(ctx, By{Actor: "ben"}); err != nil {
		t.Fatal(err)
	}
	if err := campaign.CancelSchedule(ctx, By{}); !errors.Is(err, WrongState) {
		t.Fatal(err)
	}
	if _, err := campaign.Schedule(ctx, time.Now().Add(-time.Hour), ScheduleOptions{}); !errors.Is(err, BadOptionValue) {
		t.Fatal(err)
	}
	history := need[[]HistoryEntry](t)(campaign.History().All())
	if last := history[len(history)-1]; last.Actor != "ben" || last.At.IsZero() || last.Campaign != campaign.ID() {
		t.Fatalf("%+v", history)
	}
	if parsed := need[time.Time](t)(ParseTime("2026-12-01 09:00 Europe/Berlin")); parsed.Hour() != 8 {
		t.Fatal(parsed)
	}
}

func TestEditAndFind(t *testing.T) {
	engine := open(t)
	campaign := need[*Campaign](t)(engine.CreateCampaign(CampaignOptions{Name: "early"}))
	if err := campaign.Edit(CampaignOptions{Name: "late", Hours: "mon-fri 09:00-20:00", Weight: 7, Urgent: true,
		WhenUnconfirmed: "give_up", UnconfirmedWait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := campaign.Edit(CampaignOptions{Name: "late", Weight: 101}); !errors.Is(err, BadOptionValue) {
		t.Fatal(err)
	}
	found := need[[]CampaignStatus](t)(engine.FindCampaigns(CampaignFilter{State: CampaignDraft, Name: "LAT"}).All())
	if len(found) != 1 || found[0].WhenUnconfirmed != "give_up" || found[0].UnconfirmedWait.Duration != time.Minute {
		t.Fatalf("%+v", found)
	}
	if none := need[[]CampaignStatus](t)(engine.FindCampaigns(CampaignFilter{State: CampaignPaused}).All()); len(none) != 0 {
		t.Fatal(none)
	}
	if err := campaign.Discard(By{Actor: "ana"}); err != nil {
		t.Fatal(err)
	}
}

func TestRowsGoOverPages(t *testing.T) {
	engine := open(t)
	campaign := draft(t, engine)
	report := need[ImportReport](t)(campaign.Import(FormatCSV, "phone_number,param1\n"+strings.Repeat("x,\n", 2*pageRows),
		ImportOptions{}))
	if report.Rejected != 2*pageRows {
		t.Fatal(report)
	}
	count := int64(0)
	rows := campaign.Rejected()
	for rows.Next() {
		if count++; rows.Row().Line != count+1 || rows.Row().Code != PhoneHasLetters {
			t.Fatal(rows.Row())
		}
	}
	if rows.Err() != nil || count != 2*pageRows || rows.Next() {
		t.Fatal(count, rows.Err())
	}
	account := need[int64](t)(engine.PutAccount("shop", AccountPlan{PerUserCredits: 10}))
	if err := engine.Adjust(account, -3, "mistake", "ana", "once"); err != nil {
		t.Fatal(err)
	}
	entries := need[[]LedgerEntry](t)(engine.Ledger(account).All())
	if len(entries) != 2 || entries[1].Actor != "ana" || entries[1].At.IsZero() {
		t.Fatal(entries)
	}
	if accounts := need[[]Account](t)(engine.Accounts().All()); accounts[0].Available != 7 {
		t.Fatal(accounts)
	}
	missing := engine.Ledger(987654321)
	if missing.Next() || !errors.Is(missing.Err(), NotFound) {
		t.Fatal(missing.Err())
	}
}

func TestCopiesAndPersonalData(t *testing.T) {
	engine := open(t)
	campaign := draft(t, engine)
	fill(t, campaign, 2)
	if err := engine.Suppress(SuppressOptions{Scope: "marketing"}, "+447700900000", "+447700900001"); err != nil {
		t.Fatal(err)
	}
	if people := need[[]Suppression](t)(engine.Suppressions("").All()); len(people) != 2 || people[0].At.IsZero() {
		t.Fatal(people)
	}
	was := need[Forgotten](t)(engine.Forget("+447700900000", By{Actor: "ana", Reason: "asked"}))
	if was.Recipients != 1 {
		t.Fatal(was)
	}
	if err := engine.SetRetention(48*time.Hour, By{}); err != nil {
		t.Fatal(err)
	}
	if err := engine.SetRetention(time.Hour, By{}); !errors.Is(err, BadOptionValue) && !errors.Is(err, InvalidArgument) {
		t.Fatal(err)
	}
	status := need[StoreStatus](t)(engine.StoreStatus())
	if status != (StoreStatus{Retention: 48 * time.Hour}) {
		t.Fatal(status)
	}
	if text := need[string](t)(engine.Metrics()); !strings.Contains(text, "# TYPE bulkmsg_") {
		t.Fatal(text)
	}
	path := filepath.Join(t.TempDir(), "copy")
	if err := engine.Backup(path, By{}); err != nil {
		t.Fatal(err)
	}
	if err := engine.Backup(path, By{}); !errors.Is(err, Conflict) {
		t.Fatal(err)
	}
	done := need[Adoption](t)(Adopt(path, By{Actor: "ana"}))
	if done.OldID == done.NewID || done.LastEntry.IsZero() {
		t.Fatal(done)
	}
	if _, err := Adopt(path, By{}); !errors.Is(err, Conflict) {
		t.Fatal(err)
	}
	log := need[[]ConsentChange](t)(engine.ConsentLog().All())
	if len(log) < 2 || log[0].What != "suppress" {
		t.Fatal(log)
	}
}

func TestSettlingAndAnswersWithoutAny(t *testing.T) {
	ctx := context.Background()
	engine := open(t)
	campaign := draft(t, engine)
	fill(t, campaign, 1)
	if _, err := campaign.Resolve(ctx, Resolution{Sent: true}); !errors.Is(err, BadOptionValue) {
		t.Fatal(err) // nobody says so
	}
	if n := need[int64](t)(campaign.Resolve(ctx, Resolution{By: By{Actor: "ana"}})); n != 0 {
		t.Fatal(n)
	}
	if _, err := campaign.Retry(RetryOptions{}); !errors.Is(err, WrongState) {
		t.Fatal(err)
	}
	if _, err := campaign.TestSend(5, "ana", "+447700900123"); !errors.Is(err, NotFound) {
		t.Fatal(err)
	}
	test := need[*Campaign](t)(campaign.TestSend(0, "ana", "+447700900123"))
	if status := need[CampaignStatus](t)(test.Status()); status.TestOf != campaign.ID() {
		t.Fatalf("%+v", status)
	}
	if err := test.Stop(ctx, By{Reason: "nobody listens"}); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Handshake("subscribe", "a word", "42"); !errors.Is(err, SignatureMismatch) {
		t.Fatal(err)
	}
	if at := need[time.Time](t)(engine.WindowCloses("+447700900123", 0)); !at.IsZero() {
		t.Fatal(at)
	}
	if replies := need[[]Reply](t)(campaign.Replies().All()); len(replies) != 0 {
		t.Fatal(replies)
	}
	events := need[[]StoredEvent](t)(engine.StoredEvents().All())
	if len(events) == 0 || events[0].Kind != EventCampaignChanged || !strings.HasPrefix(string(events[0].Payload), "{") {
		t.Fatalf("%+v", events)
	}
	if _, err := engine.TrySender(`{"name":"s"}`); err == nil {
		t.Fatal("a sender without a number")
	}
	csv := need[string](t)(campaign.TemplateCSV())
	if same := need[string](t)(ContentCSV(templateJSON)); csv != same {
		t.Fatal(csv, same)
	}
}
