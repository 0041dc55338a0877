package bulkmsg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const senderJSON = `{"name":"s","origin":"http://127.0.0.1:1","phone_number_id":"106540352242922","agent":"ana",
	"token":"env:GO_TEST_TOKEN","app_secret":"env:GO_TEST_TOKEN"}`
const templateJSON = `{"id":"7","name":"hello","language":"en_US","status":"APPROVED","category":"UTILITY",
	"components":[{"type":"BODY","text":"Hello {{1}}, how are you?","example":{"body_text":[["Ana"]]}}]}`

func open(t *testing.T) *Engine {
	t.Helper()
	os.Setenv("GO_TEST_TOKEN", "token")
	engine, err := Open(filepath.Join(t.TempDir(), "store"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(time.Second) })
	return engine
}

func need[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func draft(t *testing.T, engine *Engine) *Campaign {
	t.Helper()
	sender := need[int64](t)(engine.PutSender(senderJSON))
	words := need[int64](t)(engine.PutTemplate(templateJSON))
	return need[*Campaign](t)(engine.CreateCampaign(CampaignOptions{Name: "spring", Sender: sender, Template: words}))
}

func TestErrorsHaveCodes(t *testing.T) {
	engine := open(t)
	_, err := engine.Campaign(987654321).State()
	if !errors.Is(err, NotFound) || errors.Is(err, WrongState) {
		t.Fatal(err)
	}
	var details *Error
	if !errors.As(err, &details) || details.Name != "not_found" || details.Message == "" {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{NoCreate: true}); err == nil {
		t.Fatal("a store was made")
	}
	if _, err := Open("x", Options{Mode: "fly"}); !errors.Is(err, BadOptionValue) {
		t.Fatal(err)
	}
}

func TestRowsComeFromMemoryAndText(t *testing.T) {
	campaign := draft(t, open(t))
	table := NewTable("phone_number", "param1")
	table.Append("+447700900123", "Åna")
	table.Append("abc", "Eve")
	table.Append("+447700900124")
	report := need[ImportReport](t)(campaign.Add(table, ImportOptions{}))
	if report != (ImportReport{Rows: 3, Added: 1, Rejected: 2}) {
		t.Fatal(report)
	}
	report = need[ImportReport](t)(campaign.Import(FormatCSV, "phone_number;param1\n7700900125;Bob\n",
		ImportOptions{DefaultRegion: "GB", Delimiter: "semicolon"}))
	if report.Added != 1 {
		t.Fatal(report)
	}
	card := need[Card](t)(campaign.Preview(0))
	if card.Body != "Hello Åna, how are you?" || card.Text != card.Body {
		t.Fatal(card)
	}
	plan := need[Plan](t)(campaign.DryRun())
	if plan.Messages != 2 || len(plan.Hash) != 64 || !strings.Contains(plan.Preview, "Åna") {
		t.Fatal(plan)
	}
	if err := campaign.WriteRejected(filepath.Join(t.TempDir(), "rejected.csv")); err != nil {
		t.Fatal(err)
	}
	_, skipped, err := campaign.Reasons()
	if err != nil || len(skipped) != 2 {
		t.Fatal(skipped, err)
	}
	if _, err := campaign.Add(NewTable(), ImportOptions{}); !errors.Is(err, InvalidArgument) {
		t.Fatal(err)
	}
	names := []string{"phone_number", "param1"}
	table, err = TableOf(names, []string{"+447700900126", "+447700900127"}, []string{"Cyd", "Dé"})
	if err != nil || table.Rows() != 2 {
		t.Fatal(table, err)
	}
	table.Append("+447700900128", "Eve", "too much")
	report = need[ImportReport](t)(campaign.Add(table, ImportOptions{}))
	if report != (ImportReport{Rows: 3, Added: 3}) {
		t.Fatal(report)
	}
	card = need[Card](t)(campaign.Preview(3))
	if card.Body != "Hello Dé, how are you?" {
		t.Fatal(card)
	}
	if _, err := TableOf(names, []string{"+447700900126"}, nil); !errors.Is(err, InvalidArgument) {
		t.Fatal(err)
	}
	if _, err := TableOf(names, []string{"+447700900126"}); !errors.Is(err, InvalidArgument) {
		t.Fatal(err)
	}
}

func TestContactsConsentAndSuppression(t *testing.T) {
	engine := open(t)
	path := filepath.Join(t.TempDir(), "people.csv")
	people := "phone_number,city,labels\n+447700900123,Lisbon,vip\n+447700900124,Rome,\n"
	if err := os.WriteFile(path, []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	report := need[ContactsReport](t)(engine.ImportContactsCSVFile(path, ContactsOptions{Labels: []string{"a", "b"}}))
	if report.Added != 2 {
		t.Fatal(report)
	}
	report = need[ContactsReport](t)(engine.ImportContactsCSV(people+"x,,\n", ContactsOptions{Labels: []string{"a"}}))
	if report.Updated != 2 || len(report.Problems) != 1 || report.Problems[0].Line != 4 {
		t.Fatal(report)
	}
	if err := engine.PutSegment("lisbon", `{"all":[{"attribute":"city","is":"Lisbon"}]}`); err != nil {
		t.Fatal(err)
	}
	if err := engine.AddToGroup("both", "+447700900123", "+447700900124"); err != nil {
		t.Fatal(err)
	}
	if count := need[int64](t)(engine.CountContacts("lisbon")); count != 1 {
		t.Fatal(count)
	}
	page := need[[]Contact](t)(engine.Contacts("both").All())
	if len(page) != 2 || page[0].Attributes["city"] != "Lisbon" || len(page[0].Labels) != 3 {
		t.Fatal(page)
	}
	if all := need[[]Segment](t)(engine.Segments().All()); len(all) != 2 {
		t.Fatal(all)
	}
	if err := engine.Suppress(SuppressOptions{Note: "asked"}, "+44 7700 900123"); err != nil {
		t.Fatal(err)
	}
	if err := engine.PutConsent("+447700900124", true, "marketing", "web form"); err != nil {
		t.Fatal(err)
	}
	if err := engine.LiftSuppression(SuppressOptions{}, "+447700900124"); !errors.Is(err, NotFound) {
		t.Fatal(err)
	}
}

func TestCreditsAndMessages(t *testing.T) {
	engine := open(t)
	account := need[int64](t)(engine.PutAccount("shop", AccountPlan{PerUserCredits: 10}))
	if err := engine.TopUp(account, 5, "once"); err != nil {
		t.Fatal(err)
	}
	if err := engine.Adjust(account, -3, "mistake", "me", ""); err != nil {
		t.Fatal(err)
	}
	balances := need[Balances](t)(engine.Audit(account))
	if balances.AvailableMonthly+balances.AvailableTopUp != 12 {
		t.Fatal(balances)
	}
	plan := need[[]Account](t)(engine.Accounts().All())[0]
	if plan.PerUserCredits != 10 || plan.Users != 1 || plan.BillingDay != 1 || plan.TimeZone != "UTC" {
		t.Fatalf("%+v", plan)
	}
	campaign := draft(t, engine)
	fill(t, campaign, 2)
	rates := `{"rates": {"44": {"utility": 4000}}, "credits": {"utility": 2}}`
	cost := need[Estimate](t)(campaign.Estimate(rates))
	if cost.Messages != 2 || cost.Micros != 8000 || len(cost.Lines) != 1 || !cost.Lines[0].Priced {
		t.Fatalf("%+v", cost)
	}
	if price := need[int64](t)(engine.Price(1, rates)); price != 2 {
		t.Fatal(price)
	}
	if _, err := engine.PutMedia(1, []byte("no picture"), MediaOptions{Kind: "sticker"}); !errors.Is(err, MediaNotSupported) {
		t.Fatal(err)
	}
	id := need[int64](t)(engine.PutMessage("hello", `{"type":"text","text":{"body":"Hi {{first_name}}"}}`))
	if found := need[int64](t)(engine.FindMessage("hello")); found != id {
		t.Fatal(found)
	}
	csv := need[string](t)(engine.TemplateCSV(id))
	if !strings.Contains(csv, "first_name") {
		t.Fatal(csv)
	}
}

func TestEventsEndWithTheContextAndWithTheEngine(t *testing.T) {
	engine := open(t)
	draft(t, engine)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	for range engine.Events(ctx) {
	}
	if _, err := engine.Poll(ctx, make([]Event, 4)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for i := 0; i < 4; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			events := make([]Event, 4)
			for {
				if _, err := engine.Poll(context.Background(), events); err != nil {
					if !errors.Is(err, Closed) {
						t.Error(err)
					}
					return
				}
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	if err := engine.Close(time.Second); err != nil {
		t.Fatal(err)
	}
	running.Wait()
	if err := engine.Close(0); err != nil {
		t.Fatal(err)
	}
	if err := engine.Ack(1); !errors.Is(err, Closed) {
		t.Fatal(err)
	}
}

func TestAnEngineThatIsDroppedFreesItsStore(t *testing.T) {
	os.Setenv("GO_TEST_TOKEN", "token")
	path := filepath.Join(t.TempDir(), "store")
	func() {
		engine := need[*Engine](t)(Open(path, Options{}))
		draft(t, engine)
	}()
	for i := 0; ; i++ {
		runtime.GC()
		engine, err := Open(path, Options{})
		if err == nil {
			engine.Close(0)
			return
		}
		if i > 6000 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestPieces(t *testing.T) {
	report, accepted, rejected, err := ParseRecipients(FormatList, "+447700900123, +447700900123; nobody", ImportOptions{})
	if err != nil || report != (ImportReport{3, 1, 1, 1}) || !strings.Contains(accepted, "+447700900123") ||
		!strings.Contains(rejected, "nobody") {
		t.Fatal(report, accepted, rejected, err)
	}
	card := need[Card](t)(PreviewContent(templateJSON, "param1\nAna\n"))
	if card.Body != "Hello Ana, how are you?" || card.Text != card.Body {
		t.Fatal(card)
	}
	limiter := need[*Limiter](t)(NewLimiter("1/1s; in-flight=1"))
	defer limiter.Close()
	if next := need[time.Duration](t)(limiter.Take(time.Second, "")); next != 0 {
		t.Fatal(next)
	}
	if next := need[time.Duration](t)(limiter.Take(time.Minute, "")); next != OnRelease {
		t.Fatal(next)
	}
	if err := limiter.Release(); err != nil {
		t.Fatal(err)
	}
	if next := need[time.Duration](t)(limiter.Take(time.Minute, "")); next != 0 {
		t.Fatal(next)
	}
	good, err := VerifyWebhook([]byte("{}"), "sha256=00", "secret")
	if good || err != nil {
		t.Fatal(good, err)
	}
}
