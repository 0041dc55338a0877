package bulkmsg

// #include <bulkmsg/bulkmsg.h>
import "C"

import (
	"context"
	"strings"
	"time"
	"unsafe"
)

// Campaign is one broadcast in an engine's store.
type Campaign struct {
	engine *Engine
	id     int64
}

// ID stays valid across restarts.
func (c *Campaign) ID() int64 { return c.id }

// ImportReport says how an import went: Rows = Added + Duplicates + Rejected.
type ImportReport struct{ Rows, Added, Duplicates, Rejected int64 }

// ImportOptions say how recipients are read.
type ImportOptions struct {
	DefaultRegion string // ISO 3166, "DE": where numbers without a country code are from
	Delimiter     string // of a CSV: "comma", "semicolon", "bar", "tab"; empty: found out
	Columns       string // JSON: the keys to take, separated by commas
}

func (o ImportOptions) options() options {
	return options{"default_region": o.DefaultRegion, "delimiter": o.Delimiter, "columns": o.Columns}
}

type importCall func(*C.bulkmsg_engine, *C.bulkmsg_config, *C.bulkmsg_import_report, C.size_t, **C.bulkmsg_error) C.bulkmsg_status

func (c *Campaign) take(o ImportOptions, body importCall) (ImportReport, error) {
	var r C.bulkmsg_import_report
	problem := withConfig(C.BULKMSG_CONFIG_IMPORT, o.options(), func(config *C.bulkmsg_config) error {
		return c.engine.handle.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return body(engine, config, &r, C.size_t(unsafe.Sizeof(r)), err)
		})
	})
	return ImportReport{int64(r.rows), int64(r.added), int64(r.duplicates), int64(r.rejected)}, problem
}

// Import adds recipients to a draft from text; bad rows are left out and kept for WriteRejected.
func (c *Campaign) Import(format Format, text string, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := chars(text)
		return C.bulkmsg_campaign_import(engine, C.int64_t(c.id), C.int32_t(format), data, length, config, report, size, err)
	})
}

// ImportFile is Import from a CSV or JSON file, read in pieces.
func (c *Campaign) ImportFile(format Format, path string, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_campaign_import_file(engine, C.int64_t(c.id), C.int32_t(format), name, length, config, report, size, err)
	})
}

// ImportCSVFile is ImportFile of a CSV with nothing special about it.
func (c *Campaign) ImportCSVFile(path string) (ImportReport, error) {
	return c.ImportFile(FormatCSV, path, ImportOptions{})
}

// Table holds rows as the engine takes them. For one goroutine at a time.
type Table struct {
	data    []byte
	offsets []uint64
	columns int
}

// NewTable names the columns; one of them is phone_number, or address.
func NewTable(columns ...string) *Table {
	t := &Table{offsets: []uint64{0}, columns: len(columns)}
	t.append(columns)
	return t
}

// TableOf takes columns that are there already, each as long as the first; the quickest way.
func TableOf(names []string, columns ...[]string) (*Table, error) {
	if len(names) == 0 || len(columns) != len(names) {
		return nil, &Error{Code: InvalidArgument, Name: InvalidArgument.Name(), Message: "each column must have a name"}
	}
	bytes := 0
	for i, column := range columns {
		if len(column) != len(columns[0]) {
			return nil, &Error{Code: InvalidArgument, Name: InvalidArgument.Name(),
				Message: "column " + names[i] + " is not as long as the first"}
		}
		for _, cell := range column {
			bytes += len(cell)
		}
	}
	t := NewTable(names...)
	t.Grow(len(columns[0]), bytes)
	data, offsets := t.data, t.offsets // nothing is made anew below
	for row := range columns[0] {
		for _, column := range columns {
			data = append(data, column[row]...)
			offsets = append(offsets, uint64(len(data)))
		}
	}
	t.data, t.offsets = data, offsets
	return t, nil
}

// Append adds a row; missing cells are empty, cells beyond the columns are left out.
func (t *Table) Append(cells ...string) { t.append(cells) }

func (t *Table) append(cells []string) {
	if len(cells) > t.columns {
		cells = cells[:t.columns]
	}
	bytes := 0
	for _, cell := range cells {
		bytes += len(cell)
	}
	t.Grow(1, bytes)
	at, place := len(t.data), len(t.offsets)
	t.data, t.offsets = t.data[:at+bytes], t.offsets[:place+t.columns]
	for i, cell := range cells {
		at += copy(t.data[at:], cell)
		t.offsets[place+i] = uint64(at)
	}
	for i := len(cells); i < t.columns; i++ {
		t.offsets[place+i] = uint64(at)
	}
}

// Grow makes room for that many more rows and bytes, so that it is done once where they are known before.
func (t *Table) Grow(rows, bytes int) {
	if need := len(t.data) + bytes; need > cap(t.data) {
		t.data = append(make([]byte, 0, larger(need, 2*cap(t.data))), t.data...)
	}
	if need := len(t.offsets) + rows*t.columns; need > cap(t.offsets) {
		t.offsets = append(make([]uint64, 0, larger(need, 2*cap(t.offsets))), t.offsets...)
	}
}

func larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Rows without the names.
func (t *Table) Rows() int {
	if t.columns == 0 {
		return 0
	}
	return (len(t.offsets)-1)/t.columns - 1
}

// Add adds the table's rows to a draft.
func (c *Campaign) Add(t *Table, o ImportOptions) (ImportReport, error) {
	return c.take(o, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, report *C.bulkmsg_import_report,
		size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		data, length := charsOf(t.data)
		return C.bulkmsg_campaign_add(engine, C.int64_t(c.id), data, length, (*C.uint64_t)(unsafe.Pointer(&t.offsets[0])),
			C.size_t(t.columns), C.size_t(t.Rows()+1), config, report, size, err)
	})
}

// ImportContacts makes recipients of stored contacts: a segment's or group's, or everybody.
func (c *Campaign) ImportContacts(selection string) (report SelectionReport, problem error) {
	problem = c.json(&report, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(selection)
		return C.bulkmsg_campaign_import_contacts(engine, C.int64_t(c.id), name, length, out, err)
	})
	return report, problem
}

// SelectionReport says how contacts became recipients.
type SelectionReport struct {
	Chosen, Added, Duplicates, Rejected int64
	Tests, Sandbox, Suppressed          int64
	WithoutConsent                      int64 `json:"without_consent"`
}

// Rejected are the rows that imports left out.
func (c *Campaign) Rejected() *Rows[RowProblem] {
	return rowsOf[RowProblem](c.engine, C.BULKMSG_LIST_REJECTED, c.id, nil)
}

// TemplateCSV is the CSV to fill in for it: the header row that it needs, and an example row.
func (c *Campaign) TemplateCSV() (string, error) {
	return c.engine.text(func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_csv(engine, C.int64_t(c.id), out, err)
	})
}

// WriteRejected writes the rejected rows to a CSV to correct and import again.
func (c *Campaign) WriteRejected(path string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		name, length := chars(path)
		return C.bulkmsg_campaign_write_rejected(engine, C.int64_t(c.id), name, length, err)
	})
}

// StateConsent is the host's word that all recipients of the draft have agreed.
func (c *Campaign) StateConsent(source string) error {
	return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		text, length := chars(source)
		return C.bulkmsg_campaign_state_consent(engine, C.int64_t(c.id), text, length, err)
	})
}

// Plan is frozen, or what it would be.
type Plan struct {
	Messages         int64
	Credits          int64
	CreditsAvailable int64         // -1 without an account
	Duration         time.Duration // under the sender's limits and within the hours, at best
	Hash             string
	Suppressed       int64            // recipients left out
	WithoutConsent   int64            // likewise
	WindowClosed     int64            // likewise
	Preview          string           // the first message; of a dry run only
	Warnings         []string         // of the content rules; of a dry run only
	BySender         map[string]int64 // messages by the sender's name, with several senders; of a dry run only
}

func planOf(p *C.bulkmsg_plan) Plan {
	return Plan{Messages: int64(p.messages), Credits: int64(p.credits), CreditsAvailable: int64(p.credits_available),
		Duration: time.Duration(p.duration_ms) * time.Millisecond, Hash: C.GoString(&p.hash[0]),
		Suppressed: int64(p.suppressed), WithoutConsent: int64(p.without_consent), WindowClosed: int64(p.window_closed)}
}

// DryRun renders every message, prices and hashes; it changes nothing.
func (c *Campaign) DryRun() (Plan, error) {
	var p C.bulkmsg_plan
	var preview, more *C.bulkmsg_text
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_dry_run(engine, C.int64_t(c.id), &p, C.size_t(unsafe.Sizeof(p)), &preview, &more, err)
	})
	if problem != nil {
		return Plan{}, problem
	}
	plan := planOf(&p)
	plan.Preview = takeText(preview)
	var told struct {
		Warnings []string
		BySender []struct {
			Sender   string
			Messages int64
		} `json:"by_sender"`
	}
	if problem := takeJSON(more, &told); problem != nil {
		return plan, problem
	}
	plan.Warnings, plan.BySender = told.Warnings, map[string]int64{}
	for _, share := range told.BySender {
		plan.BySender[share.Sender] = share.Messages
	}
	return plan, nil
}

// StartOptions of Start.
type StartOptions struct {
	IdempotencyKey string // starting again under the same key runs once
	ExpectedHash   string // refuse when the plan's hash is another
	Actor          string // for the history
}

type beginCall func(*C.bulkmsg_engine, *C.bulkmsg_config, *C.bulkmsg_plan, C.size_t, **C.bulkmsg_error) C.bulkmsg_status

func (c *Campaign) begin(kind C.int32_t, given options, body beginCall) (Plan, error) {
	var p C.bulkmsg_plan
	problem := withConfig(kind, given, func(config *C.bulkmsg_config) error {
		return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return body(engine, config, &p, C.size_t(unsafe.Sizeof(p)), err)
		})
	})
	if problem != nil {
		return Plan{}, problem
	}
	return planOf(&p), nil
}

// Start freezes the plan, reserves the credits and begins to send.
func (c *Campaign) Start(o StartOptions) (Plan, error) {
	given := options{"idempotency_key": o.IdempotencyKey, "expected_hash": o.ExpectedHash, "actor": o.Actor}
	return c.begin(C.BULKMSG_CONFIG_START, given, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config,
		plan *C.bulkmsg_plan, size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_start(engine, C.int64_t(c.id), config, plan, size, err)
	})
}

// ScheduleOptions of Schedule.
type ScheduleOptions struct {
	MaxLateness time.Duration // fired later than this, because nobody ran the store, it fails; 0: an hour
	Actor       string        // for the history
}

// Schedule starts it later; all is checked and estimated now, and again then. In mode "post" it waits for the process
// that runs the store as long as the context says.
func (c *Campaign) Schedule(ctx context.Context, at time.Time, o ScheduleOptions) (Plan, error) {
	given := options{"at": at.Format("2006-01-02T15:04:05Z07:00"), "actor": o.Actor, "wait_ms": patience(ctx)}
	given.number("max_lateness_ms", o.MaxLateness.Milliseconds())
	return c.begin(C.BULKMSG_CONFIG_SCHEDULE, given, func(engine *C.bulkmsg_engine, config *C.bulkmsg_config,
		plan *C.bulkmsg_plan, size C.size_t, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_schedule(engine, C.int64_t(c.id), config, plan, size, err)
	})
}

// CancelSchedule makes it a draft again.
func (c *Campaign) CancelSchedule(ctx context.Context, by By) error {
	return c.engine.command(by.within(ctx), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_cancel(engine, C.int64_t(c.id), config, err)
	})
}

// Pause: when it returns nil no new request leaves.
func (c *Campaign) Pause(ctx context.Context, by By) error {
	return c.engine.command(by.within(ctx), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_pause(engine, C.int64_t(c.id), config, err)
	})
}

// Resume sends exactly the rest.
func (c *Campaign) Resume(ctx context.Context, by By) error {
	return c.engine.command(by.within(ctx), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_resume(engine, C.int64_t(c.id), config, err)
	})
}

// Stop ends it for good: what was not sent never is.
func (c *Campaign) Stop(ctx context.Context, by By) error {
	return c.engine.command(by.within(ctx), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_stop(engine, C.int64_t(c.id), config, err)
	})
}

// Discard removes a draft and its recipients.
func (c *Campaign) Discard(by By) error {
	return c.engine.command(by.options(), func(engine *C.bulkmsg_engine, config *C.bulkmsg_config, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_discard(engine, C.int64_t(c.id), config, err)
	})
}

// Edit replaces all that the draft was made with; recipients stay.
func (c *Campaign) Edit(o CampaignOptions) error {
	return withConfig(C.BULKMSG_CONFIG_CAMPAIGN, o.options(), func(config *C.bulkmsg_config) error {
		return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_edit(engine, C.int64_t(c.id), config, err)
		})
	})
}

// TestSend sends what the recipient in this row (from 0) would see to other addresses; the test is a campaign of its
// own.
func (c *Campaign) TestSend(row int64, actor string, addresses ...string) (*Campaign, error) {
	var id C.int64_t
	given := options{"actor": actor}.number("row", row)
	problem := withConfig(C.BULKMSG_CONFIG_TEST_SEND, given, func(config *C.bulkmsg_config) error {
		return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			whom, length := chars(strings.Join(addresses, "\n"))
			return C.bulkmsg_campaign_test_send(engine, C.int64_t(c.id), whom, length, config, &id, err)
		})
	})
	if problem != nil {
		return nil, problem
	}
	return &Campaign{c.engine, int64(id)}, nil
}

// Resolution is a person's word on messages that may have gone.
type Resolution struct {
	Sent    bool  // they went, and are charged; else they did not: failed, credits returned
	Message int64 // one message; 0: all unconfirmed ones
	By            // the Actor is needed
}

// Resolve settles unconfirmed messages; it returns how many.
func (c *Campaign) Resolve(ctx context.Context, r Resolution) (int64, error) {
	given := r.By.within(ctx).number("message", r.Message)
	given["as"] = "not_sent"
	if r.Sent {
		given["as"] = "sent"
	}
	var count C.int64_t
	problem := withConfig(C.BULKMSG_CONFIG_RESOLVE, given, func(config *C.bulkmsg_config) error {
		return c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_resolve(engine, C.int64_t(c.id), config, &count, err)
		})
	})
	return int64(count), problem
}

// RetryOptions of Retry.
type RetryOptions struct {
	Unconfirmed bool   // those that may have gone, in place of those that failed
	All         bool   // of failed also those that would fail again as they are
	Name        string // of the child
	Actor       string // for the history
}

// RetryReport is what a child campaign took over.
type RetryReport struct {
	Child    int64 // a draft, see Engine.Campaign
	Messages int64
	NotYet   int64 `json:"not_yet"` // left: they may pass from NextAt on
	NextAt   Time  `json:"next_at_unix_ms"`
	Hopeless int64 // left: they would fail again
}

// Retry makes a child campaign, a draft, of messages that failed and may pass, or are unconfirmed. Start it to send
// them; discard it to give them back.
func (c *Campaign) Retry(o RetryOptions) (report RetryReport, problem error) {
	given := options{"name": o.Name, "actor": o.Actor}.yes("all", o.All)
	if o.Unconfirmed {
		given["what"] = "unconfirmed"
	}
	problem = withConfig(C.BULKMSG_CONFIG_RETRY, given, func(config *C.bulkmsg_config) error {
		return c.json(&report, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
			return C.bulkmsg_campaign_retry(engine, C.int64_t(c.id), config, out, err)
		})
	})
	return report, problem
}

// State is where it stands.
func (c *Campaign) State() (CampaignState, error) {
	var state C.int32_t
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_state(engine, C.int64_t(c.id), &state, err)
	})
	return CampaignState(state), problem
}

// Counters: Total = Queued + Sent + Failed + Unconfirmed + Skipped; Delivered, Read, Undelivered, Responded are in Sent.
type Counters struct {
	Total, Queued, Sent, Failed, Unconfirmed, Skipped int64
	Delivered, Read, Undelivered, Responded           int64
	CreditsReserved                                   int64 `json:"credits_reserved"`
	CreditsSpent                                      int64 `json:"credits_spent"`
}

// Counters are consistent with each other.
func (c *Campaign) Counters() (Counters, error) {
	var n C.bulkmsg_counters
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_counters(engine, C.int64_t(c.id), &n, C.size_t(unsafe.Sizeof(n)), err)
	})
	return Counters{int64(n.total), int64(n.queued), int64(n.sent), int64(n.failed), int64(n.unconfirmed),
		int64(n.skipped), int64(n.delivered), int64(n.read), int64(n.undelivered), int64(n.responded),
		int64(n.credits_reserved), int64(n.credits_spent)}, problem
}

// CampaignStatus is all that is known of a campaign; Rate, TimeLeft and Missing are unknown in lists.
type CampaignStatus struct {
	ID               int64
	Name             string
	State            CampaignState
	Reason           string // why paused, stopped or failed
	Sender           string
	Template         string
	Agent            string
	ReplyTo          string   `json:"reply_to"`
	PlanHash         string   `json:"plan_hash"`
	CreatedAt        Time     `json:"created_at_unix_ms"`
	StartedAt        Time     `json:"started_at_unix_ms"`
	FinishedAt       Time     `json:"finished_at_unix_ms"`
	ScheduledAt      Time     `json:"scheduled_at_unix_ms"`
	ScheduledAs      string   `json:"scheduled_as"` // as it was written
	MaxLateness      Duration `json:"max_lateness_ms"`
	WhenUnconfirmed  string   `json:"when_unconfirmed"`
	UnconfirmedWait  Duration `json:"unconfirmed_wait_ms"`
	SettledByReceipt int64    `json:"settled_by_receipt"`
	TestOf           int64    `json:"test_of"` // of a test send: the campaign that it shows
	Parent           int64
	Children         []int64
	Counters         Counters
	Rate             float64  // messages a second now
	TimeLeft         Duration `json:"time_left_ms"` // at this rate; negative: not known
	Missing          []Missing
}

// Missing is what a draft still needs before it can start.
type Missing struct{ Step, What string }

// Status is all that is known of it.
func (c *Campaign) Status() (status CampaignStatus, problem error) {
	problem = c.json(&status, func(engine *C.bulkmsg_engine, out **C.bulkmsg_text, err **C.bulkmsg_error) C.bulkmsg_status {
		return C.bulkmsg_campaign_status(engine, C.int64_t(c.id), out, err)
	})
	return status, problem
}

func (c *Campaign) call(body func(*C.bulkmsg_engine, **C.bulkmsg_error) C.bulkmsg_status) error {
	return c.engine.handle.call(body)
}

func (c *Campaign) json(to interface{}, body func(*C.bulkmsg_engine, **C.bulkmsg_text, **C.bulkmsg_error) C.bulkmsg_status) error {
	var out *C.bulkmsg_text
	problem := c.call(func(engine *C.bulkmsg_engine, err **C.bulkmsg_error) C.bulkmsg_status {
		return body(engine, &out, err)
	})
	if problem != nil {
		return problem
	}
	return takeJSON(out, to)
}
